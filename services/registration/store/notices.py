"""Notices: each round made once, each message sent at most once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

import asyncpg

from services.registration.domain.reminders import Notice, Stage
from services.registration.store.sealed_fields import open_field
from shared.contracts.events import Role
from shared.postgres.pool import acquire
from shared.security.sealing import KeyRing

MOST_RECEIVERS: Final = 20
"""Of one notice. A hospital has three officers; hundreds are a mistake that shall not cost as many messages."""
BACK_OFF: Final = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2))
"""After each refusal; a provider that refuses five times will not take this message."""
SENDING_FOR: Final = timedelta(minutes=15)
"""What was claimed and not settled for so long was somebody's who has died: a mail server that is slow at each of its
ten steps takes 100 s, and a batch of 20 by four senders five times as long."""
KEPT: Final = timedelta(weeks=26)
"""As far back as freshness is told by week."""

HAS_ROUND: Final = "SELECT true FROM notice_round WHERE week = $1 AND stage = $2"

MAKE_ROUND: Final = """
INSERT INTO notice_round (week, stage, made_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING RETURNING true
"""

INSERT_NOTICES: Final = """
INSERT INTO notice (week, stage, organisation_id, area, due, overdue)
SELECT $1, $2, n.organisation_id, n.area, n.due, n.overdue
FROM unnest($3::uuid[], $4::text[], $5::integer[], $6::integer[]) AS n (organisation_id, area, due, overdue)
"""

# An organisation's place officers; where it has none, those who act for it.
ADDRESS_REMINDERS: Final = """
INSERT INTO notice_message (notice_id, channel, receiver, next_at, changed_at)
SELECT n.notice_id, 'sms', r.person_id::text, $3, $3
FROM notice AS n
CROSS JOIN LATERAL (
    SELECT p.person_id
    FROM person AS p
    LEFT JOIN organisation_contact AS c
           ON c.person_id = p.person_id AND c.organisation_id = p.organisation_id
          AND c.valid_from <= $3 AND (c.valid_to IS NULL OR c.valid_to > $3)
    WHERE p.organisation_id = n.organisation_id AND p.status = 'approved'
      AND (p.role = $4 OR c.person_id IS NOT NULL AND NOT EXISTS (
          SELECT FROM person AS o WHERE o.organisation_id = n.organisation_id AND o.status = 'approved' AND o.role = $4
      ))
    GROUP BY p.person_id
    ORDER BY p.person_id
    LIMIT $5
) AS r
WHERE n.week = $1 AND n.stage = $2
"""

# The institutions' own addresses, as the register has them for everybody.
ADDRESS_INSTITUTIONS: Final = """
INSERT INTO notice_message (notice_id, channel, receiver, next_at, changed_at)
SELECT n.notice_id, 'email', e.email, $3, $3
FROM unnest($4::uuid[], $5::text[]) AS e (organisation_id, email)
JOIN notice AS n ON n.week = $1 AND n.stage = $2 AND n.organisation_id = e.organisation_id
"""

# A district's coordinators; where it has none, the province's administrators.
ADDRESS_ESCALATIONS: Final = """
INSERT INTO notice_message (notice_id, channel, receiver, next_at, changed_at)
SELECT n.notice_id, 'sms', r.person_id::text, $3, $3
FROM notice AS n
CROSS JOIN LATERAL (
    SELECT p.person_id
    FROM person AS p
    WHERE p.status = 'approved'
      AND (p.area = n.area AND p.role = $4
           OR p.area = left(n.area, 2) AND p.role = $5 AND NOT EXISTS (
               SELECT FROM person AS o WHERE o.area = n.area AND o.role = $4 AND o.status = 'approved'
           ))
    ORDER BY p.person_id
    LIMIT $6
) AS r
WHERE n.week = $1 AND n.stage = $2
"""

# A district without coordinators in a province without administrators, an organisation without officers.
COUNT_UNADDRESSED: Final = """
SELECT count(*) FROM notice AS n
WHERE n.week = $1 AND n.stage = $2 AND NOT EXISTS (SELECT FROM notice_message AS m WHERE m.notice_id = n.notice_id)
"""

# It speaks of a week that is over.
GIVE_UP_LATE: Final = """
UPDATE notice_message AS m SET state = 'expired', changed_at = $1
FROM notice AS n
WHERE m.state = 'waiting' AND n.notice_id = m.notice_id AND n.week < $2
RETURNING n.stage, m.channel
"""

# Whoever was sending it has died: it may have left.
GIVE_UP_LOST: Final = """
UPDATE notice_message AS m SET state = 'unknown', changed_at = $1
FROM notice AS n
WHERE m.state = 'sending' AND m.next_at < $1 AND n.notice_id = m.notice_id
RETURNING n.stage, m.channel
"""

# Who was suspended since the round was made has no number here. A receiver is an id only where the channel is SMS: the
# CASE keeps the cast from addresses, and the index of persons in use.
CLAIM: Final = """
WITH claimed AS (
    UPDATE notice_message AS m
    SET state = 'sending', attempts = m.attempts + 1, next_at = $1::timestamptz + $3::interval, changed_at = $1
    FROM (
        SELECT notice_id, channel, receiver
        FROM notice_message
        WHERE state = 'waiting' AND next_at <= $1
        ORDER BY next_at
        LIMIT $2
        FOR UPDATE SKIP LOCKED
    ) AS w
    WHERE (m.notice_id, m.channel, m.receiver) = (w.notice_id, w.channel, w.receiver)
    RETURNING m.notice_id, m.channel, m.receiver, m.attempts
)
SELECT c.notice_id, c.channel, c.receiver, c.attempts, n.stage, n.due, n.overdue, s.key_id, s.wrapped_key, s.ciphertext
FROM claimed AS c
JOIN notice AS n USING (notice_id)
LEFT JOIN person AS p ON p.person_id = CASE c.channel WHEN 'sms' THEN c.receiver::uuid END AND p.status = 'approved'
LEFT JOIN sealed_field AS s ON s.person_id = p.person_id AND s.field = 'phone'
"""

SETTLE: Final = """
UPDATE notice_message SET state = $4, next_at = coalesce($5, next_at), changed_at = $6
WHERE notice_id = $1 AND channel = $2 AND receiver = $3 AND state = 'sending'
"""

ERASE_OLD: Final = (
    "DELETE FROM notice_message USING notice AS n WHERE n.notice_id = notice_message.notice_id AND n.week < $1",
    "DELETE FROM notice WHERE week < $1",
    "DELETE FROM notice_round WHERE week < $1",
)


class Channel(StrEnum):
    """How a message goes."""

    SMS = "sms"
    EMAIL = "email"


class Outcome(StrEnum):
    """What became of a message."""

    SENT = "sent"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Claimed:
    """A message that the caller is to send now. address: a phone number or e-mail address; None: it was erased."""

    notice_id: int
    channel: Channel
    receiver: str
    attempts: int
    stage: Stage
    due: int
    overdue: int
    address: str | None


class Notices:
    """The notices of the service's database."""

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record], ring: KeyRing) -> None:
        self._pool = pool
        self._ring = ring

    async def has_round(self, week: date, stage: Stage) -> bool:
        """Whether a round was made."""
        async with acquire(self._pool) as connection:
            return bool(await connection.fetchval(HAS_ROUND, week, stage))

    async def make_round(self, week: date, stage: Stage, notices: Sequence[Notice], *, now: datetime) -> int | None:
        """Make a round with all its notices and messages, or nothing of it.

        Gives how many notices have no receiver, None where another was faster.
        """
        async with acquire(self._pool) as connection, connection.transaction():
            if not await connection.fetchval(MAKE_ROUND, week, stage, now):
                return None
            await connection.execute(
                INSERT_NOTICES,
                week,
                stage,
                [one.organisation_id for one in notices],
                [one.area for one in notices],
                [one.due for one in notices],
                [one.overdue for one in notices],
            )
            if stage is Stage.REMINDER:
                emails = [(one.organisation_id, email) for one in notices for email in one.emails]
                await connection.execute(ADDRESS_REMINDERS, week, stage, now, Role.PLACE_OFFICER, MOST_RECEIVERS)
                await connection.execute(
                    ADDRESS_INSTITUTIONS, week, stage, now, [one[0] for one in emails], [one[1] for one in emails]
                )
            else:
                await connection.execute(
                    ADDRESS_ESCALATIONS,
                    week,
                    stage,
                    now,
                    Role.DISTRICT_COORDINATOR,
                    Role.PROVINCE_ADMINISTRATOR,
                    MOST_RECEIVERS,
                )
            return int(await connection.fetchval(COUNT_UNADDRESSED, week, stage))

    async def give_up(self, week: date, *, now: datetime) -> Sequence[tuple[Stage, Channel, Outcome]]:
        """Mark messages that somebody was sending when he died, and those that wait since an earlier week."""
        async with acquire(self._pool) as connection:
            lost = await connection.fetch(GIVE_UP_LOST, now)
            late = await connection.fetch(GIVE_UP_LATE, now, week)
        return [
            (Stage(row["stage"]), Channel(row["channel"]), outcome)
            for rows, outcome in ((lost, Outcome.UNKNOWN), (late, Outcome.EXPIRED))
            for row in rows
        ]

    async def erase_old(self, week: date) -> None:
        """Erase rounds that were kept for long enough, with all that belongs to them."""
        async with acquire(self._pool) as connection, connection.transaction():
            for statement in ERASE_OLD:
                await connection.execute(statement, week - KEPT)

    async def claim(self, limit: int, *, now: datetime) -> Sequence[Claimed]:
        """Take messages that wait, which nobody else sends from then on."""
        async with acquire(self._pool) as connection:
            rows = await connection.fetch(CLAIM, now, limit, SENDING_FOR)
        return [
            Claimed(
                row["notice_id"],
                Channel(row["channel"]),
                row["receiver"],
                row["attempts"],
                Stage(row["stage"]),
                row["due"],
                row["overdue"],
                row["receiver"]
                if row["channel"] == Channel.EMAIL
                else open_field(self._ring, row, of=UUID(row["receiver"]), field="phone"),
            )
            for row in rows
        ]

    async def settle(self, one: Claimed, outcome: Outcome, *, now: datetime) -> None:
        """Write what became of a message; one that was refused waits for another attempt, if it has one."""
        again = outcome is Outcome.REFUSED and one.attempts <= len(BACK_OFF)
        next_at = now + BACK_OFF[one.attempts - 1] if again else None
        state = "waiting" if again else str(outcome)
        async with acquire(self._pool) as connection:
            await connection.execute(SETTLE, one.notice_id, one.channel, one.receiver, state, next_at, now)
