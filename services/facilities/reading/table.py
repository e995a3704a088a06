"""A list of places as a table: its header, and its rows as often as they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from shared.tables.cells import letters_of, name_of


class Form(StrEnum):
    """What kind of file it was."""

    CSV = "csv"
    XLSX = "xlsx"
    GEOJSON = "geojson"


@dataclass(frozen=True, slots=True)
class Table:
    """A list that was opened.

    titles: of each column, "" where it has none. header_row: as a spreadsheet numbers it; 0 for GeoJSON. above: the
    texts above the header. sample: the first rows below it. sheet: which sheet of `sheets` is read.
    """

    form: Form
    titles: Sequence[str]
    header_row: int
    above: Sequence[str] = ()
    sample: Sequence[Sequence[str]] = ()
    sheet: str | None = None
    sheets: Sequence[str] = ()
    _open: Callable[[], Iterator[tuple[int, Sequence[str]]]] = field(default=lambda: iter(()), repr=False)

    def rows(self) -> Iterator[tuple[int, Sequence[str]]]:
        """Give number and cells of each row below the header that is not empty, from the first one each time.

        Raises `UnreadableFile`, also midway.
        """
        return self._open()

    def cell(self, row: int, column: int) -> str:
        """Return the name of a cell: C14, or in GeoJSON features[12].properties.name, counted from 0."""
        if self.form is Form.GEOJSON:
            place = "" if column == len(self.titles) - 1 else "properties."
            return f"features[{row - 1}].{place}{self.titles[column]}"
        return name_of(row, column)

    def letters(self, column: int) -> str:
        """Return how a column is called beside its title: C; nothing for GeoJSON."""
        return "" if self.form is Form.GEOJSON else letters_of(column)
