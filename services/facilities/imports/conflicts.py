"""What would stand twice in the register: a code that another place has, or a place that was entered meanwhile."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from services.facilities.imports.judging import Judged
from services.facilities.store import codes
from shared.postgres.pool import Connection

# Of the whole country: a code is one place's, wherever the sender may write.
CODE_HOLDERS: Final = """
SELECT DISTINCT ON (n.number) n.number, f.facility_id, f.name
FROM unnest($1::integer[], $2::uuid[], $3::text[], $4::text[]) AS n (number, facility_id, kind, code)
JOIN facility AS f ON f.official_code = n.code AND f.kind = n.kind
WHERE f.facility_id <> n.facility_id AND f.status <> 'closed'
ORDER BY n.number, f.facility_id
"""

# The codes that applying, or undoing, would give to open places which do not have them by then: `places.takes_code` in
# SQL, from the content that a row replaces to the one that it leaves.
_TAKEN: Final = """
SELECT number, facility_id, {after} ->> 'kind' AS kind, {after} ->> 'official_code' AS code
FROM facility_import_row
WHERE import_id = $1 AND {wanted} AND {after} ->> 'official_code' IS NOT NULL AND {after} ->> 'status' <> 'closed'
  AND ({before} IS NULL OR {before} ->> 'status' = 'closed'
       OR {before} ->> 'kind' <> {after} ->> 'kind'
       OR {before} ->> 'official_code' IS DISTINCT FROM {after} ->> 'official_code')
"""
TAKEN_BY_APPLYING: Final = _TAKEN.format(before="before", after="after", wanted="result IN ('new', 'changed')")
TAKEN_BY_UNDOING: Final = _TAKEN.format(before="after", after="before", wanted="applied IS NOT NULL")

# What checking has found to be new, and no longer is: another list with the same places was applied, or somebody has
# entered one. Compared as `matching` does.
ENTERED_MEANWHILE: Final = """
SELECT r.number
FROM facility_import_row AS r
JOIN facility AS f ON f.search_name = search_spelling(r.after ->> 'name')
                  AND f.kind = r.after ->> 'kind' AND f.area = r.after ->> 'area'
WHERE r.import_id = $1 AND r.result = 'new' AND f.status <> 'closed'
  AND (f.official_code IS NULL OR r.after ->> 'official_code' IS NULL OR f.official_code = r.after ->> 'official_code')
"""

# What a list has entered, and another place turned out to be since: closed, it would take that one along. Merging
# leaves the survivor's revision as it is.
MERGED_INTO: Final = """
SELECT number
FROM facility_import_row
WHERE import_id = $1 AND applied IS NOT NULL AND before IS NULL
  AND facility_id IN (SELECT merged_into FROM facility WHERE merged_into IS NOT NULL)
"""

# Two lists that are applied at once would not see each other's places.
LOCK_APPLICATION: Final = "SELECT pg_advisory_xact_lock(hashtextextended('facility_import.application', 0))"


@dataclass(frozen=True, slots=True)
class Holder:
    """The open place of the same kind that has a code."""

    facility_id: UUID
    name: str


async def code_holders(connection: Connection, rows: Sequence[Judged]) -> Mapping[int, Holder]:
    """Who has the codes that rows would give to a place, by the rows' numbers."""
    wanted = [
        (row.number, row.facility_id, row.after.kind, row.after.official_code)
        for row in rows
        if row.after is not None and row.takes_code
    ]
    found = await connection.fetch(CODE_HOLDERS, *([one[part] for one in wanted] for part in range(4)))
    return {row["number"]: Holder(row["facility_id"], row["name"]) for row in found}


async def entered_meanwhile(connection: Connection, import_id: UUID) -> list[int]:
    """The rows of an import whose place or code somebody else has entered since they were checked.

    Until the caller's transaction ends no other import is applied, and nobody enters these codes.
    """
    await connection.execute(LOCK_APPLICATION)
    entered = {row["number"] for row in await connection.fetch(ENTERED_MEANWHILE, import_id)}
    return sorted(entered | await _codes_held(connection, TAKEN_BY_APPLYING, import_id))


async def given_away(connection: Connection, import_id: UUID) -> frozenset[int]:
    """The rows of an import whose former code another place has by now.

    Until the caller's transaction ends nobody enters these codes.
    """
    return frozenset(await _codes_held(connection, TAKEN_BY_UNDOING, import_id))


async def merged_into(connection: Connection, import_id: UUID) -> frozenset[int]:
    """The rows of an import that entered what another place was merged into since."""
    return frozenset(row["number"] for row in await connection.fetch(MERGED_INTO, import_id))


async def _codes_held(connection: Connection, taken: str, import_id: UUID) -> set[int]:
    rows = await connection.fetch(taken, import_id)
    await codes.lock(connection, [row["code"] for row in rows])
    columns = ([row[name] for row in rows] for name in ("number", "facility_id", "kind", "code"))
    return {row["number"] for row in await connection.fetch(CODE_HOLDERS, *columns)}
