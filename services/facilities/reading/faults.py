"""What is wrong with a cell, as the person who has to mend it is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one cell, or what was mended in it.

    cell: its name as the spreadsheet shows it, such as C14; column: its column's title; code: a stable word for
    programs; th, en: a sentence for people. path: the field of a place, as in problem documents.
    """

    cell: str
    column: str
    code: str
    th: str
    en: str
    path: str


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a list.

    draft: the fields of POST /v1/facilities that the list has columns for; None when a cell of the row is bad, and also
    when the row is no place (a heading, a sum), of which `notices` tells. faults: all that is wrong. notices: what was
    mended or read in a way that a person should see; no reason to refuse. as_of: the day on which the row was right, if
    the list says.
    """

    number: int
    cells: Sequence[str]
    draft: Mapping[str, Any] | None
    faults: Sequence[Fault] = ()
    notices: Sequence[Fault] = ()
    as_of: date | None = None

    @property
    def has_hours_as_note(self) -> bool:
        """Whether it says hours that could not be read, and are the note: what was known before holds no longer."""
        return any(notice.code in ("hours_as_note", "days_not_said") for notice in self.notices)


class Unreadable(ValueError):
    """A text that cannot be read as what it should be. `code` is a key of `messages.CELLS`, `named` what its sentence
    names."""

    def __init__(self, code: str, /, **named: object) -> None:
        super().__init__(code)
        self.code = code
        self.named = named


class Noted(NamedTuple):
    """Something that a person should see, though it could be read: a key of `messages.CELLS` and what it names."""

    code: str
    named: Mapping[str, object]
