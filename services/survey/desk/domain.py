"""What a list of houses says: which rows are good, in which order houses stand, when one is to be visited again."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

from shared.areas.register import AbolishedArea, UnknownArea, area
from shared.security.spelling import canonical
from shared.tables import lists
from shared.tables.cells import is_scientific, mended
from shared.tables.lists import Fault, Header

REVISIT_AFTER: Final = timedelta(days=90)
"""A visit older than this says little: the dose after the last one falls due within three months."""
HOUSES_EACH: Final = 26
"""What one volunteer takes on: 28 million households by some million volunteers."""
MOST_TEXT: Final = 60
"""Characters of a house number or unit, as in a submission."""


class State(StrEnum):
    """Of a house: nobody was there yet; somebody was; it is time to go again (nobody was met, or long ago)."""

    NEW = "new"
    DONE = "done"
    REVISIT = "revisit"


class Column(StrEnum):
    """What a list says about a house."""

    AREA = "area"
    VILLAGE = "village"
    HOUSE = "house"
    UNIT = "unit"


_HEADERS: Final = {
    Column.AREA: ("รหัสตำบล", "รหัสแขวง", "รหัสพื้นที่", "area", "area code", "subdistrict"),
    Column.VILLAGE: ("หมู่ที่", "หมู่", "ม.", "รหัสหมู่บ้าน", "village", "moo", "mu"),
    Column.HOUSE: ("บ้านเลขที่", "เลขที่บ้าน", "เลขที่", "house", "house number", "house no"),
    Column.UNIT: ("ห้อง", "เลขที่ห้อง", "ห้องเลขที่", "unit", "room"),
}
_COLUMN_OF_HEADER: Final = {canonical(header): column for column, headers in _HEADERS.items() for header in headers}

# What a spreadsheet makes of 5/12: 2022-12-05, 5-Dec, Dec-05, 5-ธ.ค.; nobody can tell which house that was.
_DATE: Final = re.compile(
    r"\d{4}-\d\d-\d\d|\d{1,2}-(?:[A-Za-z]{3}|[ก-ฮ]{1,2}\.[ก-ฮ]{1,2}\.)(?:-\d+)?|[A-Za-z]{3}-\d{2,4}"
)
_PIECES: Final = re.compile(r"\d+|\D+")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class House:
    """An address: subdistrict, village of 8 digits if it lies in one, house number, unit within the house."""

    area: str
    village: str | None
    house: str
    unit: str | None


def read_header(cells: Sequence[str], *, area_given: bool) -> Header[Column]:
    """Find the columns, in Thai or English, in any order. area_given: the file is of one subdistrict, and need not name
    it in each row. Raises `UnusableList`."""
    required = (Column.HOUSE,) if area_given else (Column.HOUSE, Column.AREA)
    return lists.read_header(cells, lambda title: _COLUMN_OF_HEADER.get(canonical(title)), required)


def read_row(
    row: int, cells: Sequence[str], header: Header[Column], *, within: str, given: str | None
) -> House | list[Fault[Column]]:
    """Read a row: a house, or all that is wrong with it.

    within: the area in which every house has to be; given: the subdistrict of rows that name none.
    """
    texts = header.texts(cells)
    faults: list[Fault[Column]] = []

    def attempt(column: Column, read: Callable[[str], str | None]) -> str | None:
        try:
            return read(texts.get(column, ""))
        except Unreadable as error:
            faults.append(Fault(row, column, error.code))
            return None

    code = attempt(Column.AREA, lambda text: read_subdistrict(text, within=within, given=given))
    village = attempt(Column.VILLAGE, lambda text: read_village(text, code))
    house = attempt(Column.HOUSE, read_number)
    unit = attempt(Column.UNIT, lambda text: read_number(text) if text else None)
    if faults or code is None or house is None:
        return faults
    return House(code, village, house, unit)


class Unreadable(ValueError):
    """A value that is none; `code` says why. successors: of an area that was abolished."""

    def __init__(self, code: str, successors: Sequence[str] = ()) -> None:
        super().__init__(code)
        self.code = code
        self.successors = successors


def read_subdistrict(text: str, *, within: str, given: str | None) -> str:
    """The code of a subdistrict in use, in the area `within`. Raises `Unreadable`."""
    code = mended(text) or given
    if code is None:
        raise Unreadable("required")
    try:
        area(code)
    except AbolishedArea as error:
        raise Unreadable("abolished_area", error.successors) from None
    except UnknownArea:
        raise Unreadable("unknown_area") from None
    if len(code) != 6:
        raise Unreadable("not_a_subdistrict")
    if not code.startswith(within):
        raise Unreadable("other_area")
    return code


def read_village(text: str, code: str | None) -> str | None:
    """The village's code of 8 digits, from that or from its number in the subdistrict `code`; None for no village."""
    number = mended(text).removeprefix("ม.").removeprefix("หมู่ที่").removeprefix("หมู่").strip()
    if number in ("", "-", "0") or code is None:
        return None
    if not (number.isascii() and number.isdigit()):
        raise Unreadable("other_village")
    if len(number) <= 2:
        return f"{code}{int(number):02}"
    if len(number) != 8 or not number.startswith(code):
        raise Unreadable("other_village")
    return number


def read_number(text: str) -> str:
    """A house number or unit as it is written. Raises `Unreadable`."""
    number = " ".join(mended(text).split())
    if not number or not canonical(number):
        raise Unreadable("required")
    if len(number) > MOST_TEXT:
        raise Unreadable("too_long")
    if _CONTROL.search(number):
        raise Unreadable("control_characters")
    if _DATE.fullmatch(number):
        raise Unreadable("became_a_date")
    if is_scientific(number):
        raise Unreadable("scientific_notation")
    return number


Order = tuple[tuple[int, str], ...]


def order_of(number: str) -> Order:
    """By what houses stand in their order: 9, 9/1, 10, 99/1, 100."""
    return tuple((int(piece), "") if piece.isdecimal() else (-1, piece) for piece in _PIECES.findall(canonical(number)))


def lies_between(number: str, first: str, last: str) -> bool:
    """Whether a house stands in a range, both ends included; up to 30 includes 30/5."""
    order, end = order_of(number), order_of(last)
    return order_of(first) <= order and order[: len(end)] <= end
