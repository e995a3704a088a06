"""Somebody who knows everything that is public and can solve linear equations exactly."""

from collections.abc import Hashable, Mapping
from fractions import Fraction

Equation = Mapping[Hashable, int]
"""A sum of unknown numbers, each with its factor, whose value is public; the value itself does not matter here."""


class Attacker:
    """Collects what is public; `knows` tells whether a number follows from it."""

    def __init__(self) -> None:
        self._solved: dict[Hashable, dict[Hashable, Fraction]] = {}  # by the unknown that a row begins with

    def learns(self, equation: Equation) -> None:
        """The value of a sum is public."""
        rest = self._reduced(equation)
        if not rest:
            return
        first = next(iter(rest))
        factor = rest[first]
        row = {unknown: number / factor for unknown, number in rest.items()}
        for solved in self._solved.values():
            if first in solved:
                _subtract(solved, row, solved[first])
        self._solved[first] = row

    def knows(self, equation: Equation) -> bool:
        """Whether the value of a sum follows from what is public; of one unknown, whether he can compute it."""
        return not self._reduced(equation)

    def _reduced(self, equation: Equation) -> dict[Hashable, Fraction]:
        rest = {unknown: Fraction(number) for unknown, number in equation.items() if number}
        for unknown in list(rest):
            row = self._solved.get(unknown)
            if row is not None and unknown in rest:
                _subtract(rest, row, rest[unknown])
        return rest


def _subtract(row: dict[Hashable, Fraction], other: Mapping[Hashable, Fraction], times: Fraction) -> None:
    for unknown, number in other.items():
        left = row.get(unknown, Fraction(0)) - times * number
        if left:
            row[unknown] = left
        else:
            row.pop(unknown, None)
