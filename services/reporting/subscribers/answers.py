"""What readers get of subscribers: the shapes of the answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.reporting.subscribers.clients import MECHANISM, PROTOCOL, Configuration, Outside
from services.reporting.subscribers.domain import Change, State, Subscriber, group_prefix
from services.reporting.subscribers.store import Decision


@dataclass(frozen=True, slots=True)
class SubscriberAnswer:
    """One subscriber of Kafka. state: `applying` and `revoking` until Kafka has what was decided, a second or so;
    `password_lost`: Kafka has none for it, and only a new one helps. applied_at: since when Kafka has it.
    group_prefix: what its consumer groups have to begin with."""

    subscriber_id: UUID
    name: str
    state: State
    user: str
    group_prefix: str
    client_id: UUID | None
    streams: Sequence[str]
    bytes_a_second: int
    request_percent: int
    created_at: datetime
    password_at: datetime
    applied_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class SubscribersAnswer:
    """A page of them, by name; `cursor` leads to the next and is null on the last."""

    subscribers: Sequence[SubscriberAnswer]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class Connecting:
    """Where subscribers find Kafka, and the certificate of the authority that vouches for it."""

    bootstrap: str
    security_protocol: str
    sasl_mechanism: str
    authority: str


@dataclass(frozen=True, slots=True)
class DecisionAnswer:
    """What was decided about a subscriber: from then on it had these. changed_by is the nil UUID for a command at the
    machine."""

    change: Change
    streams: Sequence[str]
    bytes_a_second: int
    request_percent: int
    reason: str | None
    changed_by: UUID
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class SubscriberDetail:
    """One subscriber with its history, the newest first."""

    subscriber: SubscriberAnswer
    connection: Connecting
    changes: Sequence[DecisionAnswer]


@dataclass(frozen=True, slots=True)
class SubscriberWithPassword:
    """A subscriber and its new password, which is shown this once."""

    subscriber: SubscriberAnswer
    password: str
    configuration: Configuration


def subscriber_answer(one: Subscriber) -> SubscriberAnswer:
    """The subscriber as readers get it."""
    return SubscriberAnswer(
        one.subscriber_id,
        one.name,
        one.state,
        one.user,
        group_prefix(one.name),
        one.client_id,
        one.grant.streams,
        one.grant.bytes_a_second,
        one.grant.request_percent,
        one.created_at,
        one.password_at,
        one.applied_at,
        one.revoked_at,
    )


def detail(one: Subscriber, decisions: Sequence[Decision], outside: Outside) -> SubscriberDetail:
    """The subscriber with its history."""
    return SubscriberDetail(
        subscriber_answer(one),
        Connecting(outside.bootstrap, PROTOCOL, MECHANISM, outside.authority),
        [
            DecisionAnswer(
                each.change,
                each.grant.streams,
                each.grant.bytes_a_second,
                each.grant.request_percent,
                each.reason,
                each.changed_by,
                each.changed_at,
            )
            for each in decisions
        ],
    )


def with_password(one: Subscriber, password: str, files: Configuration) -> SubscriberWithPassword:
    """The subscriber and what it signs in with."""
    return SubscriberWithPassword(subscriber_answer(one), password, files)
