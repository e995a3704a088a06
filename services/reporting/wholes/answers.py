"""What is answered about tables of denominators."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from services.reporting.store import TableKind
from services.reporting.wholes.tables import Table
from shared.areas.register import Level


@dataclass(frozen=True, slots=True)
class ColumnAnswer:
    """A column of a list: its letters and title, and what it was taken for; null: it is not read."""

    letters: str
    title: str
    field: str | None


@dataclass(frozen=True, slots=True)
class FaultAnswer:
    """What is wrong with a cell, in the reader's language."""

    cell: str
    column: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class LevelAnswer:
    """How many areas of a level the list gives, how many were summed up from those below, and how many are unknown."""

    level: Level
    given: int
    derived: int
    missing: int


@dataclass(frozen=True, slots=True)
class SumAnswer:
    """An area whose value in the list is not the sum of the areas below it."""

    area: str
    name_th: str
    name_en: str
    value: int
    below: int


@dataclass(frozen=True, slots=True)
class ChangeAnswer:
    """An area whose value changed by a fifth or more since the table before."""

    area: str
    name_th: str
    name_en: str
    before: int
    now: int


@dataclass(frozen=True, slots=True)
class FormerAnswer:
    """The table that counted on the new one's date; `gone`: areas that only it has."""

    dated: date
    source: str
    total: int | None
    gone: int


@dataclass(frozen=True, slots=True)
class ListReport:
    """What a list says. table_id: of the table that was made from it; null: nothing was stored.

    header_row: as a spreadsheet counts, 0: there is none; missing: what no column was found for; rows: about an area;
    ignored: headings, remarks and the like; faults, sums, changes: the first of as many as their counts say; total: of
    the country, given or summed up.
    """

    table_id: UUID | None
    kind: TableKind
    dated: date
    source: str
    header_row: int
    columns: Sequence[ColumnAnswer]
    missing: Sequence[str]
    rows: int
    ignored: int
    faults: Sequence[FaultAnswer]
    fault_count: int
    levels: Sequence[LevelAnswer]
    total: int | None
    sums: Sequence[SumAnswer]
    sum_count: int
    former: FormerAnswer | None
    changes: Sequence[ChangeAnswer]
    change_count: int


@dataclass(frozen=True, slots=True)
class TablesAnswer:
    """Tables, those put in last first; `cursor` leads to the next page and is null on the last."""

    tables: Sequence[Table]
    cursor: str | None
