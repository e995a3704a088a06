"""What readers get: the shapes of the answers, and how figures become rows of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from operator import add
from typing import Final, Literal, NamedTuple
from uuid import UUID

from services.reporting.domain import FIGURES
from shared.areas.register import Area, Level

DenominatorKind = Literal["houses", "population", "residents", "surveyed"]


@dataclass(frozen=True, slots=True)
class Stream:
    """How new the figures are in what they take from one stream.

    time: of the newest event that they contain; lag: records that wait to be applied, as of lag_measured_at. Null: not
    known. filling: figures that are new in this version are being counted from the stream's beginning, and lack what
    has not been counted yet.
    """

    time: datetime | None
    lag: int | None
    lag_measured_at: datetime | None
    filling: bool = False


AsOf = Mapping[str, Stream]


# Not frozen, nor is `CoverageRow`: an answer has thousands of them, and frozen ones take three times as long to make.
@dataclass(slots=True)
class Ratio:
    """A part of a named whole. Above 1 where more people live in an area than are registered there; null when unknown.

    denominator_kind `surveyed`: the persons of the surveyed households; `population`: registered residents,
    `residents`: those who really live there, and `houses`: houses to be surveyed, of the dated table of `source`.
    """

    numerator: int | None
    denominator: int | None
    denominator_kind: DenominatorKind
    source: str | None
    dated: date | None
    ratio: float | None


@dataclass(frozen=True, slots=True)
class Denominator:
    """The whole that a ratio is a part of."""

    kind: DenominatorKind
    value: int | None
    source: str | None
    dated: date | None

    def of(self, numerator: int | None) -> Ratio:
        """`numerator` as a part of this."""
        ratio = None if numerator is None or not self.value else numerator / self.value
        return Ratio(numerator, self.value, self.kind, self.source, self.dated, ratio)


def unknown(kind: DenominatorKind) -> Denominator:
    """A whole of which no table tells."""
    return Denominator(kind, None, None, None)


class Figures(NamedTuple):
    """The survey's figures of one area, in the order of `FIGURES`; all zero where there is no result yet."""

    submissions: int = 0
    superseded: int = 0
    households: int = 0
    revisits: int = 0
    persons: int = 0
    dose_0: int = 0
    dose_1: int = 0
    dose_2: int = 0
    dose_3: int = 0
    wanting: int = 0
    wanting_608: int = 0
    undecided: int = 0
    refusing: int = 0
    home_visit: int = 0
    follow_ups: int = 0
    followed_up: int = 0
    vaccinated: int = 0

    def plus(self, other: "Figures") -> "Figures":
        """The figures of both areas together."""
        return Figures(*map(add, self, other))


NOTHING: Final = Figures()


@dataclass(slots=True)
class CoverageRow:
    """The survey's figures of one area. `suppressed`: too few persons to show them to everybody; they are null then.

    dose_0 to dose_3: persons with exactly so many doses (dose_3: or more); one_dose, two_doses, three_doses: with at
    least so many. follow_ups: recorded visits of that kind; followed_up: persons who wanted vaccine before them;
    vaccinated: doses given since.
    """

    area: str
    name_th: str
    name_en: str
    submissions: int | None
    superseded: int | None
    households: int | None
    revisits: int | None
    persons: int | None
    dose_0: int | None
    dose_1: int | None
    dose_2: int | None
    dose_3: int | None
    wanting: int | None
    wanting_608: int | None
    undecided: int | None
    refusing: int | None
    home_visit: int | None
    follow_ups: int | None
    followed_up: int | None
    vaccinated: int | None
    reasons: Mapping[str, int] | None
    one_dose: Ratio
    two_doses: Ratio
    three_doses: Ratio
    suppressed: bool


