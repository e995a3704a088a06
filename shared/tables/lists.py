"""Lists whose header names their columns: which cell holds what, and what is wrong with a cell.

Which columns a list has, and what a cell of each may say, is the matter of who reads it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

MOST_TITLE = 100
"""Characters of a column's title that are told again."""

Column = TypeVar("Column", bound=StrEnum)


class UnusableList(ValueError):
    """The whole file cannot be used. code: no_header, missing_column, repeated_column or too_many_rows; column: the
    column concerned, if it is one."""

    def __init__(self, code: str, column: StrEnum | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.column = column


@dataclass(frozen=True, slots=True)
class Header(Generic[Column]):
    """Which cell of a row holds what, and the titles of columns that nobody reads."""

    places: Mapping[Column, int]
    ignored: Sequence[str]

    def texts(self, cells: Sequence[str]) -> dict[Column, str]:
        """What a row says, by column, without space around it; nothing where the row is too short."""
        return {column: cells[place].strip() if place < len(cells) else "" for column, place in self.places.items()}


@dataclass(frozen=True, slots=True)
class Fault(Generic[Column]):
    """What is wrong with one cell; `row` as a spreadsheet numbers it. first_row: of a repetition, where the same stands
    first."""

    row: int
    column: Column
    code: str
    first_row: int | None = None


def header_cells(rows: Iterator[tuple[int, Sequence[str]]]) -> Sequence[str]:
    """Take the first row that has something in it from the rows. Raises `UnusableList` where none has."""
    for _, cells in rows:
        if any(cell.strip() for cell in cells):
            return cells
    raise UnusableList("no_header")


def read_header(
    cells: Sequence[str], column_of: Callable[[str], Column | None], required: Iterable[Column]
) -> Header[Column]:
    """Find the columns of a header, in any order.

    column_of: which column a title names, None for one that nobody reads. Raises `UnusableList`.
    """
    places: dict[Column, int] = {}
    ignored = []
    for place, cell in enumerate(cells):
        column = column_of(cell)
        if column is None:
            if cell.strip():
                ignored.append(cell.strip()[:MOST_TITLE])
        elif column in places:
            raise UnusableList("repeated_column", column)
        else:
            places[column] = place
    if not places:
        raise UnusableList("no_header")
    for needed in required:
        if needed not in places:
            raise UnusableList("missing_column", needed)
    return Header(places, ignored)
