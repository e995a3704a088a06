"""Tokens of citizens: somebody who proved a phone by a one-time code, and holds no role and no account.

They are signed with the same keys as people's tokens and have another audience, so that no route for people takes one,
and none for citizens takes a token of people. The subject is a keyed hash of the phone: the same phone is the same
citizen, and only who has the key can go from a number to the subject.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from time import time
from typing import Final
from uuid import UUID

from shared.security.blind_index import BlindIndex
from shared.security.identifiers import mobile_number
from shared.security.key_sets import KeySource
from shared.security.tokens import InvalidToken, TokenSigner, TokenVerifier, unverified

AUDIENCE: Final = "jitasa-citizen"
KIND: Final = "citizen+jwt"
"""The header's `typ`."""


# RFC 9562, version 8: a UUID whose bits have a meaning of our own.
_VERSION_8: Final = 0x8000 << 64 | 0x8 << 60
_HASHED: Final = ~(0xF000 << 64 | 0xC << 60)


@dataclass(frozen=True, slots=True)
class Citizen:
    """The holder of a verified token: a phone, known by its keyed hash alone. `expires_at` is UTC and aware."""

    subject: UUID
    expires_at: datetime


def citizen_of(index: BlindIndex, phone: str) -> UUID:
    """Return the subject of whoever holds `phone`, in any spelling. Raises `InvalidIdentifier`."""
    digest = index.of("citizen", mobile_number(phone))
    return UUID(int=int.from_bytes(digest[:16]) & _HASHED | _VERSION_8)


def sign_citizen(signer: TokenSigner, subject: UUID, *, issued_at: datetime, expires_at: datetime) -> str:
    """Make a citizen's token. Both times are aware; whole seconds count."""
    return signer.sign_without_role(subject, audience=AUDIENCE, kind=KIND, issued_at=issued_at, expires_at=expires_at)


class CitizenVerifier:
    """Verifies citizens' tokens offline. Only our own issuer makes them."""

    def __init__(
        self, jwks_url: str, issuer: str, *, source: KeySource | None = None, now: Callable[[], float] = time
    ) -> None:
        self._tokens = TokenVerifier(jwks_url, issuer, AUDIENCE, source=source, now=now)

    @property
    def ready(self) -> bool:
        """Whether a key set is known, so that tokens can be judged."""
        return self._tokens.ready

    async def start(self) -> None:
        """Fetch the keys and keep them fresh."""
        await self._tokens.start()

    async def close(self) -> None:
        """Stop keeping the keys fresh."""
        await self._tokens.close()

    async def verify(self, token: str) -> Citizen:
        """Say who holds `token`. Raises `InvalidToken`, or `KeysUnavailable` when no key set was ever reached."""
        claims, expires_at = await self._tokens.proved(token)
        if unverified(token)[0].get("typ") != KIND:
            raise InvalidToken("token_malformed")
        try:
            return Citizen(UUID(claims["sub"]), expires_at)
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            raise InvalidToken("token_malformed") from error
