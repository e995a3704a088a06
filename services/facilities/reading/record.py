"""One row while it is read: the text of each field, and what was found wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeVar

from services.facilities.reading.faults import Fault, Noted, Unreadable
from services.facilities.reading.fields import Columns, Field
from services.facilities.reading.messages import sentence
from services.facilities.reading.table import Table
from services.facilities.reading.words import tidy
from shared.tables.cells import FORMULA_MARKS
from shared.tables.limits import MAX_CELL

Value = TypeVar("Value")

NOTHING: Final = frozenset({"-", "--", "–", "—", ".", "n/a", "na", "null", "none", "ไม่มีข้อมูล", "ไม่ระบุ", "ไม่ทราบ", "ไม่มี"})
"""What people write into a cell that has nothing to say."""
_COUNTED: Final = frozenset({Field.CAPACITY, Field.FREE, Field.LANES_PER_HOUR})
_NO_COUNT: Final = frozenset({"ไม่มี", "none"})
"""Where things are counted these could mean 0 as well as nothing known."""
_ERRORS: Final = frozenset({"#REF!", "#N/A", "#VALUE!", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!", "#SPILL!", "#CALC!"})

PATHS: Final = {
    Field.SUBDISTRICT: "area",
    Field.DISTRICT: "area",
    Field.PROVINCE: "area",
    Field.LATITUDE: "position.lat",
    Field.LONGITUDE: "position.lon",
    Field.EASTING: "position.lon",
    Field.NORTHING: "position.lat",
    Field.ZONE: "position",
    Field.LANES_PER_HOUR: "details.lanes_per_hour",
    Field.VACCINES: "details.vaccines",
    Field.ACCESS: "details.access",
    Field.DAYS: "hours",
    Field.OPENS: "hours",
    Field.CLOSES: "hours",
    Field.CLOSED_ON: "hours_exceptions",
    Field.PHONE: "contact.phone",
    Field.EMAIL: "contact.email",
    Field.WEBSITE: "contact.website",
}
"""The place's field that a column is about, where it has another name."""


class Record:
    """One row, by field."""

    def __init__(
        self, table: Table, columns: Columns, said: frozenset[Field], number: int, cells: Sequence[str]
    ) -> None:
        self.notices: list[Fault] = []
        self._faults: dict[tuple[int, str], Fault] = {}
        self._texts: dict[Field, str] = {}
        self._table, self._columns, self._said, self._number, self._cells = table, columns, said, number, cells

    def has(self, *fields: Field) -> bool:
        """Tell whether the list says anything about one of these fields, in a column or for all rows."""
        return not self._said.isdisjoint(fields)

    def own(self, field: Field) -> str:
        """Return what stands in the row itself, as it was typed."""
        place = self._columns.places.get(field)
        return self._cells[place] if place is not None and place < len(self._cells) else ""

    def text(self, field: Field, *, lines: bool = False) -> str:
        """Return the tidy text of a field, "" for nothing. lines: line breaks become semicolons, as in a list."""
        if field not in self._said:
            return ""
        text = self._texts.get(field)
        if text is None:
            own = self.own(field).strip()
            text = tidy(own.replace("\n", ";") if lines else own)
            lower = text.lower()
            if lower in NOTHING and not (field in _COUNTED and lower in _NO_COUNT):
                text = ""
            text = self._texts[field] = text or tidy(self._columns.defaults.get(field, ""))
        return text

    def typed(self, field: Field) -> str | None:
        """Return free text as it was typed, None for nothing; its spelling is the register's to tidy.

        What a spreadsheet would take for a formula is a fault.
        """
        if not self.text(field) or self.spoiled(field):
            return None
        text = self.own(field).strip()
        if text.startswith("'") and text[1:2] and text[1] in FORMULA_MARKS:
            return text[1:]  # as an export guards it
        if text.startswith(tuple(FORMULA_MARKS)):
            self.fault(field, "formula")
            return None
        return text

    def read(self, field: Field, reader: Callable[[str], Value], *, lines: bool = False) -> Value | None:
        """Return what a reader makes of a field; None for nothing, and where it is a fault."""
        text = self.text(field, lines=lines)
        if not text or self.spoiled(field):
            return None
        try:
            return reader(text)
        except Unreadable as error:
            self.fault(field, error.code, **error.named)
            return None

    def spoiled(self, field: Field) -> bool:
        """Tell whether a cell holds an error of the spreadsheet or was cut off, which is a fault then."""
        own = self.own(field).strip()
        if own in _ERRORS:
            self.fault(field, "spreadsheet_error", text=own)
        elif len(own) >= MAX_CELL:
            self.fault(field, "too_long", most=MAX_CELL)
        else:
            return False
        return True

    @property
    def faults(self) -> list[Fault]:
        """All that is wrong, in the order of the columns."""
        return [self._faults[place] for place in sorted(self._faults)]

    def fault(self, field: Field, code: str, /, **named: object) -> None:
        """Note what is wrong with a field's cell; a cell has one fault."""
        fault = self._told(field, code, named)
        self._faults.setdefault((self._columns.places.get(field, -1), fault.path), fault)

    def notice(self, field: Field, noted: Noted | None) -> None:
        """Note what a person should see about a field's cell."""
        if noted is not None:
            self.notices.append(self._told(field, noted.code, noted.named))

    def _told(self, field: Field, code: str, named: Mapping[str, object]) -> Fault:
        place = self._columns.places.get(field)
        th, en = sentence(code, named)
        cell = str(self._number) if place is None else self._table.cell(self._number, place)
        title = "" if place is None else self._table.titles[place]
        return Fault(cell, title, code, th, en, PATHS.get(field, field.value))