def coverage_row(
    area: Area, figures: Figures, reasons: Mapping[str, int], denominator: Denominator, *, suppressed: bool
) -> CoverageRow:
    """The row of one area; with `suppressed`, without figures."""
    if suppressed:
        nothing = denominator.of(None)
        return CoverageRow(
            area.code,
            area.name_th,
            area.name_en,
            **dict.fromkeys(FIGURES),
            reasons=None,
            one_dose=nothing,
            two_doses=nothing,
            three_doses=nothing,
            suppressed=True,
        )
    one, two, three = (denominator.of(persons) for persons in at_least(figures))
    return CoverageRow(area.code, area.name_th, area.name_en, *figures, reasons, one, two, three, False)


def at_least(figures: Figures) -> tuple[int, int, int]:
    """Persons with at least one, two and three doses."""
    three = figures.dose_3
    two = three + figures.dose_2
    return two + figures.dose_1, two, three


@dataclass(frozen=True, slots=True)
class ProgressRow:
    """How much of an area's houses was surveyed."""

    area: str
    name_th: str
    name_en: str
    submissions: int | None
    households: Ratio
    suppressed: bool


def progress_row(area: Area, figures: Figures, houses: Denominator, *, suppressed: bool) -> ProgressRow:
    """The row of one area; with `suppressed`, without figures."""
    return ProgressRow(
        area.code,
        area.name_th,
        area.name_en,
        None if suppressed else figures.submissions,
        houses.of(None if suppressed else figures.households),
        suppressed,
    )


@dataclass(frozen=True, slots=True)
class QualityRow:
    """Submissions of one area, and how many of them came with each quality flag; one may have several.

    suppressed: too few persons to show it to everybody.
    """

    area: str
    name_th: str
    name_en: str
    submissions: int | None
    flags: Mapping[str, int] | None
    suppressed: bool


def quality_row(area: Area, figures: Figures, flags: Mapping[str, int], *, suppressed: bool) -> QualityRow:
    """The row of one area; with `suppressed`, without figures."""
    if suppressed:
        return QualityRow(area.code, area.name_th, area.name_en, None, None, True)
    return QualityRow(area.code, area.name_th, area.name_en, figures.submissions, flags, False)


@dataclass(frozen=True, slots=True)
class Places:
    """Places that are not closed, and how many of them were confirmed in the last 7 days; `statuses` counts closed ones
    too."""

    total: int
    confirmed: int
    overdue: int
    statuses: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class FreshnessRow:
    """The places of one area, together and by kind."""

    area: str
    name_th: str
    name_en: str
    total: int
    confirmed: int
    overdue: int
    statuses: Mapping[str, int]
    kinds: Mapping[str, Places]


def freshness_row(area: Area, kinds: Mapping[str, Places]) -> FreshnessRow:
    """The row of one area."""
    statuses: dict[str, int] = {}
    for places in kinds.values():
        for status, number in places.statuses.items():
            statuses[status] = statuses.get(status, 0) + number
    return FreshnessRow(
        area.code,
        area.name_th,
        area.name_en,
        sum(places.total for places in kinds.values()),
        sum(places.confirmed for places in kinds.values()),
        sum(places.overdue for places in kinds.values()),
        statuses,
        kinds,
    )


class HelpCounts(NamedTuple):
    """Requests for help of one area: ever made; not finished, and of these by status; done; and the unfinished whose
    deadline is over. median: seconds from the asking to the first acceptance; accepted_lately: of so many."""

    asked: int = 0
    open: int = 0
    waiting: int = 0
    accepted: int = 0
    helping: int = 0
    done: int = 0
    overdue: int = 0
    accepted_lately: int = 0
    median_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class HelpRow:
    """Requests for help of one area (see `HelpCounts`). `suppressed`: so few asked that they are not shown to
    everybody; they are null then."""

    area: str
    name_th: str
    name_en: str
    asked: int | None
    open: int | None
    waiting: int | None
    accepted: int | None
    helping: int | None
    done: int | None
    overdue: int | None
    accepted_lately: int | None
    median_seconds: int | None
    suppressed: bool


