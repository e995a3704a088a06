"""Lists of houses as offices send them: read and checked in a thread, stored whole.

1. The file is read, row by row, and each house gets its household's id; of two rows of the same house the second is a
   fault.
2. With nothing against it, or where the good rows alone were asked for, in one transaction: the rows are sealed in a
   thread, some thousands at a time, gathered in a table of the transaction's own, and put on the list by one statement.
   A house that stands there already stays as it is, with its volunteer.
3. What a file has added once is not done again; the answer is then that of the first time.
"""

import asyncio
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID, uuid4

import asyncpg

from services.survey.desk.domain import Column, House, read_header, read_row
from services.survey.desk.store import seal
from shared.postgres.pool import Connection, acquire
from shared.security.keyed_ids import HouseholdIds
from shared.security.sealing import KeyRing
from shared.tables.lists import Fault, UnusableList, header_cells
from shared.tables.reading import rows_of
from shared.tables.turns import Turns

MOST_ROWS: Final = 50_000
"""The houses of the largest district; a subdistrict has some 4,000."""
MOST_BYTES: Final = 10 * 1024 * 1024
"""50,000 rows have 2 MB as CSV; a workbook with an office's other columns has several times as much."""
MOST_FAULTS: Final = 1_000
"""Bad cells that are told of. Who has more mends these and checks again."""
CHUNK: Final = 2_000
"""Rows sealed at a time: some 50 ms, in which the process answers others."""
STORE_SECONDS: Final = 60.0
"""For the statement that puts the largest list in its place; it takes some 2 s."""
WAIT_SECONDS: Final = 20.0
"""The largest list takes some 5 s; who waits longer than for four of them is told to come again."""

APPLIED_BEFORE: Final = """
SELECT import_id, area, sent_by, sent_at, partial, rows, bad, added, known, ignored_columns
FROM house_import
WHERE area = $1 AND file_digest = $2 AND partial = $3
"""

# Of two who send the same list at once, the second waits here and then finds what the first has stored.
LOCK: Final = "SELECT pg_advisory_xact_lock(7231021, hashtext($1))"

GATHER: Final = """
CREATE TEMPORARY TABLE listed (
    household_id uuid NOT NULL, area text NOT NULL, village text, key_id text NOT NULL, wrapped_key bytea NOT NULL,
    sealed bytea NOT NULL
) ON COMMIT DROP
"""

STORE: Final = """
INSERT INTO house (household_id, area, village, added_at, added_by, import_id, key_id, wrapped_key, sealed)
SELECT household_id, area, village, $1, $2, $3, key_id, wrapped_key, sealed
FROM listed
ORDER BY household_id
ON CONFLICT (household_id) DO NOTHING
"""

KEEP: Final = """
INSERT INTO house_import
    (import_id, area, sent_by, sent_at, file_digest, partial, rows, bad, added, known, ignored_columns)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
"""

LISTED_OF: Final = "SELECT count(*) FROM house WHERE household_id = ANY ($1::uuid[])"

SENT: Final = """
SELECT import_id, area, sent_by, sent_at, partial, rows, bad, added, known, ignored_columns
FROM house_import
WHERE starts_with(area, $1) AND (sent_at, import_id) < ($2, $3)
ORDER BY sent_at DESC, import_id DESC
LIMIT $4
"""


