"""Which places of the register the rows of a list are about."""

from collections.abc import Sequence
from typing import Final

from services.facilities.imports.judging import Known
from services.facilities.reading import Row
from services.facilities.store.duplicates import ALIKE, NEAR_DEGREES, NEIGHBOURS
from services.facilities.store.rows import COLUMNS, facility_of
from shared.postgres.pool import Connection

_QUALIFIED: Final = ", ".join(f"f.{column.strip()}" for column in COLUMNS.split(","))

BY_ID: Final = f"""
SELECT n.number, {_QUALIFIED}
FROM unnest($1::integer[], $2::text[]) AS n (number, id)
JOIN facility AS f ON f.facility_id = n.id::uuid AND f.area >= $3 AND f.area < $3 || ':'
"""  # noqa: S608 - text of this module only

# Where two share a code, the one of the row's name.
BY_CODE: Final = f"""
SELECT DISTINCT ON (n.number) n.number, {_QUALIFIED}
FROM unnest($1::integer[], $2::text[], $3::text[], $4::text[]) AS n (number, code, kind, name)
JOIN facility AS f ON f.official_code = n.code AND f.kind = n.kind AND f.status <> 'closed'
WHERE f.area >= $5 AND f.area < $5 || ':'
ORDER BY n.number, f.search_name = search_spelling(n.name) DESC, f.facility_id
"""  # noqa: S608

# A place that was entered before without its code, or whose code the list does not have.
BY_NAME: Final = f"""
SELECT n.number, {_QUALIFIED}
FROM unnest($1::integer[], $2::text[], $3::text[], $4::text[], $5::text[]) AS n (number, name, kind, area, code)
JOIN facility AS f ON f.search_name = search_spelling(n.name) AND f.kind = n.kind AND f.area = n.area
WHERE f.status <> 'closed' AND (f.official_code IS NULL OR n.code IS NULL OR f.official_code = n.code)
  AND f.area >= $6 AND f.area < $6 || ':'
"""  # noqa: S608

# As `store/duplicates.py` has it for two places that are there.
ALIKE_NEARBY: Final = """
WITH n AS MATERIALIZED (
    SELECT number, kind, lat, lon, search_runs(search_spelling(name)) AS runs
    FROM unnest($1::integer[], $2::text[], $3::text[], $4::float8[], $5::float8[]) AS d (number, name, kind, lat, lon)
)
SELECT DISTINCT ON (n.number) n.number, f.facility_id
FROM n
CROSS JOIN LATERAL (
    SELECT facility_id, search_runs
    FROM facility
    WHERE kind = n.kind AND status <> 'closed'
      AND on_plane(lat, lon) <@ box(on_plane(n.lat - $6, n.lon - $6), on_plane(n.lat + $6, n.lon + $6))
    ORDER BY on_plane(lat, lon) <-> on_plane(n.lat, n.lon)
    LIMIT $8
) AS f
CROSS JOIN LATERAL (
    SELECT cardinality(ARRAY(SELECT unnest(f.search_runs) INTERSECT SELECT unnest(n.runs)))::float8 AS common
) AS c
WHERE c.common > 0
  AND c.common >= $7::float8 * (cardinality(f.search_runs) + cardinality(n.runs) - c.common)
ORDER BY n.number, c.common DESC, f.facility_id
"""


async def match(connection: Connection, rows: Sequence[Row], area: str) -> Known:
    """Find the places of some rows inside `area`: by their ids, else by code and kind, else by name, kind and
    subdistrict; and for the rest such as may be the same."""
    drafts = [(row.number, row.draft) for row in rows if row.draft is not None]
    by_id = [(number, draft["facility_id"]) for number, draft in drafts if draft.get("facility_id")]
    others = [(number, draft) for number, draft in drafts if not draft.get("facility_id")]
    found = await connection.fetch(BY_ID, [one[0] for one in by_id], [one[1] for one in by_id], area)
    coded = [(number, one) for number, one in others if one.get("official_code")]
    found += await connection.fetch(
        BY_CODE,
        [number for number, _ in coded],
        [one["official_code"] for _, one in coded],
        [one["kind"] for _, one in coded],
        [one["name"] for _, one in coded],
        area,
    )
    places = {row["number"]: facility_of(row) for row in found}
    named = [(number, one) for number, one in others if number not in places]
    for row in await connection.fetch(
        BY_NAME,
        [number for number, _ in named],
        [one["name"] for _, one in named],
        [one["kind"] for _, one in named],
        [one["area"] for _, one in named],
        [one.get("official_code") for _, one in named],
        area,
    ):
        places.setdefault(row["number"], facility_of(row))
    new = [(number, one) for number, one in named if number not in places and one.get("position")]
    alike = await connection.fetch(
        ALIKE_NEARBY,
        [number for number, _ in new],
        [one["name"] for _, one in new],
        [one["kind"] for _, one in new],
        [one["position"]["lat"] for _, one in new],
        [one["position"]["lon"] for _, one in new],
        NEAR_DEGREES,
        ALIKE,
        NEIGHBOURS,
    )
    return Known(places, {row["number"]: row["facility_id"] for row in alike})