def help_row(area: Area, counts: HelpCounts, *, suppressed: bool) -> HelpRow:
    """The row of one area; with `suppressed`, without figures."""
    if suppressed:
        return HelpRow(area.code, area.name_th, area.name_en, **dict.fromkeys(HelpCounts._fields), suppressed=True)
    return HelpRow(area.code, area.name_th, area.name_en, *counts, suppressed=False)


@dataclass(frozen=True, slots=True)
class HelpAnswer:
    """Requests for help for every area of a level. median_days: over how many days the median is taken."""

    area: str
    level: Level
    as_of: AsOf
    median_days: int
    rows: list[HelpRow]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class People:
    """People by status: volunteers alone, by the kind of organisation they came through, and everybody by role."""

    pending: int
    approved: int
    suspended: int
    withdrawn: int
    organisation_kinds: Mapping[str, Mapping[str, int]]
    roles: Mapping[str, Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class VolunteersRow:
    """The people of one area (see `People`)."""

    area: str
    name_th: str
    name_en: str
    pending: int
    approved: int
    suspended: int
    withdrawn: int
    organisation_kinds: Mapping[str, Mapping[str, int]]
    roles: Mapping[str, Mapping[str, int]]


def volunteers_row(area: Area, people: People) -> VolunteersRow:
    """The row of one area."""
    return VolunteersRow(
        area.code,
        area.name_th,
        area.name_en,
        people.pending,
        people.approved,
        people.suspended,
        people.withdrawn,
        people.organisation_kinds,
        people.roles,
    )


@dataclass(frozen=True, slots=True)
class Position:
    """WGS 84, in degrees."""

    lat: float
    lon: float


@dataclass(frozen=True, slots=True)
class Place:
    """One place, as far as a map needs it."""

    facility_id: str
    kind: str
    name: str
    area: str
    status: str
    position: Position | None
    capacity: int | None
    free: int | None
    updated_at: datetime
    confirmed_at: datetime
    overdue: bool


@dataclass(frozen=True, slots=True)
class CoverageAnswer:
    """Vaccination as surveyed, for every area of a level."""

    area: str
    level: Level
    as_of: AsOf
    rows: list[CoverageRow]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class ProgressAnswer:
    """Progress of the survey, for every area of a level."""

    area: str
    level: Level
    as_of: AsOf
    rows: list[ProgressRow]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class QualityAnswer:
    """Quality flags of submissions, for every area of a level."""

    area: str
    level: Level
    as_of: AsOf
    rows: list[QualityRow]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class FreshnessAnswer:
    """Places and their freshness, for every area of a level."""

    area: str
    level: Level
    as_of: AsOf
    rows: list[FreshnessRow]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class VolunteersAnswer:
    """People for every area of a level; `wider` are those inside `area` whose role is held in an area above that
    level."""

    area: str
    level: Level
    as_of: AsOf
    rows: list[VolunteersRow]
    wider: People
    cursor: str | None


@dataclass(frozen=True, slots=True)
class OrganisationMonth:
    """What the volunteers of an organisation did in a month of Thailand's, by the time at the door.

    month: YYYY-MM; volunteers: who sent any; submissions: visits, of which `superseded` ones came after a later visit.
    """

    month: str
    volunteers: int
    submissions: int
    superseded: int


@dataclass(frozen=True, slots=True)
class OrganisationAnswer:
    """The results of one organisation, the latest month first; months without any are left out."""

    organisation_id: UUID
    as_of: AsOf
    months: list[OrganisationMonth]


@dataclass(frozen=True, slots=True)
class PlacesAnswer:
    """One page of places; `cursor` leads to the next one and is null on the last."""

    area: str
    as_of: AsOf
    items: list[Place]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class DenominatorsAnswer:
    """What was stored: areas given, and areas above them that could be summed up."""

    kind: str
    dated: date
    source: str
    given: int
    derived: int