@dataclass(frozen=True, slots=True)
class Import:
    """A list that was stored: `rows` with something in them, `bad` ones left out, `added` and `known` houses."""

    import_id: UUID
    area: str
    sent_by: UUID
    sent_at: datetime
    partial: bool
    rows: int
    bad: int
    added: int
    known: int
    ignored_columns: Sequence[str]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of sending a list.

    stored: the import, None where nothing was stored; repeated: it had been stored before; good: rows without fault;
    new: houses of them that are not on the list yet; faults: the first `MOST_FAULTS` by row.
    """

    rows: int
    good: int
    new: int
    faults: Sequence[Fault[Column]]
    ignored_columns: Sequence[str]
    stored: Import | None = None
    repeated: bool = False


class _Row(NamedTuple):
    household_id: UUID
    area: str
    village: str | None
    key_id: str
    wrapped_key: bytes
    sealed: bytes


@dataclass(frozen=True, slots=True)
class _Checked:
    houses: Mapping[UUID, House]
    faults: Sequence[Fault[Column]]
    rows: int
    bad: int
    ignored_columns: Sequence[str]


class Imports(Turns):
    """Takes lists, one at a time in this process."""

    async def take(
        self,
        pool: "asyncpg.Pool[asyncpg.Record]",
        ring: KeyRing,
        ids: HouseholdIds,
        file: bytes,
        *,
        within: str,
        given: str | None,
        apply: bool,
        partial: bool,
        by: UUID,
        now: datetime,
    ) -> Outcome:
        """Check a list and, with `apply`, store it: the good rows with `partial`, otherwise all or none.

        within: the sender's area; given: the subdistrict of rows that name none. Raises `UnreadableFile` and
        `UnusableList`.
        """
        digest = (await asyncio.to_thread(hashlib.sha256, (given or "").encode() + b"\0" + file)).digest()
        if apply:
            async with acquire(pool) as connection:
                if (known := await _applied(connection, within, digest, partial=partial)) is not None:
                    return _repeated(known)
        checked = await asyncio.to_thread(_check, file, ids, within, given)
        if not apply or not checked.houses or (checked.bad and not partial):
            async with acquire(pool) as connection:
                listed = await connection.fetchval(LISTED_OF, list(checked.houses), timeout=STORE_SECONDS)
            return _outcome(checked, len(checked.houses) - listed)
        async with acquire(pool) as connection, connection.transaction():
            await connection.execute(LOCK, digest.hex())
            if (known := await _applied(connection, within, digest, partial=partial)) is not None:
                return _repeated(known)
            import_id = uuid4()
            await connection.execute(GATHER)
            for chunk in _chunks(checked.houses):
                rows = await asyncio.to_thread(_sealed, ring, chunk)
                await connection.copy_records_to_table("listed", records=rows, columns=_Row._fields)
            status = await connection.execute(STORE, now, by, import_id, timeout=STORE_SECONDS)
            added = int(status.removeprefix("INSERT 0 "))
            stored = Import(
                import_id,
                within,
                by,
                now,
                partial,
                checked.rows,
                checked.bad,
                added,
                len(checked.houses) - added,
                checked.ignored_columns,
            )
            await _keep(connection, stored, digest)
        return _outcome(checked, added, stored)


async def sent(connection: Connection, within: str, *, before: tuple[datetime, UUID], limit: int) -> Sequence[Import]:
    """Lists that were stored by who holds a role in the area, sent before `before`, the newest first."""
    return [_import_of(row) for row in await connection.fetch(SENT, within, *before, limit)]


def _check(file: bytes, ids: HouseholdIds, within: str, given: str | None) -> _Checked:
    rows = rows_of(file)
    header = read_header(header_cells(rows), area_given=given is not None)
    houses: dict[UUID, House] = {}
    first_rows: dict[UUID, int] = {}
    faults: list[Fault[Column]] = []
    count = bad = 0
    for number, cells in rows:
        if not any(cells[place].strip() for place in header.places.values() if place < len(cells)):
            continue
        count += 1
        if count > MOST_ROWS:
            raise UnusableList("too_many_rows")
        read = read_row(number, cells, header, within=within, given=given)
        if isinstance(read, House):
            household_id = ids.of_address(read.area, read.village, read.house, read.unit)
            first = first_rows.setdefault(household_id, number)
            if first == number:
                houses[household_id] = read
                continue
            read = [Fault(number, Column.HOUSE, "repeated", first)]
        bad += 1
        faults += read
    return _Checked(houses, faults[:MOST_FAULTS], count, bad, header.ignored)


def _chunks(houses: Mapping[UUID, House]) -> Iterator[Sequence[tuple[UUID, House]]]:
    everything = list(houses.items())
    for start in range(0, len(everything), CHUNK):
        yield everything[start : start + CHUNK]


def _sealed(ring: KeyRing, houses: Sequence[tuple[UUID, House]]) -> list[_Row]:
    return [_Row(one, house.area, house.village, *seal(ring, one, house)) for one, house in houses]


async def _applied(connection: Connection, within: str, digest: bytes, *, partial: bool) -> Import | None:
    row = await connection.fetchrow(APPLIED_BEFORE, within, digest, partial)
    return None if row is None else _import_of(row)


async def _keep(connection: Connection, stored: Import, digest: bytes) -> None:
    await connection.execute(
        KEEP,
        stored.import_id,
        stored.area,
        stored.sent_by,
        stored.sent_at,
        digest,
        stored.partial,
        stored.rows,
        stored.bad,
        stored.added,
        stored.known,
        list(stored.ignored_columns),
    )


def _import_of(row: asyncpg.Record) -> Import:
    return Import(**dict(row))


def _outcome(checked: _Checked, new: int, stored: Import | None = None) -> Outcome:
    return Outcome(
        checked.rows, checked.rows - checked.bad, new, checked.faults, checked.ignored_columns, stored=stored
    )


def _repeated(stored: Import) -> Outcome:
    return Outcome(stored.rows, stored.rows - stored.bad, 0, (), stored.ignored_columns, stored=stored, repeated=True)
