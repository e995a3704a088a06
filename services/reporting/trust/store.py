"""What reconciliations found, the newest ones."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Final

from services.reporting.trust.comparison import Difference
from shared.postgres.pool import Connection

MOST_KEPT: Final = 1_000
"""Reconciliations: six weeks of one an hour."""
MOST_DIFFERENCES: Final = 2_000
"""Of one: what is beyond is counted; nobody reads more, and a fault of that size has a beginning among them."""


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """One comparison of all figures. compared: figures of areas; differing: of them, by services in `services`; moving:
    those that differed all the time, but never by the same; absent: services that did not answer."""

    reconciliation_id: int
    began_at: datetime
    ended_at: datetime
    compared: int
    differing: int
    moving: int
    absent: Sequence[str]
    services: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DifferenceRow:
    """One figure of one area; owned: what its service counts, reported: what reporting shows; begins_on: the first day
    that differs, where days are counted."""

    area: str
    figure: str
    service: str
    owned: int
    reported: int
    begins_on: date | None


PUT: Final = """
INSERT INTO reconciliation (began_at, ended_at, compared, differing, moving, absent) VALUES ($1, $2, $3, $4, $5, $6)
RETURNING reconciliation_id
"""

PUT_DIFFERENCES: Final = """
INSERT INTO reconciliation_difference (reconciliation_id, area, figure, service, owned, reported, begins_on)
SELECT $1, d.*
FROM unnest($2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::date[]) AS d
"""

FORGET: Final = "DELETE FROM reconciliation WHERE reconciliation_id <= $1"

FIELDS: Final = "reconciliation_id, began_at, ended_at, compared, differing, moving, absent"

LATEST: Final = f"SELECT {FIELDS} FROM reconciliation ORDER BY reconciliation_id DESC LIMIT $1"  # noqa: S608 - ours

SERVICES: Final = """
SELECT service, count(*) AS differences FROM reconciliation_difference WHERE reconciliation_id = $1 GROUP BY service
"""

DIFFERENCES: Final = """
SELECT area, figure, service, owned, reported, begins_on
FROM reconciliation_difference
WHERE reconciliation_id = $1 AND area >= $2 AND area < $2 || ':' AND (area, figure) > ($3, $4)
ORDER BY area, figure
LIMIT $5
"""


async def put(
    connection: Connection,
    began_at: datetime,
    ended_at: datetime,
    compared: int,
    moving: int,
    differences: Sequence[Difference],
    absent: Sequence[str],
) -> Reconciliation:
    """Stores one with its differences, and forgets old ones."""
    ordered = sorted(differences, key=lambda each: each.cell)
    async with connection.transaction():
        number = await connection.fetchval(PUT, began_at, ended_at, compared, len(ordered), moving, absent)
        rows = [
            (each.cell.area, each.cell.figure, each.cell.owner, *each.pair, each.begins_on)
            for each in ordered[:MOST_DIFFERENCES]
        ]
        if rows:
            await connection.execute(PUT_DIFFERENCES, number, *map(list, zip(*rows, strict=True)))
        await connection.execute(FORGET, number - MOST_KEPT)
    services = Counter[str](each.cell.owner for each in ordered)
    return Reconciliation(number, began_at, ended_at, compared, len(ordered), moving, absent, services)


async def history(connection: Connection, limit: int) -> list[Reconciliation]:
    """The newest ones first."""
    return [Reconciliation(*row) for row in await connection.fetch(LATEST, limit)]


async def latest(connection: Connection) -> Reconciliation | None:
    """The newest one, with its differences by service, as far as they are kept."""
    row = await connection.fetchrow(LATEST, 1)
    if row is None:
        return None
    found = await connection.fetch(SERVICES, row["reconciliation_id"])
    return replace(Reconciliation(*row), services={each["service"]: each["differences"] for each in found})


async def differences(
    connection: Connection, reconciliation_id: int, area: str, after: tuple[str, str], limit: int
) -> list[DifferenceRow]:
    """Its differences inside `area`, at most `limit`, behind the area and figure `after`."""
    rows = await connection.fetch(DIFFERENCES, reconciliation_id, area, *after, limit)
    return [DifferenceRow(*row) for row in rows]


PROVINCES: Final = """
SELECT left(area, 2) AS area, service, count(*) AS figures, min(begins_on) AS begins_on
FROM reconciliation_difference
WHERE reconciliation_id = $1
GROUP BY 1, 2
ORDER BY 1, 2
"""


async def by_province(connection: Connection, reconciliation_id: int) -> list[tuple[str, str, int, date | None]]:
    """Its differences as numbers: province, service, how many figures, and the first day that differs."""
    return [tuple(row) for row in await connection.fetch(PROVINCES, reconciliation_id)]
