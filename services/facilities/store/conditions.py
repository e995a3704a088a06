"""Conditions of searches that others put together: each a piece of SQL with its values."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

MARK: Final = "$?"
"""Stands where a value goes: numbers are given when all conditions of a search are known."""


@dataclass(frozen=True, slots=True)
class Condition:
    """SQL that is true of a wanted row, with a `MARK` for each value, in their order."""

    sql: str
    values: tuple[Any, ...] = ()

    def negated(self) -> Self:
        """True of the rows of which this is not, or of which it is not known."""
        return type(self)(f"NOT coalesce({self.sql}, false)", self.values)


NOTHING: Final = Condition("false")


def either(conditions: Sequence[Condition]) -> Condition:
    """True where one of them is."""
    if len(conditions) == 1:
        return conditions[0]
    values = tuple(value for each in conditions for value in each.values)
    return Condition(f"({' OR '.join(each.sql for each in conditions)})", values) if conditions else NOTHING


def joined(conditions: Sequence[Condition], first: int) -> tuple[str, list[Any]]:
    """The SQL `AND ... AND ...` of all of them, its parameters numbered from `first`, and their values."""
    pieces = "".join(f"\n  AND {each.sql}" for each in conditions).split(MARK)
    sql = pieces[0] + "".join(f"${number}{piece}" for number, piece in enumerate(pieces[1:], first))
    return sql, [value for each in conditions for value in each.values]
