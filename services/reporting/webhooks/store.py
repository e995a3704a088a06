"""What owners make of their subscriptions. Every change has a revision, which whoever sends notices."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID, uuid4

import asyncpg

from services.reporting.streams.position import Position, unpack
from services.reporting.streams.transfers import Receiver, note
from services.reporting.webhooks.domain import (
    MOST_OF_ONE,
    MOST_SUBSCRIPTIONS,
    TWO_SECRETS,
    Cause,
    Reason,
    State,
    Subscription,
)
from shared.postgres.pool import Connection
from shared.security.principal import Principal
from shared.security.sealing import KeyRing

FIELD: Final = "webhook_secret"
"""What a sealed secret is bound to, beside its subscription."""
FORM: Final = "webhook"
"""In the transfer log."""

COLUMNS: Final = """
    subscription_id, subscriber, organisation_id, role, url, area, streams, types, at_once, state, reason,
    state_at, created_at, attempts, failing_since, next_attempt_at, delivered_at, previous_until, revision"""

# Two at the same time must not both find room for the last one.
LOCK: Final = "LOCK TABLE webhook_subscription IN SHARE ROW EXCLUSIVE MODE"
COUNT: Final = """
SELECT count(*) FILTER (WHERE state <> 'ended'), count(*) FILTER (WHERE subscriber = $1) FROM webhook_subscription
"""

INSERT: Final = f"""
INSERT INTO webhook_subscription (
    subscription_id, subscriber, organisation_id, role, url, area, streams, types, at_once, state, state_at,
    created_at, next_attempt_at, sealing_key_id, wrapped_key, sealed_secret
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'verifying', $10, $10, $10, $11, $12, $13)
RETURNING {COLUMNS}
"""  # noqa: S608 - this module's names

ONE: Final = f"SELECT {COLUMNS} FROM webhook_subscription WHERE subscription_id = $1 AND subscriber = $2"  # noqa: S608
LOCKED: Final = f"{ONE} FOR UPDATE"
ALL: Final = f"""
SELECT {COLUMNS} FROM webhook_subscription WHERE subscriber = $1 ORDER BY created_at, subscription_id
"""  # noqa: S608 - this module's names

CHANGE: Final = f"""
UPDATE webhook_subscription SET url = $2, streams = $3, types = $4, at_once = $5, revision = revision + 1
WHERE subscription_id = $1
RETURNING {COLUMNS}
"""  # noqa: S608 - this module's names

VERIFY: Final = f"""
UPDATE webhook_subscription
SET state = 'verifying', reason = NULL, state_at = $2, next_attempt_at = $2, attempts = 0, failing_since = NULL,
    revision = revision + 1
WHERE subscription_id = $1 AND state <> 'ended'
RETURNING {COLUMNS}
"""  # noqa: S608 - this module's names

ROTATE: Final = f"""
UPDATE webhook_subscription
SET previous_key_id = sealing_key_id, previous_wrapped = wrapped_key, previous_sealed = sealed_secret,
    previous_until = $2, sealing_key_id = $3, wrapped_key = $4, sealed_secret = $5, revision = revision + 1
