"""Access tokens: JSON Web Tokens signed with ES256, verified offline against the issuer's key set (JWKS).

Only ES256 is accepted, whatever a token's header claims: neither `none` nor a symmetric algorithm keyed with the
public key can pass.
"""

from __future__ import annotations

import asyncio
import json
import math
import re
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID, uuid4

import httpx
import structlog
from joserfc import jws, jwt
from joserfc.errors import BadSignatureError, JoseError
from joserfc.jwk import ECKey, KeySet

from shared.contracts.events import Role
from shared.security.principal import Principal

ALGORITHM = "ES256"
AUDIENCE = "jitasa"

MAX_TOKEN_LENGTH = (
    4096  # ours have about 600 characters; nobody shall make us parse a megabyte before we know who he is
)
MAX_KEYS = 16  # the current key and the retired ones whose tokens still live; far more than any rotation needs
MAX_JWKS_BYTES = 64 * 1024  # 16 keys of about 250 bytes each, with room for certificates that other issuers add
MAX_CACHED_TOKENS = 20_000  # some 20 MB at most; a token is verified about 100 times faster when it is found here
REFETCH_SECONDS = 5.0  # tokens with invented key ids may cost the issuer one request in this time, not more
REFRESH_SECONDS = 300.0  # a key that was withdrawn is forgotten everywhere after this time
FETCH_TIMEOUT_SECONDS = 5.0  # a key set is one small file from a neighbour: slower than this is broken

_END_OF_TIME = datetime.max.replace(tzinfo=UTC).timestamp()
_AREA = re.compile(r"(?:\d\d){0,3}", re.ASCII)

_log = structlog.get_logger(__name__)


class InvalidToken(Exception):
    """A token that does not prove who is asking.

    `code` is one of token_missing, token_malformed, token_expired, token_not_yet_valid, token_bad_signature,
    token_wrong_audience, token_wrong_issuer, token_unknown_key.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class KeysUnavailable(Exception):
    """The issuer's key set was never reached, so that no token can be judged: our fault, not the token's."""


class KeySource(Protocol):
    """Where a verifier gets the issuer's public keys from."""

    async def fetch(self) -> bytes:
        """Return the JWKS document. `OSError`, `httpx.HTTPError` and `ValueError` mean that it is not to be had now."""
        ...


@dataclass(frozen=True, slots=True)
class HttpKeySource:
    """The key set that an issuer publishes at `url`."""

    url: str

    async def fetch(self) -> bytes:
        """Fetch the document, refusing one that is longer than a key set can be."""
        async with (
            httpx.AsyncClient(timeout=FETCH_TIMEOUT_SECONDS, trust_env=False) as client,
            client.stream("GET", self.url) as response,
        ):
            response.raise_for_status()
            document = b""
            async for piece in response.aiter_bytes():
                document += piece
                if len(document) > MAX_JWKS_BYTES:
                    raise ValueError(f"the key set is longer than {MAX_JWKS_BYTES} bytes")
            return document


