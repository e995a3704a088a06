"""The picture as the database has it at one moment."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Final

from services.reporting.answers import Denominator
from services.reporting.domain import FIGURES, OVERDUE_AFTER
from services.reporting.picture import store
from services.reporting.picture.rows import HELP, HELP_ASKED, PERSONS, PLACES, Counts, Picture, row, summed
from shared.areas.register import children, provinces
from shared.areas.suppression import withheld
from shared.postgres.pool import Connection

DISTRICT: Final = 4
SUBDISTRICT: Final = 6

_NO_SURVEY: Final = (0,) * len(FIGURES)
_NO_PLACES: Final = (0,) * len(PLACES)
_NO_HELP: Final = (0,) * len(HELP)


@dataclass(slots=True)
class Reading:
    """What was counted, by area code of one level, and the tables of denominators of this level and those around."""

    survey: Mapping[str, Counts] = field(default_factory=dict)
    places: Mapping[str, Counts] = field(default_factory=dict)
    help: Mapping[str, Counts] = field(default_factory=dict)
    population: Mapping[str, Denominator] = field(default_factory=dict)
    houses: Mapping[str, Denominator] = field(default_factory=dict)

    async def read_survey(self, connection: Connection, areas: Sequence[str], digits: int) -> None:
        """The survey's figures and the wholes that they are part of."""
        lengths = range(0, digits + 1, 2)
        self.survey = await store.survey(connection, areas, digits)
        self.population = await store.denominators(connection, "population", areas, lengths)
        self.houses = await store.denominators(connection, "houses", areas, lengths)

    async def read_places(self, connection: Connection, areas: Sequence[str], digits: int, now: datetime) -> None:
        """Places, and which of them are overdue at the moment `now`."""
        self.places = await store.places(connection, areas, digits, now - OVERDUE_AFTER)

    async def read_help(self, connection: Connection, areas: Sequence[str], digits: int, now: datetime) -> None:
        """Requests for help, and which of them are overdue at the moment `now`."""
        self.help = await store.help_requests(connection, areas, digits, now)

    def rows(self, wanted: Iterable[str], above: Iterable[int]) -> Picture:
        """The rows of the wanted areas: of subdistricts, all that a district has. above: how long the codes of areas
        around are that are summed up."""
        by_area = {
            code: (
                *self.survey.get(code, _NO_SURVEY),
                *self.places.get(code, _NO_PLACES),
                *self.help.get(code, _NO_HELP),
            )
            for code in {*self.survey, *self.places, *self.help}
        }
        sums = summed(by_area, above)
        nothing = (*_NO_SURVEY, *_NO_PLACES, *_NO_HELP)
        counts = {code: sums.get(code, nothing) for code in wanted}
        below = {code: found for code, found in counts.items() if len(code) == SUBDISTRICT}
        hidden = withheld({code: found[PERSONS] for code, found in below.items()})
        few = withheld({code: found[HELP_ASKED] for code, found in below.items()})
        return {
            code: row(
                found,
                self.population.get(code),
                self.houses.get(code),
                suppressed=code in hidden,
                without_help=code in few,
            )
            for code, found in counts.items()
        }


@cache
def shown_areas() -> tuple[str, ...]:
    """The country, every province and every district."""
    found = ["", *(province.code for province in provinces())]
    return (*found, *(district.code for province in provinces() for district in children(province.code)))


async def read(connection: Connection, areas: Sequence[str], digits: int, now: datetime) -> Reading:
    """Everything of some areas, broken down to codes of so many digits, in the caller's snapshot."""
    reading = Reading()
    await reading.read_survey(connection, areas, digits)
    await reading.read_places(connection, areas, digits, now)
    await reading.read_help(connection, areas, digits, now)
    return reading


async def read_subdistricts(connection: Connection, districts: Sequence[str], now: datetime) -> Picture:
    """The rows of all subdistricts of some districts, also of those that were abolished and have results."""
    reading = await read(connection, districts, SUBDISTRICT, now)
    current = {child.code for code in districts for child in children(code)}
    return reading.rows(current | reading.survey.keys() | reading.help.keys(), ())
