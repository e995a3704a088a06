"""Which areas have a coordinator who is there: the rule, and the counts by province."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

INACTIVE_AFTER = timedelta(days=14)
"""As the directive's weekly duties are: whoever has missed two weeks is not at work."""


class CoverageState(StrEnum):
    """Whether an area has a coordinator who is there."""

    COVERED = "covered"
    INACTIVE = "inactive"
    """It has one or more, and none of them was active within 14 days; whoever has never signed in was not."""
    NONE = "none"


LACKING = frozenset({CoverageState.INACTIVE, CoverageState.NONE})


@dataclass(frozen=True, slots=True)
class Held:
    """The coordinators of one area: how many, and the last day on which any was active."""

    coordinators: int
    last_active_day: date | None


NOBODY = Held(0, None)


def active_since(today: date) -> date:
    """Return the first day that counts as active, seen from `today` (in Thailand)."""
    return today - INACTIVE_AFTER


def state_of(held: Held, today: date) -> CoverageState:
    """Judge one area."""
    if held.coordinators == 0:
        return CoverageState.NONE
    if held.last_active_day is None or held.last_active_day < active_since(today):
        return CoverageState.INACTIVE
    return CoverageState.COVERED


def count_by_province(areas: Iterable[str], held: Mapping[str, Held], today: date) -> dict[str, Counter[CoverageState]]:
    """Count the states of `areas`, whose codes begin with their province's."""
    counts: dict[str, Counter[CoverageState]] = {}
    for code in areas:
        counts.setdefault(code[:2], Counter())[state_of(held.get(code, NOBODY), today)] += 1
    return counts
