"""What would stand twice in the register: a code that another place has, or a place that was entered meanwhile."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from services.facilities.imports.judging import Judged
from shared.postgres.pool import Connection

# Of the whole country: a code is one place's, wherever the sender may write.
CODE_HOLDERS: Final = """
SELECT DISTINCT ON (n.number) n.number, f.facility_id, f.name
FROM unnest($1::integer[], $2::uuid[], $3::text[], $4::text[]) AS n (number, facility_id, kind, code)
JOIN facility AS f ON f.official_code = n.code AND f.kind = n.kind
WHERE f.facility_id <> n.facility_id AND f.status <> 'closed'
ORDER BY n.number, f.facility_id
"""

# What checking has found to be free, and no longer is: another list with the same places was applied, or somebody
# entered one. Compared as `matching` and `CODE_HOLDERS` do.
ENTERED_MEANWHILE: Final = """
WITH r AS MATERIALIZED (
    SELECT number, facility_id, result, before IS NULL AS entered,
           after ->> 'name' AS name, after ->> 'kind' AS kind, after ->> 'area' AS area, after ->> 'status' AS status,
           after ->> 'official_code' AS code, before ->> 'official_code' AS former_code,
           before ->> 'kind' AS former_kind, before ->> 'status' AS former_status
    FROM facility_import_row
    WHERE import_id = $1 AND result IN ('new', 'changed')
)
SELECT r.number
FROM r JOIN facility AS f ON f.official_code = r.code AND f.kind = r.kind
WHERE f.facility_id <> r.facility_id AND f.status <> 'closed' AND r.status <> 'closed'
  AND (r.entered OR (r.code, r.kind) IS DISTINCT FROM (r.former_code, r.former_kind) OR r.former_status = 'closed')
UNION
SELECT r.number
FROM r JOIN facility AS f ON f.search_name = search_spelling(r.name) AND f.kind = r.kind AND f.area = r.area
WHERE r.entered AND f.status <> 'closed'
  AND (f.official_code IS NULL OR r.code IS NULL OR f.official_code = r.code)
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

    Until the caller's transaction ends no other import is applied.
    """
    await connection.execute(LOCK_APPLICATION)
    return [row["number"] for row in await connection.fetch(ENTERED_MEANWHILE, import_id)]
