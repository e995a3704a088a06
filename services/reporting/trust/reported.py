"""What reporting shows, in the form in which it is held to the owners' counts."""

from datetime import date
from typing import Final

from services.reporting.domain import REASONS
from services.reporting.trust.comparison import Cell, Cells
from services.reporting.trust.owners import SURVEY_FIGURES
from shared.postgres.pool import Connection

SURVEY: Final = f"""
SELECT subdistrict, {", ".join((*SURVEY_FIGURES, *REASONS))}
FROM survey_subdistrict
WHERE subdistrict >= $1 AND subdistrict < $1 || ':'
"""  # noqa: S608 - names of the domain

OTHER_REASONS: Final = """
SELECT subdistrict, 'reasons.' || reason, persons FROM reason_subdistrict
WHERE subdistrict >= $1 AND subdistrict < $1 || ':'
UNION ALL
SELECT subdistrict, 'flags.' || flag, submissions FROM flag_subdistrict
WHERE subdistrict >= $1 AND subdistrict < $1 || ':'
"""

PEOPLE: Final = """
SELECT area, 'people.' || coalesce(organisation_kind, 'none') || '.' || status, sum(people)::bigint
FROM volunteer_count
GROUP BY area, organisation_kind, status
"""

PLACES: Final = "SELECT area, 'places.' || kind || '.' || status, count(*) FROM facility GROUP BY area, kind, status"

HELP: Final = "SELECT area, 'help.' || kind || '.' || status, requests FROM help_count WHERE requests <> 0"

DAYS: Final = f"""
SELECT day, {", ".join(SURVEY_FIGURES)} FROM survey_day WHERE subdistrict = $1
"""  # noqa: S608 - names of this service


async def survey(connection: Connection, province: str) -> Cells:
    """The survey's figures of the subdistricts of a province."""
    names = (*SURVEY_FIGURES, *(f"reasons.{name.removeprefix('reason_')}" for name in REASONS))
    found: dict[Cell, int] = {}
    for subdistrict, *counts in await connection.fetch(SURVEY, province):
        for name, count in zip(names, counts, strict=True):
            found[Cell(subdistrict, name)] = count
    for subdistrict, name, count in await connection.fetch(OTHER_REASONS, province):
        found[Cell(subdistrict, name)] = found.get(Cell(subdistrict, name), 0) + count
    return found


async def people(connection: Connection) -> Cells:
    """People of all areas."""
    return {Cell(area, figure): count for area, figure, count in await connection.fetch(PEOPLE)}


async def places(connection: Connection) -> Cells:
    """Places of all areas."""
    return {Cell(area, figure): count for area, figure, count in await connection.fetch(PLACES)}


async def help_requests(connection: Connection) -> Cells:
    """Requests for help of all areas."""
    return {Cell(area, figure): count for area, figure, count in await connection.fetch(HELP)}


async def days(connection: Connection, subdistrict: str) -> list[tuple[date, str, int]]:
    """The survey's figures of a subdistrict by day of capture."""
    return [
        (day, name, count)
        for day, *counts in await connection.fetch(DAYS, subdistrict)
        for name, count in zip(SURVEY_FIGURES, counts, strict=True)
    ]
