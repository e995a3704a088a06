"""Keys of devices: what a phone with ODK Collect or KoboCollect shows instead of a token, which it cannot renew.

A key is made by the volunteer and stands for who he was then: subject, organisation, role and area. It is shown once;
only its hash is kept. It ends by itself, by his revoking it, and at once when he is suspended, withdraws, or moves to
another role or area.
"""

import hashlib
import secrets
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID, uuid4

import asyncpg

from shared.contracts.events import Role
from shared.observability.clock import BANGKOK, Clock
from shared.postgres.pool import acquire
from shared.security.principal import Principal

MOST_KEYS: Final = 5
"""Good ones at a time: a phone, a tablet, and those being replaced."""
MOST_DAYS: Final = 90
"""A round of the survey; a phone that was lost and not missed is no door for longer."""
LISTED: Final = 50
"""The newest ones; older ones have ended long ago."""
FORGET_SECONDS: Final = 3600.0
"""Between two turns of the keeper: a day would do."""
KEPT_DAYS: Final = 90
"""So long one that has ended is still listed, and its holder is told that it has ended."""

_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base 32, without i, l, o and u: it is read aloud and typed."""
_LOOKALIKES: Final = str.maketrans({"i": "1", "l": "1", "o": "0", "-": None, " ": None})
_LETTERS: Final = 20
"""100 bits: nobody finds one by trying, however often."""
_GROUP: Final = 4
MOST_CHARACTERS: Final = 60
"""A key with its hyphens has 24; whatever is longer is none."""

_COUNT: Final = """
SELECT count(*) FROM openrosa_key WHERE volunteer_id = $1 AND revoked_at IS NULL AND ends_at > $2
"""
_LOCK: Final = "SELECT pg_advisory_xact_lock(hashtextextended('openrosa_key' || $1::text, 0))"
_ADD: Final = """
INSERT INTO openrosa_key (key_id, hash, volunteer_id, organisation_id, role, area, label, made_at, ends_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""
_OWN: Final = """
SELECT key_id, label, area, made_at, ends_at, revoked_at, used_on
FROM openrosa_key
WHERE volunteer_id = $1
ORDER BY made_at DESC, key_id
LIMIT $2
"""
_REVOKE: Final = """
UPDATE openrosa_key SET revoked_at = coalesce(revoked_at, $3) WHERE key_id = $1 AND volunteer_id = $2 RETURNING 1
"""
_FIND: Final = """
SELECT key_id, volunteer_id, organisation_id, role, area, made_at, ends_at, revoked_at, used_on
FROM openrosa_key
WHERE hash = $1
"""
_NOTE_USE: Final = "UPDATE openrosa_key SET used_on = $2 WHERE key_id = $1 AND used_on IS DISTINCT FROM $2"
_FORGET: Final = "DELETE FROM openrosa_key WHERE ends_at < $1"


class TooManyKeys(Exception):
    """The volunteer has as many good keys as he may."""


class NoKey(Exception):
    """Nobody was given this key."""


class KeyEnded(Exception):
    """The key was good once: it has ended or was revoked."""


class NewKey(NamedTuple):
    """A key that was made just now. text: the key itself, in groups, which is nowhere else."""

    key_id: UUID
    text: str
    ends_at: datetime


class Holder(NamedTuple):
    """Whom a key stands for, as he was when it was made."""

    principal: Principal
    made_at: datetime


class OwnKey(NamedTuple):
    """A key as its maker sees it afterwards. revoked_at and used_on are None for one that was not."""

    key_id: UUID
    label: str
    area: str
    made_at: datetime
    ends_at: datetime
    revoked_at: datetime | None
    used_on: date | None


def spelled(text: str) -> str:
    """A key as it is hashed: however it was typed, with hyphens or without, in capitals or not."""
    return text.strip().lower().translate(_LOOKALIKES)


def _hash(text: str) -> bytes:
    # Of 100 random bits there is nothing to guess: a slow hash would cost us more than it would cost a thief.
    return hashlib.sha256(spelled(text).encode()).digest()


class OpenRosaKeys:
    """The keys, in the survey's database."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._pool = pool

    async def make(self, holder: Principal, label: str, days: int, *, now: datetime) -> NewKey:
        """Make a key for who asks, good for so many days. Raises `TooManyKeys`."""
        letters = "".join(secrets.choice(_ALPHABET) for _ in range(_LETTERS))
        text = "-".join(letters[start : start + _GROUP] for start in range(0, _LETTERS, _GROUP))
        made = NewKey(uuid4(), text, now + timedelta(days=days))
        async with acquire(self._pool) as connection, connection.transaction():
            await connection.execute(_LOCK, str(holder.subject))  # two requests at once do not make one too many
            if await connection.fetchval(_COUNT, holder.subject, now) >= MOST_KEYS:
                raise TooManyKeys
            await connection.execute(
                _ADD,
                made.key_id,
                _hash(text),
                holder.subject,
                holder.organisation,
                holder.role.value,
                holder.area,
                label,
                now,
                made.ends_at,
            )
        return made

    async def own(self, volunteer: UUID) -> Sequence[OwnKey]:
        """The keys that somebody made, the newest first, the ended ones among them."""
        async with acquire(self._pool) as connection:
            return [OwnKey(*row.values()) for row in await connection.fetch(_OWN, volunteer, LISTED)]

    async def revoke(self, key_id: UUID, volunteer: UUID, *, now: datetime) -> bool:
        """End a key of somebody; False when he has none with this id. One that has ended stays as it is."""
        async with acquire(self._pool) as connection:
            return bool(await connection.fetchval(_REVOKE, key_id, volunteer, now))

    async def holder(self, text: str, *, now: datetime) -> Holder:
        """Whom a key stands for. Raises `NoKey` or `KeyEnded`."""
        if len(text) > MOST_CHARACTERS:
            raise NoKey
        async with acquire(self._pool) as connection:
            row = await connection.fetchrow(_FIND, _hash(text))
            if row is None:
                raise NoKey
            if row["revoked_at"] is not None or row["ends_at"] <= now:
                raise KeyEnded
            today = now.astimezone(BANGKOK).date()
            if row["used_on"] != today:
                await connection.execute(_NOTE_USE, row["key_id"], today)
        principal = Principal(
            row["volunteer_id"],
            row["organisation_id"],
            Role(row["role"]),
            row["area"],
            row["ends_at"],
            str(row["key_id"]),
        )
        return Holder(principal, row["made_at"])


class KeyKeeping:
    """The keeper's duty: keys that ended so long ago that nobody asks for them any more are forgotten."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", clock: Clock) -> None:
        self._pool = pool
        self._clock = clock

    async def turn(self) -> None:
        """Forget what is due."""
        async with acquire(self._pool) as connection:
            await connection.execute(_FORGET, self._clock.now() - timedelta(days=KEPT_DAYS))
