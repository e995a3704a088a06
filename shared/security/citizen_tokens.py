"""Tokens of citizens (citizens.py).

They are signed with the same keys as people's tokens and have another audience, so that no route for people takes one,
and none for citizens takes a token of people.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from time import time
from typing import Final
from uuid import UUID

from shared.security.citizens import Citizen
from shared.security.key_sets import KeySource
from shared.security.tokens import InvalidToken, TokenSigner, TokenVerifier, unverified

AUDIENCE: Final = "jitasa-citizen"
KIND: Final = "citizen+jwt"
"""The header's `typ`."""


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
