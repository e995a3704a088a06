"""The rules of the survey: what a household counts for, and which of two submissions stands."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import msgspec

from services.survey.submission import Person, age_of

AT_RISK_AGE = 60
"""The "60" of the risk group 608."""


class Counts(msgspec.Struct, frozen=True):
    """What a household counts for, in persons: `HouseholdCounts` of the contract, in the form that is quick to
    write."""

    persons: int
    dose_0: int
    dose_1: int
    dose_2: int
    dose_3: int
    wanting: int
    wanting_608: int
    undecided: int
    refusing: int
    home_visit: int
    reasons: dict[str, int]


def count(persons: tuple[Person, ...], captured_at: datetime) -> Counts:
    """Counts a household's persons.

    The dose status is the highest dose number that a person names, three or more being one class. A person is at risk
    at 60 years or with any of the named conditions. Who was not asked about wanting vaccine counts as neither.
    """
    doses = [0, 0, 0, 0]
    wanting = wanting_608 = undecided = refusing = home_visit = 0
    reasons: dict[str, int] = {}
    for person in persons:
        highest = 0
        for dose in person.doses:
            if dose.number > highest:
                highest = dose.number
        doses[highest if highest < 3 else 3] += 1
        wants = person.wants_vaccine
        if wants == "yes":
            wanting += 1
            if at_risk(person, captured_at):
                wanting_608 += 1
        elif wants == "undecided":
            undecided += 1
        elif wants == "no":
            refusing += 1
        if person.home_visit:
            home_visit += 1
        for reason in set(person.reasons):
            name = reason.value
            reasons[name] = reasons.get(name, 0) + 1
    return Counts(
        persons=len(persons),
        dose_0=doses[0],
        dose_1=doses[1],
        dose_2=doses[2],
        dose_3=doses[3],
        wanting=wanting,
        wanting_608=wanting_608,
        undecided=undecided,
        refusing=refusing,
        home_visit=home_visit,
        reasons=dict(sorted(reasons.items())) if len(reasons) > 1 else reasons,
    )


def at_risk(person: Person, captured_at: datetime) -> bool:
    """Whether a person belongs to the group 608 at the time of the visit."""
    if person.risks:
        return True
    age = age_of(person, captured_at)
    return age is not None and age >= AT_RISK_AGE


class Visit(NamedTuple):
    """What decides whether a submission stands: the time at the door, and the id where two are equal."""

    captured_at: datetime
    submission_id: UUID

    def supersedes(self, other: "Visit") -> bool:
        """Whether this visit's state stands over the other's."""
        return self > other
