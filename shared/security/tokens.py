"""Access tokens: JSON Web Tokens, signed with ES256 by us, verified offline against the issuer's key set (JWKS).

Only the algorithms that are set for an issuer are accepted, ES256 for our own, each with keys of its own kind,
whatever a token's header claims: neither `none` nor a symmetric algorithm keyed with the public key can pass. Where
keys come from is set, too: `jku`, `x5u`, `jwk` and `x5c` in a header are not read.
"""

from __future__ import annotations

import asyncio
import json
import math
import re
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import structlog
from joserfc import jws, jwt
from joserfc.errors import BadSignatureError, JoseError
from joserfc.jwk import KeySet

from shared.contracts.events import Role
from shared.security.key_file import Followed
from shared.security.key_sets import HttpKeySource, KeySource, PublicKey, claims_of, public_keys
from shared.security.principal import Principal
from shared.security.signing_keys import ALGORITHM, SigningKeys, read_signing_keys

AUDIENCE = "jitasa"

MAX_TOKEN_LENGTH = (
    4096  # ours have about 600 characters; nobody shall make us parse a megabyte before we know who he is
)
MAX_CACHED_TOKENS = 20_000  # some 20 MB at most; a token is verified about 100 times faster when it is found here
REFETCH_SECONDS = 5.0  # tokens with invented key ids may cost the issuer one request in this time, not more
FIRST_FETCH_SECONDS = 0.5  # until a key is known: services start side by side, and wait for the issuer's keys
REFRESH_SECONDS = 300.0  # a key that was withdrawn is forgotten everywhere after this time

_END_OF_TIME = datetime.max.replace(tzinfo=UTC).timestamp()
AREA = re.compile(r"(?:\d\d){0,3}", re.ASCII)

_log = structlog.get_logger(__name__)


class InvalidToken(Exception):
    """A token that does not prove who is asking.

    `code` is one of token_missing, token_malformed, token_expired, token_not_yet_valid, token_bad_signature,
    token_wrong_audience, token_wrong_issuer, token_unknown_key; of other issuers' tokens also token_without_role and
    token_outside_area.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class KeysUnavailable(Exception):
    """The issuer's key set was never reached, so that no token can be judged: our fault, not the token's."""


class TokenSigner:
    """Signs access tokens. Which key signs when is told by the keys (shared/security/signing_keys.py)."""

    def __init__(
        self, keys: KeySet | SigningKeys, *, issuer: str, audience: str = AUDIENCE, file: Followed | None = None
    ) -> None:
        self._keys = keys if isinstance(keys, SigningKeys) else SigningKeys.of_set(keys)
        self._issuer = issuer
        self._audience = audience
        self._file = file

    @classmethod
    def from_file(cls, path: Path, *, issuer: str, audience: str = AUDIENCE) -> TokenSigner:
        """Read a file of signing keys. Raises `ValueError` naming the file when it cannot be one."""
        file = Followed(path, "signing_keys_unreadable")  # before it is read: what replaces it meanwhile is another
        return cls(read_signing_keys(path), issuer=issuer, audience=audience, file=file)

    def reload(self) -> bool:
        """Read the file again if it was replaced; True if so. A bad one is logged, and the keys stay as they were."""
        if self._file is None or not self._file.reload(self._read):
            return False
        _log.info("signing_keys", known=[one.key_id for one in self._keys.keys])
        return True

    def _read(self, path: Path) -> None:
        self._keys = read_signing_keys(path)

    @property
    def jwks(self) -> bytes:
        """The public key set as it is served at /.well-known/jwks.json."""
        return self._keys.published

    async def fetch(self) -> bytes:
        """Be the `KeySource` of a verifier in the issuer's own process."""
        return self._keys.published

    def sign(
        self,
        *,
        subject: UUID,
        organisation: UUID | None,
        role: Role,
        area: str,
        issued_at: datetime,
        expires_at: datetime,
        session: UUID | None = None,
    ) -> str:
        """Make a token for `subject`, who holds `role` in `area`. Both times are aware; whole seconds count.

        session: the sign-in that it came from, which ends when the token is revoked.
        """
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
        if session is not None:
            claims["sid"] = str(session)
        return self._signed(claims, "at+jwt", issued_at)

    def sign_without_role(
        self, subject: UUID, *, audience: str, kind: str, issued_at: datetime, expires_at: datetime
    ) -> str:
        """Make a token of `audience` for somebody who holds no role, as shared/security/citizen_tokens.py reads it.

        kind: the header's `typ`.
        """
        claims = {
            "iss": self._issuer,
            "aud": audience,
            "sub": str(subject),
            "jti": str(uuid4()),
            "iat": int(issued_at.timestamp()),
            "exp": int(expires_at.timestamp()),
        }
        return self._signed(claims, kind, issued_at)

    def _signed(self, claims: dict[str, Any], kind: str, issued_at: datetime) -> str:
        key = self._keys.at(issued_at)
        return jwt.encode({"alg": ALGORITHM, "typ": kind, "kid": key.kid}, claims, key, algorithms=[ALGORITHM])


PrincipalOf = Callable[[Mapping[str, Any], datetime], Principal]
"""Reads who holds a token out of its claims, given when it expires. Raises `InvalidToken`."""


