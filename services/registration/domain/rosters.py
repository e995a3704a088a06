"""Rolls of volunteers as organisations send them: what each row says, what a spreadsheet spoiled, what is wrong.

A roll is a table with a header. What Excel mangles and what can be told for certain is mended: a leading zero that it
dropped, a number written as 1101700230708.0. What cannot be told is an error: 8.12E+08 was a phone number once.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from services.registration.domain.names import UnusableName, clean_name
from services.registration.domain.people import Refused, check_level
from services.registration.domain.phones import thai_mobile
from shared.areas.register import AbolishedArea, UnknownArea, area
from shared.contracts.events import Role
from shared.security.identifiers import InvalidIdentifier, national_id
from shared.security.spelling import canonical
from shared.tables import lists
from shared.tables.cells import is_scientific, mended
from shared.tables.lists import Fault, Header

NAME_LENGTH = 200
"""As for a single sign-up."""


class Column(StrEnum):
    """What a roll says about a volunteer."""

    NAME = "name"
    PHONE = "phone"
    NATIONAL_ID = "national_id"
    AREA = "area"


REQUIRED = (Column.NAME, Column.PHONE, Column.AREA)

_HEADERS = {
    Column.NAME: ("ชื่อ", "ชื่อ-สกุล", "ชื่อ-นามสกุล", "ชื่อสกุล", "ชื่อนามสกุล", "name", "full name"),
    Column.PHONE: ("เบอร์โทร", "เบอร์โทรศัพท์", "โทรศัพท์", "เบอร์", "มือถือ", "phone", "mobile", "telephone"),
    Column.NATIONAL_ID: ("เลขประจำตัวประชาชน", "เลขบัตรประชาชน", "national_id", "national id"),
    Column.AREA: ("รหัสตำบล", "รหัสพื้นที่", "area", "area code", "subdistrict"),
}
_COLUMN_OF_HEADER = {canonical(header): column for column, headers in _HEADERS.items() for header in headers}

_SHORTENED_MOBILE = re.compile(r"[689]\d{8}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Entry:
    """One volunteer of a roll, checked. `row` is the number that a spreadsheet shows; the header is row 1."""

    row: int
    name: str
    phone: str
    national_id: str | None
    area: str


def read_header(cells: Sequence[str]) -> Header[Column]:
    """Find the columns, in Thai or English, in any order. Raises `UnusableList`."""
    return lists.read_header(cells, lambda title: _COLUMN_OF_HEADER.get(canonical(title)), REQUIRED)


def read_row(row: int, cells: Sequence[str], header: Header[Column], within: str) -> Entry | list[Fault[Column]] | None:
    """Read a row: a volunteer, or all that is wrong with it; None for an empty one.

    within: the organisation's area, in which every volunteer has to be.
    """
    texts = header.texts(cells)
    if not any(texts.values()):
        return None
    faults: list[Fault[Column]] = []
    read: dict[Column, str] = {}
    for column, text in texts.items():
        if not text:
            if column in REQUIRED:
                faults.append(Fault(row, column, "required"))
            continue
        try:
            read[column] = _READERS[column](text)
        except _Unreadable as error:
            faults.append(Fault(row, column, error.code))
    place = read.get(Column.AREA)
    if place is not None:
        try:
            check_level(Role.VOLUNTEER, place)
        except Refused:
            faults.append(Fault(row, Column.AREA, "wrong_level"))
        else:
            if not place.startswith(within):
                faults.append(Fault(row, Column.AREA, "outside_organisation"))
    if faults:
        return faults
    return Entry(row, read[Column.NAME], read[Column.PHONE], read.get(Column.NATIONAL_ID), read[Column.AREA])


class _Unreadable(ValueError):
    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def _name(text: str) -> str:
    # A line break or tab within a cell is a space to who reads it.
    try:
        name = clean_name(" ".join(text.split()).removeprefix("'"))
    except UnusableName as error:
        raise _Unreadable(error.code) from None
    if not name:
        raise _Unreadable("required")
    if len(name) > NAME_LENGTH:
        raise _Unreadable("too_long")
    return name


def _phone(text: str) -> str:
    digits = _digits(text)
    if _SHORTENED_MOBILE.fullmatch(digits):
        digits = f"0{digits}"
    try:
        return thai_mobile(digits)
    except InvalidIdentifier as error:
        raise _Unreadable(error.code) from None


def _national_id(text: str) -> str:
    try:
        return national_id(_digits(text))
    except InvalidIdentifier as error:
        raise _Unreadable(error.code) from None


def _area(text: str) -> str:
    try:
        return area(_digits(text)).code
    except AbolishedArea:
        raise _Unreadable("abolished_area") from None
    except UnknownArea:
        raise _Unreadable("unknown_area") from None


def _digits(text: str) -> str:
    """Undo what a spreadsheet does to numbers. Raises `_Unreadable` where digits are lost."""
    text = mended(text)
    if is_scientific(text):
        raise _Unreadable("scientific_notation")
    return text


_READERS = {Column.NAME: _name, Column.PHONE: _phone, Column.NATIONAL_ID: _national_id, Column.AREA: _area}
