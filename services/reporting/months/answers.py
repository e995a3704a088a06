"""What readers of a month get: the shapes of the answers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from operator import attrgetter
from typing import Any, Final, Literal

from services.reporting.answers import AsOf

State = Literal["open", "closed"]

RowLevel = Literal["country", "province", "district", "subdistrict", "organisation", "volunteer"]
"""What a month is broken down to inside an area."""


# Not frozen, nor is `PerformanceRow`: the country has a million rows of volunteers, and frozen ones take three times as
# long to make.
@dataclass(slots=True)
class MonthFigures:
    """The figures of one row, in the order of the tables; all zero where nothing was done.

    volunteers_registered: who signed up in the month, where they are now; volunteers_active: who sent any visit;
    households_new: first surveyed, less those erased; households_revisited: visits to households surveyed before;
    persons, unvaccinated, wanting: by which the visits changed the sums of their area; followed_up: persons who wanted
    vaccine before a follow-up; vaccinated: doses that they had got since; places_entered, places_confirmed: changes of
    places; help_closed: requests that were done.
    """

    volunteers_registered: int = 0
    volunteers_active: int = 0
    households_new: int = 0
    households_revisited: int = 0
    persons: int = 0
    unvaccinated: int = 0
    wanting: int = 0
    followed_up: int = 0
    vaccinated: int = 0
    places_entered: int = 0
    places_confirmed: int = 0
    help_closed: int = 0

    def values(self) -> tuple[int, ...]:
        """The figures in their order."""
        return _values(self)


FIGURES: Final = tuple(field.name for field in fields(MonthFigures))
"""The names of a row's figures, in their order."""

_values: Final[Callable[[MonthFigures], tuple[int, ...]]] = attrgetter(*FIGURES)

RANKED_BY: Final = "households_new"
"""By which rows are ranked when nobody asks for another figure."""

NO_ORGANISATION: Final = "none"
"""The key of what was done through no organisation."""


@dataclass(frozen=True, slots=True)
class Corrected:
    """A figure that a correction changed: as it was first closed, and as it is in the revision that is shown."""

    closed: int
    now: int


@dataclass(slots=True)
class PerformanceRow:
    """One area, organisation or account.

    key: the area's code, the organisation's id (`NO_ORGANISATION`: through none) or the account's id. Reporting knows
    no names of organisations and people: both names are null then. rank: 1 for the largest figure of those that are
    compared; equal ones share a rank. before: the same in the month before. corrected: only figures that differ from
    what was first closed.
    """

    key: str
    name_th: str | None
    name_en: str | None
    rank: int
    figures: MonthFigures
    before: MonthFigures
    corrected: Mapping[str, Corrected]


@dataclass(frozen=True, slots=True)
class Closing:
    """One revision of a closed month.

    closed_by: an account, `schedule` or `command`; reason: why it was corrected, null of the closing itself; hash: the
    SHA-256 of all rows as of this revision, and `rows` how many they are; positions: by topic and partition, how far
    the streams had been taken that they were made from.
    """

    month: str
    revision: int
    closed_at: datetime
    closed_by: str
    reason: str | None
    hash: str
    rows: int
    positions: Any
    as_of: AsOf


@dataclass(frozen=True, slots=True)
class MonthAnswer:
    """A month and its revisions, the first one first; an open one has none."""

    month: str
    state: State
    revisions: Sequence[Closing]

    @classmethod
    def of(cls, month: date, revisions: Sequence[Closing]) -> "MonthAnswer":
        """The month of that first day."""
        return cls(f"{month:%Y-%m}", "closed" if revisions else "open", revisions)


@dataclass(frozen=True, slots=True)
class MonthsAnswer:
    """The months in which anything was counted, the latest first."""

    as_of: AsOf
    months: Sequence[MonthAnswer]


@dataclass(frozen=True, slots=True)
class Performance:
    """One page of a month's rows; `cursor` leads to the next one and is null on the last.

    month: YYYY-MM; an open one has revision 0 and no closing. as_of: how new the figures are; of a closed month, how
    new they were when it was closed.
    """

    month: str
    state: State
    revision: int
    closed_at: datetime | None
    closed_by: str | None
    reason: str | None
    hash: str | None
    positions: Any
    as_of: AsOf
    area: str
    level: RowLevel
    total: MonthFigures
    total_before: MonthFigures
    rows: list[PerformanceRow]
    cursor: str | None
