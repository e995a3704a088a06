"""Who may read what from outside, and what follows from it in Kafka. Rules only."""

import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final
from uuid import UUID

from shared.contracts.topics import PUBLIC

STREAMS: Final = tuple(topic.name for topic in PUBLIC)
"""What can be granted. The private topic is not among them, whoever asks."""

NAME: Final = r"^[a-z][a-z0-9_]{1,31}$"
"""Without a hyphen: with one, the groups of `a` (`ext-a-…`) would hold those of a subscriber named `a-b`."""
PREFIX: Final = "ext-"
"""Of every subscriber's Kafka user: no service's begins so."""

MOST_SUBSCRIBERS: Final = 200
"""Not revoked. Each has a connection or two of the listener's 500."""

LEAST_BYTES: Final = 64 * 1024
MOST_BYTES: Final = 64 * 1024 * 1024
DEFAULT_BYTES: Final = 4 * 1024 * 1024
"""The whole history of the country, some 5 GB, in 20 minutes; five such subscribers leave the disk to the services."""
MOST_PERCENT: Final = 100
DEFAULT_PERCENT: Final = 20
"""Of one thread's time: a fifth of one of the broker's eight threads. Reading at the full rate takes far less."""
WRITTEN_BYTES: Final = 1024
"""A second. Nothing that a subscriber sends is written, but what is refused has to be read first."""


class Change(StrEnum):
    """What was done to a subscriber."""

    MADE = "made"
    GRANTED = "granted"
    PASSWORD = "password"  # noqa: S105 - a word of ours
    REVOKED = "revoked"


class State(StrEnum):
    """How far Kafka is with what was decided."""

    APPLYING = "applying"
    IN_FORCE = "in_force"
    PASSWORD_LOST = "password_lost"  # noqa: S105 - a word of ours
    REVOKING = "revoking"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Grant:
    """What a subscriber may: streams to be read, bytes a second, and per cent of one broker thread's time."""

    streams: tuple[str, ...]
    bytes_a_second: int = DEFAULT_BYTES
    request_percent: int = DEFAULT_PERCENT

    @property
    def quotas(self) -> Mapping[str, float]:
        """By Kafka's own names."""
        return MappingProxyType(
            {
                "consumer_byte_rate": float(self.bytes_a_second),
                "producer_byte_rate": float(WRITTEN_BYTES),
                "request_percentage": float(self.request_percent),
            }
        )


@dataclass(frozen=True, slots=True)
class Subscriber:
    """One subscriber as it was decided. client_id: its account at registration, where one is known.

    revision: counts the decisions; applied_revision: the last one that Kafka has. password_lost: Kafka has none for it,
    as after the loss of a cluster, and only a new one can help.
    """

    subscriber_id: UUID
    name: str
    client_id: UUID | None
    grant: Grant
    revision: int
    applied_revision: int
    applied_at: datetime | None
    password_at: datetime
    password_lost: bool
    created_at: datetime
    revoked_at: datetime | None

    @property
    def user(self) -> str:
        """Its Kafka user."""
        return user_of(self.name)

    @property
    def state(self) -> State:
        """How far Kafka is."""
        applied = self.applied_revision == self.revision
        if self.revoked_at is not None:
            return State.REVOKED if applied else State.REVOKING
        if not applied:
            return State.APPLYING
        return State.PASSWORD_LOST if self.password_lost else State.IN_FORCE


def in_order(streams: Collection[str]) -> tuple[str, ...]:
    """Each of these streams once, in the contract's order."""
    return tuple(name for name in STREAMS if name in streams)


def user_of(name: str) -> str:
    """The Kafka user of the subscriber of that name."""
    return PREFIX + name


def group_prefix(name: str) -> str:
    """What the names of its consumer groups begin with."""
    return f"{user_of(name)}-"


def new_password() -> str:
    """192 random bits, without a character that any configuration file would need quoted."""
    return secrets.token_urlsafe(24)
