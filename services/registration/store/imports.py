"""Rolls of volunteers: checked against who is registered, and stored whole.

1. The file is read and checked in a thread (`rolls.check`).
2. Who is registered already is found by blind index, some thousands at a time.
3. With nothing against it, in one transaction: the rows are sealed in a thread, some thousands at a time, and gathered
   in a table of the transaction's own; then three statements store the persons, what is sealed, and the events.
   Whoever signed up meanwhile is left out, or, where all or nothing was asked for, keeps the whole roll back.
4. What was sent and what became of it is kept, also where nothing was stored.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from uuid import UUID, uuid4

import asyncpg

from services.registration import rolls
from services.registration.domain.people import Organisation
from services.registration.domain.rosters import Column
from services.registration.privacy.notices import Shown
from services.registration.rolls import Indexed, Prepared
from shared.contracts.topics import VOLUNTEER_REGISTERED
from shared.postgres.pool import Connection, acquire
from shared.security.blind_index import BlindIndex
from shared.security.sealing import KeyRing
from shared.tables.lists import Fault
from shared.tables.turns import Turns

CHUNK = 2_000
"""Rows sealed and handed to the database at a time: a quarter of a second, in which the process answers others."""
STORE_SECONDS = 120.0
"""For one statement about all rows of the largest roll; it takes some 10 s."""

REGISTERED = "SELECT phone_index FROM person WHERE phone_index = ANY ($1::bytea[])"
REGISTERED_BY_NATIONAL_ID = "SELECT national_id_index FROM person WHERE national_id_index = ANY ($1::bytea[])"

# Of two who send the same roll to the same organisation at once, the second finds what the first has stored.
LOCK_ROLLS = "SELECT pg_advisory_xact_lock(7231003, hashtext($1))"

APPLIED_BEFORE = """
SELECT import_id FROM volunteer_import
WHERE organisation_id = $1 AND file_digest = $2 AND partial = $3 AND mode = 'apply' AND added > 0
"""

GATHER = """
CREATE TEMPORARY TABLE roll (
    row integer NOT NULL, person_id uuid NOT NULL, area text COLLATE "C" NOT NULL, phone_index bytea NOT NULL,
    national_id_index bytea, name_tokens bigint[] NOT NULL, name_key text NOT NULL, name_wrapped bytea NOT NULL,
    name bytea NOT NULL, phone_key text NOT NULL, phone_wrapped bytea NOT NULL, phone bytea NOT NULL,
    partition integer NOT NULL, event_id uuid NOT NULL, body bytea NOT NULL
) ON COMMIT DROP
"""

ANALYZE_ROLL = "ANALYZE roll"

# In the order of the phones, so that two rolls with the same people wait for each other and do not lock each other out.
STORE_PEOPLE = """
INSERT INTO person
    (person_id, organisation_id, area, role, status, phone_index, national_id_index, registered_at, revision,
     name_tokens, waiting_since, notice, notice_shown)
SELECT person_id, $1, area, 'volunteer', 'pending', phone_index, national_id_index, $2, 1, name_tokens, $2, $3, $4
FROM roll
ORDER BY phone_index
ON CONFLICT DO NOTHING
"""

DROP_KNOWN = """
DELETE FROM roll AS r
WHERE NOT EXISTS (SELECT FROM person AS p WHERE p.person_id = r.person_id)
RETURNING r.row
"""

STORE_SEALED = """
INSERT INTO sealed_field (person_id, field, key_id, wrapped_key, ciphertext)
SELECT r.person_id, f.field, f.key_id, f.wrapped_key, f.ciphertext
FROM roll AS r,
     LATERAL (VALUES ('name', r.name_key, r.name_wrapped, r.name), ('phone', r.phone_key, r.phone_wrapped, r.phone))
     AS f (field, key_id, wrapped_key, ciphertext)
"""

STORE_EVENTS = """
INSERT INTO outbox (topic, partition, key, event_id, event_time, body)
SELECT $1, partition, person_id::text, event_id, $2, body FROM roll ORDER BY row
"""

INSERT_IMPORT = """
INSERT INTO volunteer_import
    (import_id, organisation_id, sent_by, sent_at, file_digest, mode, partial, rows, good, added, ignored_columns)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