WHERE subscription_id = $1
RETURNING {COLUMNS}
"""  # noqa: S608 - this module's names

# What waits for its turn again comes now: who asks for a replay has mended his receiver.
REVISE: Final = f"""
UPDATE webhook_subscription SET next_attempt_at = least(next_attempt_at, $2), revision = revision + 1
WHERE subscription_id = $1
RETURNING {COLUMNS}
"""  # noqa: S608 - this module's names

DELETE: Final = "DELETE FROM webhook_subscription WHERE subscription_id = $1"

POSITIONS: Final = """
SELECT stream, position, noted, events, began_at FROM webhook_position WHERE subscription_id = $1 FOR UPDATE
"""
# Delivered beyond the position: events of other partitions than the one that is waited for.
AHEAD: Final = """
SELECT DISTINCT ON (stream) stream, position, count(*) FILTER (WHERE is_event) OVER (PARTITION BY stream) AS events
FROM webhook_message WHERE subscription_id = $1 AND delivered
ORDER BY stream, place DESC
"""
PUT_POSITION: Final = """
INSERT INTO webhook_position (subscription_id, stream, position, noted) VALUES ($1, $2, $3, $3)
ON CONFLICT (subscription_id, stream)
DO UPDATE SET position = excluded.position, noted = excluded.noted, events = 0, began_at = NULL
"""
DROP_MESSAGES: Final = "DELETE FROM webhook_message WHERE subscription_id = $1 AND stream = $2"
OF_ACCOUNT: Final = f"""
SELECT {COLUMNS} FROM webhook_subscription WHERE subscriber = $1 AND state <> 'ended'
ORDER BY subscription_id
FOR UPDATE
"""  # noqa: S608 - this module's names
END: Final = """
UPDATE webhook_subscription SET state = 'ended', reason = $2, state_at = $3, revision = revision + 1
WHERE subscriber = $1 AND state <> 'ended'
"""
DROP_POSITION: Final = "DELETE FROM webhook_position WHERE subscription_id = $1 AND stream = $2"

FAILURES: Final = """
SELECT id, stream, event_id, attempt, cause, status, failed_at, next_attempt_at
FROM webhook_failure WHERE subscription_id = $1 AND id < $2
ORDER BY id DESC LIMIT $3
"""


class TooMany(Exception):
    """There are as many subscriptions as there may be; `of_one`: of this account."""

    def __init__(self, *, of_one: bool) -> None:
        super().__init__()
        self.of_one = of_one


@dataclass(frozen=True, slots=True)
class Failure:
    """A delivery that failed. stream: None for a verification; status: of the answer; next_attempt_at: None where there
    was none to come."""

    id: int
    stream: str | None
    event_id: str
    attempt: int
    cause: Cause
    status: int | None
    failed_at: datetime
    next_attempt_at: datetime | None


@dataclass(frozen=True, slots=True)
class Filters:
    """What is to be sent, where to, and how much of it at once."""

    url: str
    streams: tuple[str, ...]
    types: tuple[str, ...] | None
    at_once: int


@dataclass(frozen=True, slots=True)
class Held:
    """A position as it is kept. events: delivered since `noted`, which the transfer log does not have yet."""

    position: bytes
    noted: bytes
    events: int
    began_at: datetime | None

    def behind(self, packed: bytes, events: int, now: datetime | None) -> "Held":
        """The same, so many events further."""
        return Held(packed, self.noted, self.events + events, self.began_at or (now if events else None))

    async def note(self, connection: Connection, subscription: Subscription, now: datetime) -> None:
        """Adds to the transfer log what it does not have."""
        if self.events:
            receiver = Receiver(subscription.subscriber, subscription.organisation_id, subscription.role, FORM)
            since, until = unpack(self.noted), unpack(self.position)
            await note(connection, receiver, since, until, self.events, self.began_at, now)


async def make(
    connection: Connection,
    principal: Principal,
    area: str,
    filters: Filters,
    positions: Sequence[Position],
    secret: str,
    ring: KeyRing,
    now: datetime,
) -> Subscription:
    """Enters a subscription. Raises `TooMany`."""
    subscription_id = uuid4()
    sealed = ring.seal(secret.encode(), household=str(subscription_id), field=FIELD)
    async with connection.transaction():
        await connection.execute(LOCK)
        counts = await connection.fetchrow(COUNT, principal.subject)
        assert counts is not None  # noqa: S101 - a count is a row
        if counts[0] >= MOST_SUBSCRIPTIONS or counts[1] >= MOST_OF_ONE:
            raise TooMany(of_one=counts[1] >= MOST_OF_ONE)
        row = await connection.fetchrow(
            INSERT,
            subscription_id,
            principal.subject,
            principal.organisation,
            principal.role,
            filters.url,
            area,
            list(filters.streams),
            None if filters.types is None else list(filters.types),
            filters.at_once,
            now,
            *sealed,
        )
        for position in positions:
            await connection.execute(PUT_POSITION, subscription_id, position.stream, position.pack())
    return _returned(row)


async def one(connection: Connection, subscription_id: UUID, subscriber: UUID) -> Subscription | None:
    """A subscription of this account."""
    row = await connection.fetchrow(ONE, subscription_id, subscriber)
    return None if row is None else subscription_of(row)


async def locked(connection: Connection, subscription_id: UUID, subscriber: UUID) -> Subscription | None:
    """The same, kept still until the transaction ends."""
    row = await connection.fetchrow(LOCKED, subscription_id, subscriber)
    return None if row is None else subscription_of(row)


async def all_of(connection: Connection, subscriber: UUID) -> Sequence[Subscription]:
    """Every subscription of an account, the oldest first."""
    return [subscription_of(row) for row in await connection.fetch(ALL, subscriber)]


async def positions(connection: Connection, subscription_id: UUID) -> Mapping[str, Held]:
    """Where a subscription is, by stream."""
    rows = await connection.fetch(POSITIONS, subscription_id)
    return {row["stream"]: Held(row["position"], row["noted"], row["events"], row["began_at"]) for row in rows}


async def _sent(connection: Connection, subscription_id: UUID, now: datetime) -> Mapping[str, Held]:
    """The same, up to the last event that was delivered, for the transfer log: what follows is sent from elsewhere."""
    found = dict(await positions(connection, subscription_id))
    for row in await connection.fetch(AHEAD, subscription_id):
        found[row["stream"]] = found[row["stream"]].behind(row["position"], row["events"], now)
    return found


async def change(
    connection: Connection, found: Subscription, filters: Filters, begun: Sequence[Position], now: datetime
) -> Subscription:
    """Sends something else from now on, or elsewhere; `begun`: where streams that are new begin. In a transaction in
    which it is locked."""
    kept = await _sent(connection, found.subscription_id, now)
    for stream in kept.keys() - set(filters.streams):
        await kept[stream].note(connection, found, now)
        await connection.execute(DROP_POSITION, found.subscription_id, stream)
    for position in begun:
        await _go_on(connection, found, kept.get(position.stream), position.stream, position.pack(), now)
    types = None if filters.types is None else list(filters.types)
    row = await connection.fetchrow(
        CHANGE, found.subscription_id, filters.url, list(filters.streams), types, filters.at_once
    )
    return _returned(row)


async def verify(connection: Connection, found: Subscription, now: datetime) -> Subscription | None:
    """Has the endpoint asked again whether it wants this. None: the subscription has ended."""
    row = await connection.fetchrow(VERIFY, found.subscription_id, now)
    return None if row is None else subscription_of(row)


async def rotate(
    connection: Connection, found: Subscription, secret: str, ring: KeyRing, now: datetime
) -> Subscription:
    """Gives it a new secret; the one before signs beside it for a while."""
    sealed = ring.seal(secret.encode(), household=str(found.subscription_id), field=FIELD)
    row = await connection.fetchrow(ROTATE, found.subscription_id, now + TWO_SECRETS, *sealed)
    return _returned(row)


async def replay(connection: Connection, found: Subscription, position: Position, now: datetime) -> Subscription:
    """Goes on from there. In a transaction in which it is locked."""
    kept = await _sent(connection, found.subscription_id, now)
    await _go_on(connection, found, kept.get(position.stream), position.stream, position.pack(), now)
    return _returned(await connection.fetchrow(REVISE, found.subscription_id, now))


async def end(connection: Connection, subscriber: UUID, reason: Reason, now: datetime) -> None:
    """Ends every subscription of an account for good; what they were sent is in the transfer log. In a transaction."""
    for row in await connection.fetch(OF_ACCOUNT, subscriber):
        found = subscription_of(row)
        for stream, kept in (await _sent(connection, found.subscription_id, now)).items():
            await _go_on(connection, found, kept, stream, kept.position, now)
    await connection.execute(END, subscriber, reason, now)


async def _go_on(
    connection: Connection, found: Subscription, kept: Held | None, stream: str, packed: bytes, now: datetime
) -> None:
    """Puts a stream to a position: what was sent of it is in the transfer log, and what was read is not sent."""
    if kept is not None:
        await kept.note(connection, found, now)
    await connection.execute(DROP_MESSAGES, found.subscription_id, stream)
    await connection.execute(PUT_POSITION, found.subscription_id, stream, packed)


async def delete(connection: Connection, found: Subscription, now: datetime) -> None:
    """Takes it away, with its failures; what it was sent stays in the transfer log. In a transaction."""
    for kept in (await _sent(connection, found.subscription_id, now)).values():
        await kept.note(connection, found, now)
    await connection.execute(DELETE, found.subscription_id)


async def failures(connection: Connection, subscription_id: UUID, before: int, limit: int) -> Sequence[Failure]:
    """Deliveries that failed, the newest first, older than the one with the id `before`."""
    return [
        Failure(row[0], row[1], row[2], row[3], Cause(row[4]), row[5], row[6], row[7])
        for row in await connection.fetch(FAILURES, subscription_id, before, limit)
    ]


def _returned(row: asyncpg.Record | None) -> Subscription:
    assert row is not None  # noqa: S101 - the statement returns the row that it wrote
    return subscription_of(row)


def subscription_of(row: asyncpg.Record) -> Subscription:
    """The subscription of a row with `COLUMNS`."""
    return Subscription(
        subscription_id=row["subscription_id"],
        subscriber=row["subscriber"],
        organisation_id=row["organisation_id"],
        role=row["role"],
        url=row["url"],
        area=row["area"],
        streams=tuple(row["streams"]),
        types=None if row["types"] is None else tuple(row["types"]),
        at_once=row["at_once"],
        state=State(row["state"]),
        reason=None if row["reason"] is None else Reason(row["reason"]),
        state_at=row["state_at"],
        created_at=row["created_at"],
        attempts=row["attempts"],
        failing_since=row["failing_since"],
        next_attempt_at=row["next_attempt_at"],
        delivered_at=row["delivered_at"],
        previous_until=row["previous_until"],
        revision=row["revision"],
    )
