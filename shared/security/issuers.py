"""Tokens of other issuers: agencies whose people and systems sign in at their own OpenID Connect provider.

The file that JITASA_ISSUERS_FILE names lists them; without it only our own tokens are good.

    [{"issuer": "https://login.agency.example", "audience": "jitasa", "algorithms": ["RS256"],
      "within": "50",
      "claims": {"subject": "sub", "role": "groups", "area": "province", "organisation": null},
      "roles": {"jitasa-officers": "place_officer"},
      "area": null, "organisation": null, "max_life_seconds": 3600}]

What an issuer may say is bounded by what is written here: only roles in `roles`, only areas inside `within`. Its
subjects become ids of their own, made from issuer and subject, so that no issuer can name a person of ours or of
another.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from uuid import UUID, uuid5

import structlog
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.contracts.events import Role
from shared.security.key_sets import HttpKeySource
from shared.security.principal import Principal
from shared.security.tokens import AREA, AUDIENCE, InvalidToken, TokenVerifier, unverified

MAX_ISSUERS = 100
"""More than all ministries, provinces and large hospital groups that run a provider of their own."""
MAX_LIFE_SECONDS = 3_600
"""No suspension of ours reaches another issuer's people: an hour is the longest that somebody may go on."""
MOST_GROUPS = 200
"""Entries of a role claim that are read: providers put every group of a person into it."""
DISCOVERY = "/.well-known/openid-configuration"
_SUBJECTS = UUID("6f1a2a0e-7f0c-5d55-9a52-3f1a5d7f4a10")
_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})

_log = structlog.get_logger(__name__)
_Area = Annotated[str, Field(pattern="^([0-9]{2}){0,3}$")]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ClaimNames(_Part):
    """In which claims an issuer says what. A name with dots leads into objects: `realm_access.roles`."""

    subject: str = "sub"
    role: str = "jitasa_role"
    area: str | None = "jitasa_area"
    organisation: str | None = None


class Issuer(_Part):
    """One issuer and what it is trusted with.

    area, organisation: for all its people, where it has no claim that says so.
    """

    issuer: str = Field(max_length=500)
    audience: str = Field(min_length=1, max_length=500)
    algorithms: list[Literal["ES256", "EdDSA", "Ed25519", "RS256"]] = Field(default=["ES256"], min_length=1)
    within: _Area
    roles: dict[str, Role] = Field(min_length=1)
    claims: ClaimNames = ClaimNames()
    area: _Area | None = None
    organisation: UUID | None = None
    max_life_seconds: int = Field(default=MAX_LIFE_SECONDS, ge=60, le=MAX_LIFE_SECONDS)

    @field_validator("issuer")
    @classmethod
    def _encrypted(cls, issuer: str) -> str:
        check_url(issuer)
        return issuer

    @model_validator(mode="after")
    def _area_is_said(self) -> Issuer:
        if self.area is None and self.claims.area is None:
            raise ValueError("either `area` or `claims.area` has to say where a role is held")
        if self.area is not None and not self.area.startswith(self.within):
            raise ValueError("`area` lies outside `within`")
        return self

    def principal(self, claims: Mapping[str, Any], expires_at: datetime) -> Principal:
        """Read a verified token's claims. Raises `InvalidToken`."""
        subject = _claim(claims, self.claims.subject)
        if not isinstance(subject, str) or not 0 < len(subject) <= 255:  # OpenID Connect Core, section 2
            raise InvalidToken("token_malformed")
        token_id = claims.get("jti")
        if not isinstance(token_id, str) or not token_id:
            token_id = sha256(json.dumps(claims, sort_keys=True).encode()).hexdigest()
        return Principal(
            subject=uuid5(_SUBJECTS, f"{self.issuer}\0{subject}"),
            organisation=self._organisation(claims),
            role=self._role(claims),
            area=self._area(claims),
            expires_at=expires_at,
            token_id=token_id,
        )

    def _role(self, claims: Mapping[str, Any]) -> Role:
        said = _claim(claims, self.claims.role)
        groups = said[:MOST_GROUPS] if isinstance(said, list) else [said]
        roles = {self.roles[group] for group in groups if isinstance(group, str) and group in self.roles}
        if len(roles) != 1:  # none that is known, or several: a token carries one role, and we do not choose
            raise InvalidToken("token_without_role")
        return roles.pop()

    def _area(self, claims: Mapping[str, Any]) -> str:
        said = None if self.claims.area is None else _claim(claims, self.claims.area)
        area = self.area if said is None else said
        if not isinstance(area, str) or not AREA.fullmatch(area):
            raise InvalidToken("token_malformed")
        if not area.startswith(self.within):
            raise InvalidToken("token_outside_area")
        return area

    def _organisation(self, claims: Mapping[str, Any]) -> UUID | None:
        said = None if self.claims.organisation is None else _claim(claims, self.claims.organisation)
        if said is None:
            return self.organisation
        try:
            return UUID(said)
        except (ValueError, TypeError, AttributeError):
            raise InvalidToken("token_malformed") from None


