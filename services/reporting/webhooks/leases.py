"""One process at a time works on a subscription: leases, and what is written down under them.

Whoever takes a subscription raises its fence. Every statement here names the fence and the owner's revision that it
goes by: a process that was stopped for long, or whose owner has changed his mind, writes nothing down, and lets go.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import asyncpg

from services.reporting.store import Pool
from services.reporting.webhooks.domain import Cause, Reason, State, Subscription
from services.reporting.webhooks.store import COLUMNS, FIELD, Held, positions, subscription_of
from shared.observability.logs import log
from shared.observability.metrics import WEBHOOKS_FAILING, WEBHOOKS_FAILING_SECONDS, WEBHOOKS_WAITING
from shared.postgres.pool import Connection, acquire
from shared.security.sealing import KeyRing, SealBroken, Sealed

KEPT_FAILURES: Final = 1_000
"""Of each subscription: those of three days, and of many short troubles before."""

# Leases run by the database's clock, the same for all processes; what is due, by the service's.
TAKE: Final = f"""
UPDATE webhook_subscription SET fence = fence + 1, leased_until = now() + $3
WHERE subscription_id IN (
    SELECT subscription_id FROM webhook_subscription
    WHERE state IN ('verifying', 'active') AND next_attempt_at <= $1
      AND (leased_until IS NULL OR leased_until < now())
    ORDER BY next_attempt_at
    LIMIT $2
    FOR UPDATE SKIP LOCKED
)
RETURNING fence, sealing_key_id, wrapped_key, sealed_secret, previous_key_id, previous_wrapped, previous_sealed,
          {COLUMNS}
"""  # noqa: S608 - this module's names

QUEUE: Final = """
SELECT (SELECT count(*) FROM webhook_message) AS waiting, count(*) AS failing,
       coalesce(extract(epoch FROM $1 - min(failing_since)), 0)::float8 AS failing_seconds
FROM webhook_subscription
WHERE state IN ('verifying', 'active') AND failing_since IS NOT NULL
"""

RENEW: Final = """
UPDATE webhook_subscription SET leased_until = now() + $4
WHERE subscription_id = $1 AND fence = $2 AND revision = $3
RETURNING true
"""

RELEASE: Final = "UPDATE webhook_subscription SET leased_until = NULL WHERE subscription_id = $1 AND fence = $2"

SUCCEEDED: Final = """
UPDATE webhook_subscription
SET leased_until = now() + $4, attempts = 0, failing_since = NULL, delivered_at = $5, next_attempt_at = $5
WHERE subscription_id = $1 AND fence = $2 AND revision = $3
RETURNING true
"""

FAILED: Final = """
UPDATE webhook_subscription
SET attempts = $4, failing_since = $5, next_attempt_at = coalesce($6, next_attempt_at)
WHERE subscription_id = $1 AND fence = $2 AND revision = $3
RETURNING true
"""

TURN: Final = """
UPDATE webhook_subscription
SET state = $4, reason = $5, state_at = $6, next_attempt_at = $6,
    attempts = CASE WHEN $4 = 'active' THEN 0 ELSE attempts END,
    failing_since = CASE WHEN $4 = 'active' THEN NULL ELSE failing_since END