class TokenSigner:
    """Signs access tokens. The first key of the private key set signs; the others are retired and only published."""

    def __init__(self, keys: KeySet, *, issuer: str, audience: str = AUDIENCE) -> None:
        signing = [key for key in keys.keys if isinstance(key, ECKey) and key.curve_name == "P-256"]
        if not signing or len(signing) != len(keys.keys) or any(key.kid is None for key in signing):
            raise ValueError("the signing keys must be a JWK set of P-256 keys, each with a kid")
        if not signing[0].is_private:
            raise ValueError("the first signing key must be a private key")
        self._key = signing[0]
        self._issuer = issuer
        self._audience = audience
        self._published = json.dumps(
            {"keys": [{**key.as_dict(private=False), "use": "sig", "alg": ALGORITHM} for key in signing]}
        ).encode()

    @classmethod
    def from_file(cls, path: Path, *, issuer: str, audience: str = AUDIENCE) -> TokenSigner:
        """Read a private JWK set. Raises `ValueError` naming the file when it cannot be one."""
        try:
            keys = KeySet.import_key_set(json.loads(path.read_bytes()))
        except (ValueError, KeyError, TypeError, JoseError) as error:
            raise ValueError(f"{path} does not hold a JWK set with private keys") from error
        return cls(keys, issuer=issuer, audience=audience)

    @property
    def jwks(self) -> bytes:
        """The public key set as it is served at /.well-known/jwks.json."""
        return self._published

    async def fetch(self) -> bytes:
        """Be the `KeySource` of a verifier in the issuer's own process."""
        return self._published

    def sign(
        self,
        *,
        subject: UUID,
        organisation: UUID | None,
        role: Role,
        area: str,
        issued_at: datetime,
        expires_at: datetime,
    ) -> str:
        """Make a token for `subject`, who holds `role` in `area`. Both times are aware; whole seconds count."""
        claims: dict[str, Any] = {
            "iss": self._issuer,
            "aud": self._audience,
            "sub": str(subject),
            "jti": str(uuid4()),
            "iat": int(issued_at.timestamp()),
            "nbf": int(issued_at.timestamp()),
            "exp": int(expires_at.timestamp()),
            "role": str(role),
            "area": area,
        }
        if organisation is not None:
            claims["org"] = str(organisation)
        header = {"alg": ALGORITHM, "typ": "at+jwt", "kid": self._key.kid}
        return jwt.encode(header, claims, self._key, algorithms=[ALGORITHM])


