"""Public holidays."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from shared.postgres.pool import Connection

MOST_HOLIDAYS: Final = 1_000
"""Those of some forty years."""

SELECT_HOLIDAYS: Final = """
SELECT day, th, en FROM holiday ORDER BY day DESC LIMIT $1
"""

PUT_HOLIDAY: Final = """
INSERT INTO holiday (day, th, en) VALUES ($1, $2, $3)
ON CONFLICT (day) DO UPDATE SET th = excluded.th, en = excluded.en
"""

DELETE_HOLIDAY: Final = """
DELETE FROM holiday WHERE day = $1
"""


@dataclass(frozen=True, slots=True)
class Holiday:
    """A public holiday and what it is called."""

    day: date
    th: str
    en: str


async def holidays(connection: Connection) -> Mapping[date, Holiday]:
    """The holidays by date, the latest first."""
    rows = await connection.fetch(SELECT_HOLIDAYS, MOST_HOLIDAYS)
    return {row["day"]: Holiday(row["day"], row["th"], row["en"]) for row in rows}


async def put(connection: Connection, holiday: Holiday) -> None:
    """Adds a holiday, or names it otherwise."""
    await connection.execute(PUT_HOLIDAY, holiday.day, holiday.th, holiday.en)


async def remove(connection: Connection, day: date) -> None:
    """Makes a date a day like others."""
    await connection.execute(DELETE_HOLIDAY, day)