"""

INSERT_ERRORS = """
INSERT INTO volunteer_import_error (import_id, row, "column", code, first_row)
SELECT $1, e.row, e.place, e.code, e.first_row
FROM unnest($2::integer[], $3::text[], $4::text[], $5::integer[]) AS e (row, place, code, first_row)
"""

SELECT_IMPORT = """
SELECT import_id, organisation_id, sent_by, sent_at, mode, partial, rows, good, added, ignored_columns
FROM volunteer_import
WHERE import_id = $1
"""

IMPORTS = """
SELECT import_id, organisation_id, sent_by, sent_at, mode, partial, rows, good, added, ignored_columns
FROM volunteer_import
WHERE organisation_id = $1 AND (sent_at, import_id) < ($2, $3)
ORDER BY sent_at DESC, import_id DESC
LIMIT $4
"""

ERRORS = """
SELECT row, "column" AS place, code, first_row
FROM volunteer_import_error
WHERE import_id = $1 AND (row, "column") > ($2, $3)
ORDER BY row, "column"
LIMIT $4
"""

ErrorCursor = tuple[int, str]
"""Row and column of the last fault of a page."""
ImportCursor = tuple[datetime, UUID]
"""When the last roll of a page was sent, and its id."""


class Mode(StrEnum):
    """Whether a roll is only to be looked at or also to be stored."""

    CHECK = "check"
    APPLY = "apply"


class _Overtaken(Exception):
    """Somebody of the roll signed up while it was being stored, and all or nothing was asked for."""

    def __init__(self, rows: Sequence[int]) -> None:
        super().__init__(rows)
        self.rows = rows


@dataclass(frozen=True, slots=True)
class Import:
    """A roll that was sent. `good` rows were without fault; `added` of them were stored now or, if it was sent before,
    then."""

    import_id: UUID
    organisation_id: UUID
    sent_by: UUID
    sent_at: datetime
    mode: Mode
    partial: bool
    rows: int
    good: int
    added: int
    ignored_columns: Sequence[str]


class Imports(Turns):
    """Takes rolls, one at a time in this process."""

    def __init__(self, pool: asyncpg.Pool[asyncpg.Record], ring: KeyRing, index: BlindIndex) -> None:
        super().__init__()
        self._pool = pool
        self._ring = ring
        self._index = index

    async def take(
        self,
        file: bytes,
        organisation: Organisation,
        *,
        mode: Mode,
        partial: bool,
        most: int,
        by: UUID,
        now: datetime,
        notice: str | None = None,
    ) -> tuple[Import, bool]:
        """Check a roll and, with `Mode.APPLY`, store it: the good rows with `partial`, otherwise all or none.

        notice: the version of the privacy notice that was shown to all who stand on it, as the sender says.
        The second part of the answer tells that the same roll had been stored before, in which case nothing is done.
        Raises `UnreadableFile` and `UnusableList`.
        """
        digest = (await asyncio.to_thread(hashlib.sha256, file)).digest()
        if mode is Mode.APPLY and (known := await self._applied(organisation, digest, partial)):
            return known, True
        checked = await asyncio.to_thread(rolls.check, file, organisation, most=most)
        indexed = await asyncio.to_thread(rolls.index_all, self._index, checked.entries)
        fresh, registered = await self._apart(indexed)
        faults = [*checked.faults, *registered]
        found = Import(
            import_id=uuid4(),
            organisation_id=organisation.organisation_id,
            sent_by=by,
            sent_at=now,
            mode=mode,
            partial=partial,
            rows=checked.rows,
            good=len(fresh),
            added=0,
            ignored_columns=checked.ignored_columns,
        )
        if mode is Mode.APPLY and fresh and (partial or not faults):
            try:
                return await self._store(found, digest, organisation, fresh, faults, now, notice)
            except _Overtaken as overtaken:
                faults += [_registered(row) for row in overtaken.rows]
                found = replace(found, good=found.good - len(overtaken.rows))
        if mode is Mode.APPLY and (known := await self._applied(organisation, digest, partial)):
            return known, True  # another process stored it meanwhile, which is why its people are registered
        async with acquire(self._pool) as connection, connection.transaction():
            await _keep(connection, found, digest, faults)
        return found, False

    async def find(self, import_id: UUID) -> Import | None:
        """Return a roll that was sent."""
        async with acquire(self._pool) as connection:
            row = await connection.fetchrow(SELECT_IMPORT, import_id)
        return _import_of(row) if row else None

    async def sent(self, organisation_id: UUID, *, after: ImportCursor | None, limit: int) -> Sequence[Import]:
        """Return the next rolls of an organisation, the newest first."""
        start = after or (datetime.max.replace(tzinfo=UTC), UUID(int=0))
        async with acquire(self._pool) as connection:
            return [_import_of(row) for row in await connection.fetch(IMPORTS, organisation_id, *start, limit)]

    async def errors(self, import_id: UUID, *, after: ErrorCursor | None, limit: int) -> Sequence[Fault[Column]]:
        """Return the next faults of a roll, by row and column."""
        start = after or (0, "")
        async with acquire(self._pool) as connection:
            rows = await connection.fetch(ERRORS, import_id, *start, limit)
        return [Fault(row["row"], Column(row["place"]), row["code"], row["first_row"]) for row in rows]

    async def _applied(self, organisation: Organisation, digest: bytes, partial: bool) -> Import | None:
        async with acquire(self._pool) as connection:
            return await _applied(connection, organisation, digest, partial)

    async def _apart(self, indexed: Sequence[Indexed]) -> tuple[list[Indexed], list[Fault[Column]]]:
        """Tell who is new from who is registered already. Of these nothing is said but that they are, not even by
        which number they were known."""
        fresh: list[Indexed] = []
        registered: list[Fault[Column]] = []
        for start in range(0, len(indexed), CHUNK):
            chunk = indexed[start : start + CHUNK]
            async with acquire(self._pool) as connection:
                phones = await connection.fetch(REGISTERED, [one.phone_index for one in chunk])
                ids = await connection.fetch(
                    REGISTERED_BY_NATIONAL_ID, [one.national_id_index for one in chunk if one.national_id_index]
                )
            known = {row[0] for row in (*phones, *ids)}
            for one in chunk:
                if one.phone_index in known or one.national_id_index in known:
                    registered.append(_registered(one.entry.row))
                else:
                    fresh.append(one)
        return fresh, registered

    async def _store(
        self,
        found: Import,
        digest: bytes,
        organisation: Organisation,
        fresh: Sequence[Indexed],
        faults: Sequence[Fault[Column]],
        now: datetime,
        notice: str | None,
    ) -> tuple[Import, bool]:
        async with acquire(self._pool) as connection, connection.transaction():
            await connection.execute(LOCK_ROLLS, str(organisation.organisation_id))
            if known := await _applied(connection, organisation, digest, found.partial):
                return known, True
            await connection.execute(GATHER)
            for start in range(0, len(fresh), CHUNK):
                rows = await asyncio.to_thread(
                    rolls.prepare, self._ring, self._index, organisation, fresh[start : start + CHUNK], now
                )
                await connection.copy_records_to_table("roll", records=rows, columns=Prepared._fields)
            await connection.execute(ANALYZE_ROLL)
            told = (notice, Shown.ROLL if notice else None)
            await connection.execute(STORE_PEOPLE, organisation.organisation_id, now, *told, timeout=STORE_SECONDS)
            overtaken = [row["row"] for row in await connection.fetch(DROP_KNOWN, timeout=STORE_SECONDS)]
            if overtaken and not found.partial:
                raise _Overtaken(overtaken)
            await connection.execute(STORE_SEALED, timeout=STORE_SECONDS)
            await connection.execute(STORE_EVENTS, VOLUNTEER_REGISTERED.name, now, timeout=STORE_SECONDS)
            added = len(fresh) - len(overtaken)
            stored = replace(found, good=added, added=added)
            await _keep(connection, stored, digest, [*faults, *map(_registered, overtaken)])
            return stored, False


async def _applied(connection: Connection, organisation: Organisation, digest: bytes, partial: bool) -> Import | None:
    import_id = await connection.fetchval(APPLIED_BEFORE, organisation.organisation_id, digest, partial)
    row = await connection.fetchrow(SELECT_IMPORT, import_id) if import_id else None
    return _import_of(row) if row else None


async def _keep(connection: Connection, found: Import, digest: bytes, faults: Sequence[Fault[Column]]) -> None:
    await connection.execute(
        INSERT_IMPORT,
        found.import_id,
        found.organisation_id,
        found.sent_by,
        found.sent_at,
        digest,
        found.mode,
        found.partial,
        found.rows,
        found.good,
        found.added,
        list(found.ignored_columns),
    )
    await connection.execute(
        INSERT_ERRORS,
        found.import_id,
        [fault.row for fault in faults],
        [fault.column for fault in faults],
        [fault.code for fault in faults],
        [fault.first_row for fault in faults],
        timeout=STORE_SECONDS,
    )


def _registered(row: int) -> Fault[Column]:
    return Fault(row, Column.PHONE, "already_registered")


def _import_of(row: asyncpg.Record) -> Import:
    return Import(
        import_id=row["import_id"],
        organisation_id=row["organisation_id"],
        sent_by=row["sent_by"],
        sent_at=row["sent_at"],
        mode=Mode(row["mode"]),
        partial=row["partial"],
        rows=row["rows"],
        good=row["good"],
        added=row["added"],
        ignored_columns=row["ignored_columns"],
    )