class TokenVerifier:
    """Verifies access tokens offline.

    The key set is fetched at `start`, again every five minutes, and at once, though rarely, when a token names a key
    that is not known: that is what a key rotation looks like. While the issuer cannot be reached, the keys known last
    go on being used.
    """

    def __init__(
        self,
        jwks_url: str,
        issuer: str,
        audience: str = AUDIENCE,
        leeway_s: float = 30,  # phones do not verify, servers do, and theirs are kept by NTP: half a minute is plenty
        *,
        source: KeySource | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._source = source if source is not None else HttpKeySource(jwks_url)
        self._issuer = issuer
        self._audience = audience
        self._leeway = leeway_s
        self._now = now
        self._keys: dict[str, ECKey] = {}
        self._document = b""
        self._fetching = asyncio.Lock()
        self._fetched_at = -math.inf
        self._fetches = 0
        self._verified: OrderedDict[str, Principal] = OrderedDict()
        self._refresher: asyncio.Task[None] | None = None

    @property
    def ready(self) -> bool:
        """Whether a key set is known, so that tokens can be judged."""
        return bool(self._keys)

    async def start(self) -> None:
        """Fetch the keys and keep them fresh. An issuer that is not up yet is asked again until it answers."""
        await self._refetch(self._fetches)
        self._refresher = asyncio.create_task(self._keep_fresh(), name="token-keys")

    async def close(self) -> None:
        """Stop keeping the keys fresh."""
        if self._refresher is not None:
            self._refresher.cancel()
            with suppress(asyncio.CancelledError):
                await self._refresher
            self._refresher = None

    async def verify(self, token: str) -> Principal:
        """Say who holds `token`. Raises `InvalidToken`, or `KeysUnavailable` when no key set was ever reached."""
        known = self._verified.get(token)
        if known is not None:
            if known.expires_at.timestamp() + self._leeway <= self._now():
                del self._verified[token]
                raise InvalidToken("token_expired")
            self._verified.move_to_end(token)
            return known
        principal = self._judge(await self._verified_claims(token))
        self._verified[token] = principal
        if len(self._verified) > MAX_CACHED_TOKENS:
            self._verified.popitem(last=False)
        return principal

    async def _verified_claims(self, token: str) -> Mapping[str, Any]:
        if not token:
            raise InvalidToken("token_missing")
        if len(token) > MAX_TOKEN_LENGTH or not token.isascii():
            raise InvalidToken("token_malformed")
        try:
            header = jws.extract_compact(token.encode()).headers()
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise InvalidToken("token_malformed") from error
        if header.get("alg") != ALGORITHM:
            raise InvalidToken("token_bad_signature")
        key = await self._key(header.get("kid"))
        try:
            return jwt.decode(token, key, algorithms=[ALGORITHM]).claims
        except BadSignatureError as error:
            raise InvalidToken("token_bad_signature") from error
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise InvalidToken("token_malformed") from error

    async def _key(self, key_id: object) -> ECKey:
        if not isinstance(key_id, str):
            raise InvalidToken("token_unknown_key")
        if key_id not in self._keys:
            await self._refetch(self._fetches)
        if not self._keys:
            raise KeysUnavailable
        try:
            return self._keys[key_id]
        except KeyError:
            raise InvalidToken("token_unknown_key") from None

    async def _refetch(self, fetches_seen: int) -> None:
        """Fetch the key set, unless another task did so while this one waited, or it was done a moment ago."""
        async with self._fetching:
            if self._fetches != fetches_seen or time.monotonic() < self._fetched_at + REFETCH_SECONDS:
                return
            try:
                document = await self._source.fetch()
                keys = _public_keys(document)
            except (OSError, httpx.HTTPError, ValueError) as error:
                _log.warning("token_keys_not_to_be_had", cause=type(error).__name__, known=sorted(self._keys))
            else:
                if document != self._document:
                    # A token signed with a key that was withdrawn shall not live on in the cache.
                    self._verified.clear()
                    _log.info("token_keys", known=sorted(keys))
                self._document, self._keys = document, keys
            finally:
                self._fetches += 1
                self._fetched_at = time.monotonic()

    async def _keep_fresh(self) -> None:
        while True:
            await asyncio.sleep(REFRESH_SECONDS if self._keys else REFETCH_SECONDS)
            await self._refetch(self._fetches)

    def _judge(self, claims: Mapping[str, Any]) -> Principal:
        now = self._now()
        if claims.get("iss") != self._issuer:
            raise InvalidToken("token_wrong_issuer")
        audience = claims.get("aud")
        if self._audience not in (audience if isinstance(audience, list) else [audience]):
            raise InvalidToken("token_wrong_audience")
        expires = _seconds(claims, "exp")
        if expires + self._leeway <= now:
            raise InvalidToken("token_expired")
        starts = max(_seconds(claims, "iat"), _seconds(claims, "nbf") if "nbf" in claims else -math.inf)
        if starts - self._leeway > now:
            raise InvalidToken("token_not_yet_valid")
        area, token_id = claims.get("area"), claims.get("jti")
        if not isinstance(area, str) or not _AREA.fullmatch(area) or not isinstance(token_id, str) or not token_id:
            raise InvalidToken("token_malformed")
        try:
            return Principal(
                subject=UUID(claims["sub"]),
                organisation=UUID(claims["org"]) if "org" in claims else None,
                role=Role(claims["role"]),
                area=area,
                expires_at=datetime.fromtimestamp(expires, UTC),
                token_id=token_id,
            )
        except (KeyError, ValueError, TypeError, AttributeError, OverflowError, OSError) as error:
            raise InvalidToken("token_malformed") from error


def _seconds(claims: Mapping[str, Any], name: str) -> float:
    value = claims.get(name)
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < _END_OF_TIME:
        raise InvalidToken("token_malformed")
    return value


def _public_keys(document: bytes) -> dict[str, ECKey]:
    """Take the keys that can verify ES256 out of a JWKS document; others in it are none of our business."""
    entries = json.loads(document)
    if not isinstance(entries, dict) or not isinstance(entries.get("keys"), list):
        raise ValueError("this is not a key set")
    keys: dict[str, ECKey] = {}
    for entry in entries["keys"][:MAX_KEYS]:
        if not isinstance(entry, dict) or entry.get("kty") != "EC" or entry.get("crv") != "P-256":
            continue
        if (
            entry.get("use", "sig") != "sig"
            or entry.get("alg", ALGORITHM) != ALGORITHM
            or not isinstance(entry.get("kid"), str)
        ):
            continue
        with suppress(JoseError, ValueError, KeyError, TypeError):
            keys[entry["kid"]] = ECKey.import_key({name: entry[name] for name in ("kty", "crv", "x", "y", "kid")})
    if not keys:
        raise ValueError("the key set holds no key for ES256")
    return keys
