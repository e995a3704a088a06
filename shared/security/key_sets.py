"""The public keys that an issuer of tokens publishes (JWKS): where they come from, and which are used for what.

Each algorithm is used with its own kind of key, whatever a token's header or a key set claims.
"""

from __future__ import annotations

import json
import ssl
import warnings
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

import httpx
from joserfc import jwt
from joserfc.errors import BadSignatureError, JoseError, SecurityWarning
from joserfc.jwk import ECKey, OKPKey, RSAKey

from shared.security.signing_keys import MAX_KEYS

KEY_KINDS: Mapping[str, tuple[str, str | None]] = {
    "ES256": ("EC", "P-256"),
    "EdDSA": ("OKP", "Ed25519"),
    "Ed25519": ("OKP", "Ed25519"),  # RFC 9864's name of the same
    "RS256": ("RSA", None),
}
"""The algorithms that an issuer can be set to, each with the one kind of key (kty, crv) that it is used with."""
MIN_RSA_BITS = 2048  # shorter ones are refused by every guideline since 2014
MAX_JWKS_BYTES = 64 * 1024  # 16 keys of about 250 bytes each, with room for certificates that other issuers add
FETCH_TIMEOUT_SECONDS = 5.0  # a key set is one small file from a neighbour: slower than this is broken

PublicKey = ECKey | OKPKey | RSAKey


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
            httpx.AsyncClient(timeout=FETCH_TIMEOUT_SECONDS, trust_env=False, verify=_authorities()) as client,
            client.stream("GET", self.url) as response,
        ):
            response.raise_for_status()
            document = b""
            async for piece in response.aiter_bytes():
                document += piece
                if len(document) > MAX_JWKS_BYTES:
                    raise ValueError(f"the key set is longer than {MAX_JWKS_BYTES} bytes")
            return document


@cache
def _authorities() -> ssl.SSLContext:
    """The system's certificate authorities. Reading them takes longer than fetching a key set."""
    return ssl.create_default_context()


def public_keys(document: bytes, algorithms: Collection[str], *, key_ids_optional: bool) -> dict[str, PublicKey]:
    """Take the keys that can verify `algorithms` out of a JWKS document; others in it are none of our business."""
    entries = json.loads(document)
    if not isinstance(entries, dict) or not isinstance(entries.get("keys"), list):
        raise ValueError("this is not a key set")
    keys: dict[str, PublicKey] = {}
    for entry in entries["keys"][:MAX_KEYS]:
        if not isinstance(entry, dict) or entry.get("use", "sig") != "sig":
            continue
        key_id = entry.get("kid", "" if key_ids_optional else None)
        if not isinstance(key_id, str):
            continue
        usable = {name for name in algorithms if KEY_KINDS[name] == (entry.get("kty"), entry.get("crv"))}
        if not usable or entry.get("alg", next(iter(usable))) not in usable:
            continue
        with suppress(JoseError, ValueError, KeyError, TypeError):
            key = _imported(entry)
            if not isinstance(key, RSAKey) or key.raw_value.key_size >= MIN_RSA_BITS:
                keys[key_id] = key
    if not keys:
        raise ValueError(f"the key set holds no key for {', '.join(sorted(algorithms))}")
    return keys


def _imported(entry: Mapping[str, Any]) -> PublicKey:
    """Import the public part of a key alone, whatever else stands beside it."""
    match entry["kty"]:
        case "EC":
            return ECKey.import_key({name: entry[name] for name in ("kty", "crv", "x", "y")})
        case "OKP":
            return OKPKey.import_key({name: entry[name] for name in ("kty", "crv", "x")})
        case _:
            return RSAKey.import_key({name: entry[name] for name in ("kty", "n", "e")})


def claims_of(token: str, key: PublicKey, algorithm: str) -> Mapping[str, Any]:
    """Return what a token signed with `key` says. Raises `BadSignatureError`, also for a key of another kind."""
    if not _is_for(key, algorithm):
        raise BadSignatureError
    if algorithm != "EdDSA":
        return jwt.decode(token, key, algorithms=[algorithm]).claims
    with warnings.catch_warnings():
        # The old name of Ed25519, which issuers still write (RFC 9864).
        warnings.simplefilter("ignore", SecurityWarning)
        return jwt.decode(token, key, algorithms=[algorithm]).claims


def _is_for(key: PublicKey, algorithm: str) -> bool:
    """Say whether `key` is of the kind that `algorithm` is used with."""
    match key:
        case ECKey():
            return KEY_KINDS[algorithm] == ("EC", key.curve_name)
        case OKPKey():
            return KEY_KINDS[algorithm] == ("OKP", key.curve_name)
        case _:
            return KEY_KINDS[algorithm] == ("RSA", None)
