"""The register of subscribers: what was decided, and how far Kafka is with it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID, uuid4

import asyncpg

from services.reporting.subscribers.domain import MOST_SUBSCRIBERS, Change, Grant, Subscriber
from shared.postgres.pool import Connection
from shared.security.sealing import KeyRing, Sealed

FIELD: Final = "kafka_password"
"""What a sealed password is bound to, beside its subscriber."""

COLUMNS: Final = """
    subscriber_id, name, client_id, streams, bytes_a_second, request_percent, revision, applied_revision, applied_at,
    password_at, password_lost, created_at, revoked_at"""

# Two at the same time must not both find room for the last one.
LOCK: Final = "LOCK TABLE subscriber IN SHARE ROW EXCLUSIVE MODE"
COUNT: Final = "SELECT count(*) FROM subscriber WHERE revoked_at IS NULL"

INSERT: Final = f"""
INSERT INTO subscriber (subscriber_id, name, client_id, streams, bytes_a_second, request_percent, created_at,
                        password_at, sealing_key_id, wrapped_key, sealed_password)
VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8, $9, $10)
RETURNING {COLUMNS}
"""  # noqa: S608 - this module's names

GRANT: Final = f"""
UPDATE subscriber SET streams = $2, bytes_a_second = $3, request_percent = $4, revision = revision + 1
WHERE subscriber_id = $1 AND revoked_at IS NULL
RETURNING {COLUMNS}
"""  # noqa: S608 - this module's names

RENEW: Final = f"""
UPDATE subscriber
SET sealing_key_id = $2, wrapped_key = $3, sealed_password = $4, password_at = $5, revision = revision + 1
WHERE subscriber_id = $1 AND revoked_at IS NULL
RETURNING {COLUMNS}
"""  # noqa: S608 - this module's names

REVOKE: Final = f"""
UPDATE subscriber
SET revoked_at = $2, sealing_key_id = NULL, wrapped_key = NULL, sealed_password = NULL, password_lost = false,
    revision = revision + 1