WHERE subscription_id = $1 AND fence = $2 AND revision = $3
RETURNING true
"""

MOVE: Final = """
UPDATE webhook_position SET position = $3, noted = $4, events = $5, began_at = $6
WHERE subscription_id = $1 AND stream = $2
"""

PLAN: Final = """
INSERT INTO webhook_message (subscription_id, stream, place, event_id, body, position, is_event)
SELECT $1, $2, m.* FROM unnest($3::integer[], $4::text[], $5::bytea[], $6::bytea[], $7::boolean[]) AS m
"""
PLANNED: Final = """
SELECT place, event_id, body, position, is_event, delivered FROM webhook_message
WHERE subscription_id = $1 AND stream = $2
ORDER BY place
"""
DONE: Final = "DELETE FROM webhook_message WHERE subscription_id = $1 AND stream = $2 AND place <= $3"
AHEAD: Final = """
UPDATE webhook_message SET delivered = true WHERE subscription_id = $1 AND stream = $2 AND place = ANY($3::integer[])
"""

NOTE_FAILURE: Final = """
INSERT INTO webhook_failure (subscription_id, stream, event_id, attempt, cause, status, failed_at, next_attempt_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""
FORGET_FAILURES: Final = """
DELETE FROM webhook_failure
WHERE subscription_id = $1 AND id <= (
    SELECT id FROM webhook_failure WHERE subscription_id = $1 ORDER BY id DESC OFFSET $2 LIMIT 1
)
"""


_log = log(__name__)


class Lost(Exception):
    """Another process has the subscription, or its owner has changed it."""


@dataclass(frozen=True, slots=True)
class Failed:
    """What came of an attempt that failed. stream: None for a verification."""

    stream: str | None
    event_id: str
    cause: Cause
    status: int | None
    failed_at: datetime
    next_attempt_at: datetime | None


@dataclass(frozen=True, slots=True)
class Message:
    """What is to be sent: an event, or a gap; packed: the position behind it; delivered: while one before it was not,
    which is of another partition."""

    place: int
    event_id: str
    body: bytes
    packed: bytes
    is_event: bool
    delivered: bool = False


@dataclass(frozen=True, slots=True)
class Delivered:
    """What of a piece has arrived: everything up to the place `until`, -1 for nothing, and `ahead`, places behind."""

    until: int
    ahead: Sequence[int]


class Lease:
    """A subscription that this process works on, with the secrets that sign: one, or two."""

    def __init__(
        self, pool: Pool, subscription: Subscription, fence: int, owned: Sequence[str], seconds: float
    ) -> None:
        self.subscription: Final = subscription
        self._owned = owned
        self._pool = pool
        self._key = (subscription.subscription_id, fence, subscription.revision)
        self._length = timedelta(seconds=seconds)

    def secrets(self, now: datetime) -> Sequence[str]:
        """Those that sign at this moment: the present one, and for a while the one before it."""
        until = self.subscription.previous_until
        return self._owned if until is not None and now < until else self._owned[:1]

    async def positions(self) -> dict[str, Held]:
        """Where it is, by stream."""
        async with acquire(self._pool) as connection:
            return dict(await positions(connection, self.subscription.subscription_id))

    async def planned(self, stream: str) -> list[Message]:
        """What was read of a stream and is still to be sent, in its order."""
        async with acquire(self._pool) as connection:
            rows = await connection.fetch(PLANNED, self.subscription.subscription_id, stream)
        return [Message(*row) for row in rows]

    async def plan(self, stream: str, messages: Sequence[Message]) -> None:
        """Writes down what is going to be sent, before any of it is: it is sent so whatever happens. Raises `Lost`."""
        async with acquire(self._pool) as connection, connection.transaction():
            _held(await connection.fetchval(RENEW, *self._key, self._length))
            await connection.execute(
                PLAN,
                self.subscription.subscription_id,
                stream,
                [each.place for each in messages],
                [each.event_id for each in messages],
                [each.body for each in messages],
                [each.packed for each in messages],
                [each.is_event for each in messages],
            )

    async def renew(self) -> None:
        """Goes on. Raises `Lost`."""
        async with acquire(self._pool) as connection:
            _held(await connection.fetchval(RENEW, *self._key, self._length))

    async def release(self) -> None:
        """Lets it go, unless another has it already."""
        async with acquire(self._pool) as connection:
            await connection.execute(RELEASE, *self._key[:2])

    async def moved(self, stream: str, held: Held, now: datetime, delivered: Delivered | None, *, noted: bool) -> Held:
        """Writes down, in one transaction, what was delivered, the position behind it, and, if `noted`, the row of the
        transfer log. delivered: None where only what is not for the subscriber was passed over."""
        async with acquire(self._pool) as connection, connection.transaction():
            if delivered is not None:
                _held(await connection.fetchval(SUCCEEDED, *self._key, self._length, now))
                subscription_id = self.subscription.subscription_id
                await connection.execute(DONE, subscription_id, stream, delivered.until)
                if delivered.ahead:
                    await connection.execute(AHEAD, subscription_id, stream, delivered.ahead)
            else:
                _held(await connection.fetchval(RENEW, *self._key, self._length))
            return await self._put(connection, stream, held, now, noted=noted)

    async def failed(self, attempts: int, since: datetime, failures: Sequence[Failed], held: Held | None) -> None:
        """Writes down what failed at the same time, one delivery or several, and when it is tried again."""
        async with acquire(self._pool) as connection, connection.transaction():
            first = failures[0]
            _held(await connection.fetchval(FAILED, *self._key, attempts, since, first.next_attempt_at))
            if held is not None and first.stream is not None:
                await self._put(connection, first.stream, held, first.failed_at, noted=True)
            subscription_id = self.subscription.subscription_id
            for each in failures:
                await connection.execute(
                    NOTE_FAILURE,
                    subscription_id,
                    each.stream,
                    each.event_id,
                    attempts,
                    each.cause,
                    each.status,
                    each.failed_at,
                    each.next_attempt_at,
                )
            await connection.execute(FORGET_FAILURES, subscription_id, KEPT_FAILURES)

    async def turn(self, state: State, reason: Reason | None, now: datetime) -> None:
        """Puts the subscription into a state."""
        async with acquire(self._pool) as connection:
            _held(await connection.fetchval(TURN, *self._key, state, reason, now))

    async def _put(self, connection: Connection, stream: str, held: Held, now: datetime, *, noted: bool) -> Held:
        if noted:
            await held.note(connection, self.subscription, now)
            held = Held(held.position, held.position, 0, None)
        await connection.execute(
            MOVE,
            self.subscription.subscription_id,
            stream,
            held.position,
            held.noted,
            held.events,
            held.began_at,
        )
        return held


async def take(pool: Pool, ring: KeyRing, now: datetime, most: int, seconds: float) -> Sequence[Lease]:
    """Takes up to `most` subscriptions with something to do that nobody has."""
    async with acquire(pool) as connection:
        rows = await connection.fetch(TAKE, now, most, timedelta(seconds=seconds))
    found = []
    for row in rows:
        try:
            found.append(Lease(pool, subscription_of(row), row["fence"], _opened(row, ring), seconds))
        except SealBroken:  # it is looked at again when this lease ends; the others go on
            _log.error("webhook_secret_unreadable", subscription=str(row["subscription_id"]))
    return found


async def measure_queue(pool: Pool, now: datetime) -> None:
    """Tells, as metrics, what waits to be delivered, and who has failed for how long."""
    async with acquire(pool) as connection:
        row = await connection.fetchrow(QUEUE, now)
    assert row is not None  # noqa: S101 - a count is a row
    WEBHOOKS_WAITING.set(row["waiting"])
    WEBHOOKS_FAILING.set(row["failing"])
    WEBHOOKS_FAILING_SECONDS.set(row["failing_seconds"])


def _opened(row: asyncpg.Record, ring: KeyRing) -> Sequence[str]:
    sealed = [Sealed(row["sealing_key_id"], row["wrapped_key"], row["sealed_secret"])]
    if row["previous_sealed"] is not None:
        sealed.append(Sealed(row["previous_key_id"], row["previous_wrapped"], row["previous_sealed"]))
    household = str(row["subscription_id"])
    return [ring.open_sealed(each, household=household, field=FIELD).decode() for each in sealed]


def _held(returned: bool | None) -> None:
    if returned is None:
        raise Lost
