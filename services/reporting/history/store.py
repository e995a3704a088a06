"""Reads of the figures by day of capture, rolled up through the area codes (see `services.reporting.store`)."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final

from services.reporting.answers import Figures
from services.reporting.domain import COLUMNS, FIGURES
from shared.areas.suppression import SMALL_CELL
from shared.contracts.events import Reason
from shared.postgres.pool import Connection

UNTIL: Final = f"""
SELECT left(subdistrict, $2) AS area, {", ".join(f"sum({column})::bigint" for column in COLUMNS)}
FROM survey_day
WHERE subdistrict >= $1 AND subdistrict < $1 || ':' AND day <= $3
GROUP BY 1
"""  # noqa: S608 - names of ours

LESS_WHAT_CAME_SINCE: Final = f"""
SELECT left(subdistrict, $2) AS area, {", ".join(f"sum({column})::bigint" for column in COLUMNS)}
FROM (
    SELECT subdistrict, {", ".join(COLUMNS)}
    FROM survey_subdistrict
    WHERE subdistrict >= $1 AND subdistrict < $1 || ':'
    UNION ALL
    SELECT subdistrict, {", ".join(f"-{column}" for column in COLUMNS)}
    FROM survey_day
    WHERE subdistrict >= $1 AND subdistrict < $1 || ':' AND day > $3
) AS s
GROUP BY 1
"""  # noqa: S608 - names of ours
"""The same from the other end."""

Standing = dict[str, tuple[Figures, dict[str, int]]]
"""By area code, the figures, and the persons by reason for not being vaccinated; areas without any are left out."""


async def standing(connection: Connection, area: str, digits: int, day: date, *, recent: bool) -> Standing:
    """How things stood at the end of a day of Thailand's. recent: the days since are fewer than those before; of two
    ways to the same sums the shorter is taken."""
    found: Standing = {}
    for code, *numbers in await connection.fetch(LESS_WHAT_CAME_SINCE if recent else UNTIL, area, digits, day):
        if any(numbers):
            reasons = zip(Reason, numbers[len(FIGURES) :], strict=True)
            found[code] = (
                Figures._make(numbers[: len(FIGURES)]),
                {str(reason): persons for reason, persons in reasons if persons},
            )
    for code, reason, persons in await connection.fetch(REASONS_WITHOUT_COLUMN_UNTIL, area, digits, day):
        found[code][1][reason] = persons
    return found


REASONS_WITHOUT_COLUMN_UNTIL: Final = """
SELECT left(subdistrict, $2) AS area, reason, sum(persons)::bigint AS persons
FROM reason_day
WHERE subdistrict >= $1 AND subdistrict < $1 || ':' AND day <= $3
GROUP BY 1, 2
HAVING sum(persons) <> 0
"""


Course = list[tuple[int, ...]]
"""What each day brought, one row of the measures a day; the first row is all that came before the first day."""


async def courses(
    connection: Connection, area: str, digits: int, since: date, until: date, measures: Sequence[str]
) -> dict[str, Course]:
    """By area code, the days from `since` to `until`; areas without any result are left out.

    measures: names of `FIGURES`, which stand in the rows in this order. Days without results are rows of zeros.
    """
    before, days = since - timedelta(days=1), (until - since).days + 1
    nothing = (0,) * len(measures)
    found: dict[str, Course] = {}
    for code, day, *figures in await connection.fetch(by_day(measures), area, digits, before, until):
        course = found.get(code)
        if course is None:
            course = found[code] = [nothing] * (days + 1)
        course[(day - before).days] = tuple(figures)
    return found


def by_day(measures: Sequence[str]) -> str:
    """The statement for some of `FIGURES`: what came until `$3` is one row of an area's, then each day has one."""
    if not set(measures) <= set(FIGURES):
        raise ValueError("not figures of ours")
    sums = ", ".join(f"sum({measure})::bigint" for measure in measures)
    return (
        f"SELECT left(subdistrict, $2) AS area, greatest(day, $3) AS day, {sums} "  # noqa: S608 - judged above
        "FROM survey_day "
        "WHERE subdistrict >= $1 AND subdistrict < $1 || ':' AND day <= $4 "
        "GROUP BY 1, 2"
    )


# A visit is one person's at least, and an erasure is no visit.
CAME_SINCE: Final = """
WITH came AS (
    SELECT left(subdistrict, 4) AS district, subdistrict, day, persons, submissions
    FROM survey_day
    WHERE subdistrict >= $1 AND subdistrict < $1 || ':' AND day > $2 AND (persons <> 0 OR submissions <> 0)
), few AS (
    SELECT district, max(day) AS day FROM came WHERE greatest(persons, submissions) < $3 GROUP BY district
)
SELECT came.subdistrict, came.day, came.persons, came.submissions
FROM came JOIN few ON few.district = came.district AND few.day >= came.day
"""


async def came_since(connection: Connection, area: str, day: date) -> list[tuple[str, date, int, int]]:
    """What came to subdistricts of the area on later days, in persons and visits, as far as it decides about what is
    withheld (see `shared.areas.suppression.before_few`): where nobody has few, that is nothing."""
    return [tuple(row) for row in await connection.fetch(CAME_SINCE, area, day, SMALL_CELL)]
