"""Figures of two sides, and where they differ. Nothing here reads or writes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final, Literal, NamedTuple

Owner = Literal["survey", "registration", "facilities"]


class Cell(NamedTuple):
    """One figure of one area: `people.KIND.STATUS` are people by kind of organisation, `places.KIND.STATUS` places,
    `help.KIND.STATUS` requests for help,
    `reasons.X` persons by reason, `flags.X` submissions by quality flag, any other one of the survey's."""

    area: str
    figure: str

    @property
    def owner(self) -> Owner:
        """Whose count it is."""
        kind = self.figure.partition(".")[0]
        return "registration" if kind == "people" else "facilities" if kind == "places" else "survey"


Cells = Mapping[Cell, int]
"""What is missing is nought."""

STEADY_LOOKS: Final = 3
"""A difference that is the same in so many looks on end is one. What is on its way moves from one to the next."""


class Pair(NamedTuple):
    """What the owner counts, and what reporting shows."""

    owned: int
    reported: int


@dataclass(frozen=True, slots=True)
class Difference:
    """A figure that is not what its owner counts. begins_on: the first day that differs, where days are counted."""

    cell: Cell
    pair: Pair
    begins_on: date | None = None


@dataclass(slots=True)
class Suspicion:
    """What differed in every look so far, and for how many looks by the same."""

    looks: int = 0
    pairs: dict[Cell, Pair] = field(default_factory=dict)
    same: dict[Cell, int] = field(default_factory=dict)

    def look(self, owned: Cells, reported: Cells) -> None:
        """One more look at the areas of what differs, at the first at everything."""
        found = differing(owned, reported)
        if self.looks:
            found = {cell: pair for cell, pair in found.items() if cell in self.pairs}
        self.same = {
            cell: self.same[cell] + 1 if cell in self.same and _by(pair) == _by(self.pairs[cell]) else 1
            for cell, pair in found.items()
        }
        self.pairs = found
        self.looks += 1

    @property
    def decided(self) -> bool:
        """Whether further looks tell nothing new."""
        return all(looks >= STEADY_LOOKS for looks in self.same.values())

    def steady(self) -> dict[Cell, Pair]:
        """What differs."""
        return {cell: self.pairs[cell] for cell in sorted(self.same) if self.same[cell] >= STEADY_LOOKS}

    def moving(self) -> int:
        """How many figures differed in every look, but not by the same."""
        return len(self.pairs) - len(self.steady())


def differing(owned: Cells, reported: Cells) -> dict[Cell, Pair]:
    """Each figure that is not the same on both sides."""
    pairs = {cell: Pair(owned.get(cell, 0), reported.get(cell, 0)) for cell in owned.keys() | reported.keys()}
    return {cell: pair for cell, pair in pairs.items() if pair.owned != pair.reported}


def first_days(owned: Iterable[tuple[date, str, int]], reported: Iterable[tuple[date, str, int]]) -> dict[str, date]:
    """By figure, the first day on which it is not the same on both sides; rows of day, figure, count."""
    sums: dict[tuple[date, str], int] = {}
    for sign, rows in ((1, owned), (-1, reported)):
        for day, figure, count in rows:
            sums[day, figure] = sums.get((day, figure), 0) + sign * count
    days: dict[str, date] = {}
    for (day, figure), rest in sorted(sums.items()):
        if rest:
            days.setdefault(figure, day)
    return days


def _by(pair: Pair) -> int:
    return pair.reported - pair.owned