def _claim(claims: Mapping[str, Any], name: str) -> Any:
    if name in claims:  # some providers use addresses as names, which have dots in them
        return claims[name]
    value: Any = claims
    for part in name.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def check_url(url: str) -> None:
    """Raise `ValueError` unless keys fetched from `url` are the issuer's own: encrypted, or from this machine."""
    parts = urlsplit(url)
    if parts.username or parts.password or parts.query or parts.fragment or not parts.hostname:
        raise ValueError(f"{url} is not the address of an issuer")
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOCAL):
        raise ValueError(f"{url} has to begin with https://")


@dataclass(slots=True)
class DiscoveredKeys:
    """The key set that an issuer's discovery document names (OpenID Connect Discovery 1.0).

    The document is read again at every fetch: an issuer may move its keys.
    """

    issuer: str

    async def fetch(self) -> bytes:
        """Fetch the keys. Raises `ValueError` for a document of another issuer, or that leads to an open address."""
        document = json.loads(await HttpKeySource(self.issuer.rstrip("/") + DISCOVERY).fetch())
        if not isinstance(document, dict) or document.get("issuer") != self.issuer:
            raise ValueError("the discovery document is of another issuer")
        url = document.get("jwks_uri")
        if not isinstance(url, str):
            raise ValueError("the discovery document names no key set")
        check_url(url)
        return await HttpKeySource(url).fetch()


@dataclass(slots=True)
class Verifiers:
    """Our own issuer's verifier and those of others. Which one judges a token is told by its `iss`, which is proved
    there; an issuer that cannot be reached holds up nobody else's tokens."""

    own: TokenVerifier
    others: Mapping[str, TokenVerifier]
    _started: AsyncExitStack = field(default_factory=AsyncExitStack)

    @property
    def ready(self) -> bool:
        """Whether tokens of ours can be judged."""
        return self.own.ready

    async def start(self) -> None:
        """Fetch the keys of all, at once, and keep them fresh."""
        verifiers = [self.own, *self.others.values()]
        await asyncio.gather(*(each.start() for each in verifiers))
        for each in verifiers:
            self._started.push_async_callback(each.close)

    async def close(self) -> None:
        """Stop keeping the keys fresh."""
        await self._started.aclose()

    async def verify(self, token: str) -> Principal:
        """Say who holds `token`. Raises `InvalidToken`, or `KeysUnavailable` while its issuer was never reached."""
        if not self.others or self.own.knows(token):
            return await self.own.verify(token)
        _, claims = unverified(token)
        issuer = claims.get("iss")
        other = self.others.get(issuer) if isinstance(issuer, str) else None
        return await (self.own if other is None else other).verify(token)


class IssuerSettings(BaseSettings):
    """JITASA_ISSUERS_FILE: the issuers beside our own; none without it."""

    model_config = SettingsConfigDict(env_prefix="JITASA_")

    issuers_file: Path | None = None


def read_issuers(path: Path) -> Sequence[Issuer]:
    """Read the file of issuers. Raises `ValueError` naming the file and what is wrong in it."""
    try:
        issuers = TypeAdapter(list[Issuer]).validate_json(path.read_bytes())
    except ValidationError as error:
        raise ValueError(f"{path} does not hold issuers: {error}") from error
    if len(issuers) > MAX_ISSUERS or len({one.issuer for one in issuers}) != len(issuers):
        raise ValueError(f"{path} may hold {MAX_ISSUERS} issuers, each once")
    return issuers


def verifiers(
    own: TokenVerifier, issuer: str, *, settings: IssuerSettings | None = None, now: Callable[[], float] = time.time
) -> Verifiers:
    """Put `own`, which verifies tokens of our `issuer`, together with the issuers of the settings.

    Raises `ValueError` for settings that cannot be meant, such as another definition of our own issuer.
    """
    path = (IssuerSettings() if settings is None else settings).issuers_file
    others: dict[str, TokenVerifier] = {}
    for one in read_issuers(path) if path is not None else ():
        if one.issuer == issuer:
            raise ValueError(f"{path} names our own issuer {issuer}")
        others[one.issuer] = TokenVerifier(
            "",
            one.issuer,
            one.audience,
            source=DiscoveredKeys(one.issuer),
            now=now,
            algorithms=one.algorithms,
            principal_of=one.principal,
            max_life_s=one.max_life_seconds,
            key_ids_optional=True,
        )
    if others:
        _log.info("token_issuers", others=sorted(others))
    return Verifiers(own, others)


def verifier_over_http(jwks_url: str, issuer: str, audience: str = AUDIENCE) -> Verifiers:
    """Make the verifier of a service that fetches our keys from `jwks_url`."""
    return verifiers(TokenVerifier(jwks_url, issuer, audience), issuer)