def our_principal(claims: Mapping[str, Any], expires_at: datetime) -> Principal:
    """Read the claims of our own tokens. Raises `InvalidToken`."""
    area, token_id = claims.get("area"), claims.get("jti")
    if not isinstance(area, str) or not AREA.fullmatch(area) or not isinstance(token_id, str) or not token_id:
        raise InvalidToken("token_malformed")
    try:
        return Principal(
            subject=UUID(claims["sub"]),
            organisation=UUID(claims["org"]) if "org" in claims else None,
            role=Role(claims["role"]),
            area=area,
            expires_at=expires_at,
            token_id=token_id,
        )
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise InvalidToken("token_malformed") from error


class TokenVerifier:
    """Verifies access tokens offline.

    The key set is fetched at `start`, again every five minutes, and at once, though rarely, when a token names a key
    that is not known: that is what a key rotation looks like. While the issuer cannot be reached, the keys known last
    go on being used. key_ids_optional: an issuer of one key need not name it (OpenID Connect Core, section 10.1).
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
        algorithms: Collection[str] = (ALGORITHM,),
        principal_of: PrincipalOf = our_principal,
        max_life_s: float = math.inf,  # what an issuer beside ours may ask for is bounded (shared/security/issuers.py)
        key_ids_optional: bool = False,
    ) -> None:
        self._source = source if source is not None else HttpKeySource(jwks_url)
        self._issuer = issuer
        self._audience = audience
        self._leeway = leeway_s
        self._now = now
        self._algorithms = frozenset(algorithms)
        self._principal_of = principal_of
        self._max_life = max_life_s
        self._key_ids_optional = key_ids_optional
        self._keys: dict[str, PublicKey] = {}
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

    def knows(self, token: str) -> bool:
        """Whether `token` was found good before, so that `verify` need not read it again."""
        return token in self._verified

    async def verify(self, token: str) -> Principal:
        """Say who holds `token`. Raises `InvalidToken`, or `KeysUnavailable` when no key set was ever reached."""
        known = self._verified.get(token)
        if known is not None:
            if known.expires_at.timestamp() + self._leeway <= self._now():
                del self._verified[token]
                raise InvalidToken("token_expired")
            self._verified.move_to_end(token)
            return known
        principal = self._principal_of(*await self.proved(token))
        self._verified[token] = principal
        if len(self._verified) > MAX_CACHED_TOKENS:
            self._verified.popitem(last=False)
        return principal

    async def proved(self, token: str) -> tuple[Mapping[str, Any], datetime]:
        """Return the claims of a good token, and when it expires. Raises as `verify`."""
        return self._judge(await self._verified_claims(token))

    async def _verified_claims(self, token: str) -> Mapping[str, Any]:
        header, _ = unverified(token)
        algorithm = header.get("alg")
        if not isinstance(algorithm, str) or algorithm not in self._algorithms:
            raise InvalidToken("token_bad_signature")
        key_id = header.get("kid")
        unnamed = self._key_ids_optional and key_id is None
        key = await (self._only_key() if unnamed else self._key(key_id))
        try:
            return claims_of(token, key, algorithm)
        except BadSignatureError as error:
            fresh = key
            if unnamed:  # the only key there is may be another one by now
                await self._refetch(self._fetches)
                fresh = await self._only_key()
            if fresh is key:
                raise InvalidToken("token_bad_signature") from error
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise InvalidToken("token_malformed") from error
        try:
            return claims_of(token, fresh, algorithm)
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise InvalidToken("token_bad_signature") from error

    async def _key(self, key_id: object) -> PublicKey:
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

    async def _only_key(self) -> PublicKey:
        if not self._keys:
            await self._refetch(self._fetches)
        if not self._keys:
            raise KeysUnavailable
        if len(self._keys) > 1:
            raise InvalidToken("token_unknown_key")
        return next(iter(self._keys.values()))

    @property
    def _patience(self) -> float:
        return REFETCH_SECONDS if self._keys else FIRST_FETCH_SECONDS

    async def _refetch(self, fetches_seen: int) -> None:
        """Fetch the key set, unless another task did so while this one waited, or it was done a moment ago."""
        async with self._fetching:
            if self._fetches != fetches_seen or time.monotonic() < self._fetched_at + self._patience:
                return
            try:
                document = await self._source.fetch()
                keys = public_keys(document, self._algorithms, key_ids_optional=self._key_ids_optional)
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
            await asyncio.sleep(REFRESH_SECONDS if self._keys else FIRST_FETCH_SECONDS)
            await self._refetch(self._fetches)

    def _judge(self, claims: Mapping[str, Any]) -> tuple[Mapping[str, Any], datetime]:
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
        expires = min(expires, _seconds(claims, "iat") + self._max_life)
        if expires + self._leeway <= now:
            raise InvalidToken("token_expired")
        try:
            return claims, datetime.fromtimestamp(expires, UTC)
        except (ValueError, OverflowError, OSError) as error:
            raise InvalidToken("token_malformed") from error


def unverified(token: str) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Return the header and the claims of a token that nobody has proved yet. Raises `InvalidToken`."""
    if not token:
        raise InvalidToken("token_missing")
    if len(token) > MAX_TOKEN_LENGTH or not token.isascii():
        raise InvalidToken("token_malformed")
    try:
        extracted = jws.extract_compact(token.encode())
        header, claims = extracted.headers(), json.loads(extracted.payload)
    except (JoseError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise InvalidToken("token_malformed") from error
    if not isinstance(claims, dict):
        raise InvalidToken("token_malformed")
    return header, claims


def _seconds(claims: Mapping[str, Any], name: str) -> float:
    value = claims.get(name)
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < _END_OF_TIME:
        raise InvalidToken("token_malformed")
    return value
