"""What the figures must be, counted from what was sent and how it was answered: our own arithmetic, no service's.

The rules, in short: a submission counts once, however often it is sent. Of the submissions for one house the one
captured last stands (of two at the same moment, the one with the larger id); one that arrives when a later one already
stands is superseded: it is a visit, and leaves the house as it was. A house counts with the persons of the submission
that stands.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import msgspec

from deploy.demo.plan import Submission

Figures = Counter[str]
"""Figures of one area by name; `reasons.X` is a reason's name, `flags.X` a quality flag's."""

LEVELS: Final = {"country": 0, "province": 2, "district": 4, "subdistrict": 6}
"""The levels of areas, by the length of their codes."""

SURVEY_FIGURES: Final = (
    "households", "submissions", "superseded", "revisits", "persons", "dose_0", "dose_1", "dose_2", "dose_3",
    "wanting", "wanting_608", "undecided", "refusing", "home_visit",
)  # fmt: skip
"""The survey's figures that every area has; reasons come besides."""

_RISK_AGE: Final = 60
_RISKS: Final = frozenset(
    {
        "age_60", "chronic_respiratory", "cardiovascular", "chronic_kidney_failure", "stroke", "obesity", "cancer",
        "diabetes", "pregnancy_12_weeks",
    }
)  # fmt: skip


class _Address(msgspec.Struct):
    area: str


class _Dose(msgspec.Struct):
    number: int


class _Person(msgspec.Struct):
    age: int
    doses: list[_Dose] = []
    risks: list[str] = []
    wants_vaccine: str | None = None
    reasons: list[str] = []
    home_visit: bool = False


class _Sent(msgspec.Struct):
    address: _Address
    persons: list[_Person]


@dataclass(slots=True)
class _House:
    captured_at: datetime
    submission_id: str
    body: bytes


@dataclass(slots=True)
class Truth:
    """The figures of one run, fed with the accepted submissions in the order in which they are recorded."""

    figures: dict[str, Figures] = field(default_factory=dict)
    outcomes: dict[str, str] = field(default_factory=dict)
    repeated: int = 0
    _houses: dict[int, _House] = field(default_factory=dict)

    def accept(self, submission: Submission) -> None:
        """Count a submission that was answered 202. The same one again changes nothing."""
        if submission.submission_id in self.outcomes:
            self.repeated += 1
            return
        figures = self._of(submission.body)
        figures["submissions"] += 1
        figures.update(f"flags.{flag}" for flag in submission.flags)
        stands = self._houses.get(submission.household)
        if stands is not None and (stands.captured_at, stands.submission_id) > (
            submission.captured_at,
            submission.submission_id,
        ):
            figures["superseded"] += 1
            self.outcomes[submission.submission_id] = "superseded"
            return
        if stands is not None:
            figures["revisits"] += 1
            figures.subtract(count(stands.body))
        figures.update(count(submission.body))
        self._houses[submission.household] = _House(submission.captured_at, submission.submission_id, submission.body)
        self.outcomes[submission.submission_id] = "recorded"

    def _of(self, body: bytes) -> Figures:
        return self.figures.setdefault(_DECODE(body).address.area, Counter())


_DECODE: Final = msgspec.json.Decoder(_Sent).decode


def count(body: bytes) -> Figures:
    """What a household counts for, from the submission as it was sent."""
    figures: Figures = Counter(households=1)
    for person in _DECODE(body).persons:
        figures["persons"] += 1
        figures[f"dose_{min(max((dose.number for dose in person.doses), default=0), 3)}"] += 1
        match person.wants_vaccine:
            case "yes":
                figures["wanting"] += 1
                if person.age >= _RISK_AGE or not _RISKS.isdisjoint(person.risks):
                    figures["wanting_608"] += 1
            case "undecided":
                figures["undecided"] += 1
            case "no":
                figures["refusing"] += 1
        figures["home_visit"] += person.home_visit
        figures.update({f"reasons.{reason}": 1 for reason in set(person.reasons)})
    return figures


def rolled_up(by_area: Mapping[str, Figures]) -> dict[str, Figures]:
    """The figures of every area of every level, from those of the areas where something was counted."""
    totals: dict[str, Figures] = {}
    for code, figures in by_area.items():
        for length in range(0, len(code) + 1, 2):
            totals.setdefault(code[:length], Counter()).update(figures)
    return totals


def added(base: Mapping[str, Figures], more: Mapping[str, Figures]) -> dict[str, Figures]:
    """Area by area, what was there before and what came to it."""
    return {code: Counter(base.get(code, Counter())) + more.get(code, Counter()) for code in base.keys() | more.keys()}


def tally(keys: Iterable[tuple[str, str]]) -> dict[str, Figures]:
    """How many things of each name each area has, from (area, name) of each thing."""
    figures: dict[str, Figures] = {}
    for code, name in keys:
        figures.setdefault(code, Counter())[name] += 1
    return figures