WHERE subscriber_id = $1 AND revoked_at IS NULL
RETURNING {COLUMNS}
"""  # noqa: S608 - this module's names

NOTE: Final = """
INSERT INTO subscriber_change (subscriber_id, revision, change, streams, bytes_a_second, request_percent, reason,
                               changed_by, changed_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""

ONE: Final = f"SELECT {COLUMNS} FROM subscriber WHERE subscriber_id = $1"  # noqa: S608 - this module's names
OWN: Final = f"{ONE} AND client_id = $2"
NAMED: Final = f"SELECT {COLUMNS} FROM subscriber WHERE name = $1"  # noqa: S608 - this module's names
PAGE: Final = f"SELECT {COLUMNS} FROM subscriber WHERE name > $1 ORDER BY name LIMIT $2"  # noqa: S608 - likewise

CHANGES: Final = """
SELECT revision, change, streams, bytes_a_second, request_percent, reason, changed_by, changed_at
FROM subscriber_change WHERE subscriber_id = $1
ORDER BY revision DESC LIMIT $2
"""

PENDING: Final = "SELECT EXISTS (SELECT FROM subscriber WHERE applied_revision < revision)"

WANTED: Final = f"""
SELECT {COLUMNS}, sealing_key_id, wrapped_key, sealed_password FROM subscriber
WHERE revoked_at IS NULL OR applied_revision < revision
"""  # noqa: S608 - this module's names

# Whatever was decided meanwhile is of a later revision, and what belongs to it stays for the next time.
APPLIED: Final = """
UPDATE subscriber AS s
SET applied_revision = s.revision, applied_at = CASE WHEN s.applied_revision < s.revision THEN $3 ELSE s.applied_at END,
    password_lost = a.lost, sealing_key_id = NULL, wrapped_key = NULL, sealed_password = NULL
FROM unnest($1::uuid[], $2::integer[], $4::boolean[]) AS a (subscriber_id, revision, lost)
WHERE s.subscriber_id = a.subscriber_id AND s.revision = a.revision
  AND (s.applied_revision < s.revision OR s.password_lost <> a.lost)
"""


class NameTaken(Exception):
    """There is a subscriber of this name, or was one."""


class AccountTaken(Exception):
    """The account at registration belongs to another subscriber."""


class TooMany(Exception):
    """There are as many subscribers as there may be."""


@dataclass(frozen=True, slots=True)
class Decision:
    """One entry of a subscriber's history: what it could do from then on, who decided so, and why."""

    revision: int
    change: Change
    grant: Grant
    reason: str | None
    changed_by: UUID
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Wanted:
    """A subscriber, and its password as long as Kafka does not have it."""

    subscriber: Subscriber
    password: Sealed | None


async def make(
    connection: Connection,
    name: str,
    grant: Grant,
    client_id: UUID | None,
    password: str,
    ring: KeyRing,
    *,
    by: UUID,
    now: datetime,
) -> Subscriber:
    """Enter a subscriber. Raises `NameTaken`, `AccountTaken`, `TooMany`."""
    subscriber_id = uuid4()
    sealed = ring.seal(password.encode(), household=str(subscriber_id), field=FIELD)
    try:
        async with connection.transaction():
            await connection.execute(LOCK)
            if await connection.fetchval(COUNT) >= MOST_SUBSCRIBERS:
                raise TooMany
            row = await connection.fetchrow(
                INSERT,
                subscriber_id,
                name,
                client_id,
                list(grant.streams),
                grant.bytes_a_second,
                grant.request_percent,
                now,
                *sealed,
            )
            return await _noted(connection, row, Change.MADE, None, by, now)
    except asyncpg.UniqueViolationError as error:
        raise (AccountTaken if "client_id" in str(error.constraint_name) else NameTaken) from None


async def grant(
    connection: Connection, subscriber_id: UUID, granted: Grant, *, by: UUID, now: datetime
) -> Subscriber | None:
    """Let a subscriber do this from now on. None: there is none, or it is revoked."""
    async with connection.transaction():
        row = await connection.fetchrow(
            GRANT, subscriber_id, list(granted.streams), granted.bytes_a_second, granted.request_percent
        )
        return None if row is None else await _noted(connection, row, Change.GRANTED, None, by, now)


async def renew(
    connection: Connection, subscriber_id: UUID, password: str, ring: KeyRing, *, by: UUID, now: datetime
) -> Subscriber | None:
    """Give a new password, in place of the one before. None: there is no such subscriber, or it is revoked."""
    sealed = ring.seal(password.encode(), household=str(subscriber_id), field=FIELD)
    async with connection.transaction():
        row = await connection.fetchrow(RENEW, subscriber_id, *sealed, now)
        return None if row is None else await _noted(connection, row, Change.PASSWORD, None, by, now)


async def revoke(
    connection: Connection, subscriber_id: UUID, reason: str, *, by: UUID, now: datetime
) -> Subscriber | None:
    """Shut a subscriber out, for good. None: there is none, or it is revoked already."""
    async with connection.transaction():
        row = await connection.fetchrow(REVOKE, subscriber_id, now)
        return None if row is None else await _noted(connection, row, Change.REVOKED, reason, by, now)


async def one(connection: Connection, subscriber_id: UUID) -> Subscriber | None:
    """A subscriber by its id."""
    row = await connection.fetchrow(ONE, subscriber_id)
    return None if row is None else subscriber_of(row)


async def own(connection: Connection, subscriber_id: UUID, account: UUID) -> Subscriber | None:
    """A subscriber by its id that belongs to this account."""
    row = await connection.fetchrow(OWN, subscriber_id, account)
    return None if row is None else subscriber_of(row)


async def named(connection: Connection, name: str) -> Subscriber | None:
    """A subscriber by its name."""
    row = await connection.fetchrow(NAMED, name)
    return None if row is None else subscriber_of(row)


async def page(connection: Connection, after: str, limit: int) -> Sequence[Subscriber]:
    """Subscribers by name, behind that one; the revoked ones among them."""
    return [subscriber_of(row) for row in await connection.fetch(PAGE, after, limit)]


async def changes(connection: Connection, subscriber_id: UUID, limit: int) -> Sequence[Decision]:
    """What was decided about a subscriber, the newest first."""
    return [
        Decision(row[0], Change(row[1]), Grant(tuple(row[2]), row[3], row[4]), row[5], row[6], row[7])
        for row in await connection.fetch(CHANGES, subscriber_id, limit)
    ]


async def pending(connection: Connection) -> bool:
    """Whether something was decided that Kafka does not have."""
    return bool(await connection.fetchval(PENDING))


async def wanted(connection: Connection) -> Sequence[Wanted]:
    """Everyone whom Kafka shall let in, and those whom it has still to be told to shut out."""
    return [
        Wanted(
            subscriber_of(row),
            None
            if row["sealed_password"] is None
            else Sealed(row["sealing_key_id"], row["wrapped_key"], row["sealed_password"]),
        )
        for row in await connection.fetch(WANTED)
    ]


async def note_applied(
    connection: Connection, applied: Sequence[Subscriber], lost: frozenset[UUID], now: datetime
) -> None:
    """Kafka has these as they were read; `lost`: those without a password in Kafka. Their sealed ones are destroyed."""
    await connection.execute(
        APPLIED,
        [each.subscriber_id for each in applied],
        [each.revision for each in applied],
        now,
        [each.subscriber_id in lost for each in applied],
    )


async def _noted(
    connection: Connection, row: asyncpg.Record | None, change: Change, reason: str | None, by: UUID, now: datetime
) -> Subscriber:
    assert row is not None  # noqa: S101 - the statement returns the row that it wrote
    found = subscriber_of(row)
    await connection.execute(
        NOTE,
        found.subscriber_id,
        found.revision,
        change,
        list(found.grant.streams),
        found.grant.bytes_a_second,
        found.grant.request_percent,
        reason,
        by,
        now,
    )
    return found


def subscriber_of(row: asyncpg.Record) -> Subscriber:
    """The subscriber of a row with `COLUMNS`."""
    return Subscriber(
        subscriber_id=row["subscriber_id"],
        name=row["name"],
        client_id=row["client_id"],
        grant=Grant(tuple(row["streams"]), row["bytes_a_second"], row["request_percent"]),
        revision=row["revision"],
        applied_revision=row["applied_revision"],
        applied_at=row["applied_at"],
        password_at=row["password_at"],
        password_lost=row["password_lost"],
        created_at=row["created_at"],
        revoked_at=row["revoked_at"],
    )
