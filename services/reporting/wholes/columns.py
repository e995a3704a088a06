"""Which column of a list holds what: by its title, else by what stands in it."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from services.reporting.store import TableKind
from services.reporting.wholes.areas import has_code
from services.reporting.wholes.faults import BadCell
from services.reporting.wholes.words import plain, whole_number


class Field(StrEnum):
    """What a column may hold."""

    CODE = "code"
    NAME = "name"
    PROVINCE = "province"
    DISTRICT = "district"
    SUBDISTRICT = "subdistrict"
    VALUE = "value"


AREAS: Final = (Field.CODE, Field.NAME, Field.PROVINCE, Field.DISTRICT, Field.SUBDISTRICT)
"""What may say which area a row is about, in the order of `read_area`."""

_TITLES: Final[Mapping[Field, re.Pattern[str]]] = {
    Field.CODE: re.compile(r"(รหัส(?!ไปรษณีย์).*|code|areacode|tis1099|ccaatt|area|geocode|.*code)"),
    Field.SUBDISTRICT: re.compile(r"(ชื่อ)?(ตำบล|แขวง).*|subdistrict.*|tambon.*|khwaeng.*"),
    Field.DISTRICT: re.compile(r"(ชื่อ)?(อำเภอ|เขต).*|district.*|amphoe.*|amphur.*|khet.*"),
    Field.PROVINCE: re.compile(r"(ชื่อ)?จังหวัด.*|province.*|changwat.*"),
    Field.NAME: re.compile(r"ชื่อ|ชื่อพื้นที่|พื้นที่|areaname|name"),
}
_OTHERS: Final = re.compile(r"ชาย|หญิง|male|ร้อยละ|%|percent|ลำดับ|^no\.?$|^ที่$|ปี|year|ไปรษณีย์|zip|postal")
_VALUES: Final[Mapping[TableKind, Sequence[str]]] = {
    # The surest words first; a column of a sum (รวม) is the last resort.
    "houses": ("จำนวนบ้าน", "หลังคาเรือน", "ครัวเรือน", "บ้าน", "houses", "households", "dwelling", "หลัง"),
    "population": ("ทะเบียนราษฎร", "ประชากรรวม", "จำนวนประชากร", "ประชากร", "population", "registered", "จำนวนคน", "คน"),
    "residents": ("อาศัยจริง", "อยู่จริง", "ผู้อยู่อาศัย", "residents", "actual", "ประชากร", "population", "คน"),
}
_ANY_VALUE: Final = ("รวม", "ทั้งหมด", "จำนวน", "value", "total", "count", "number")
_CONTENT_ROWS: Final = 20


@dataclass(frozen=True, slots=True)
class Columns:
    """The header's row (0: none was found), the titles, and the column (from 0) of each field that is known."""

    header_row: int
    titles: Sequence[str]
    places: Mapping[Field, int]


def guess(rows: Sequence[tuple[int, Sequence[str]]], kind: TableKind) -> Columns:
    """Say what the columns of a list hold, by its first rows: the header is the one with most titles that are known."""
    best = Columns(0, (), {})
    for number, cells in rows:
        places = _by_titles(cells, kind)
        if any(field in places for field in AREAS) and len(places) > len(best.places):
            best = Columns(number, tuple(cells), places)
    below = [cells for number, cells in rows if number > best.header_row][:_CONTENT_ROWS]
    return Columns(best.header_row, best.titles, {**_by_contents(below, best.places), **best.places})


def _by_titles(cells: Sequence[str], kind: TableKind) -> dict[Field, int]:
    places: dict[Field, int] = {}
    values: dict[int, int] = {}
    words = [*map(plain, _VALUES[kind]), *_ANY_VALUE]
    for column, cell in enumerate(cells):
        title = plain(cell)
        if not title or len(title) > 60 or (_OTHERS.search(title) and "รวม" not in title):
            continue
        field = next((field for field, pattern in _TITLES.items() if pattern.fullmatch(title)), None)
        if field is Field.CODE and field in places:
            places[field] = column  # of several columns of codes the last is the finest
        elif field is not None:
            places.setdefault(field, column)
        elif (sureness := next((place for place, word in enumerate(words) if word in title), None)) is not None:
            values[column] = sureness
    if values:
        places[Field.VALUE] = min(values, key=lambda column: (values[column], -column))
    return places


def _by_contents(rows: Sequence[Sequence[str]], known: Mapping[Field, int]) -> dict[Field, int]:
    """Where nothing is titled so: the first column of codes, and the only one of other numbers."""
    found: dict[Field, int] = {}
    if not rows:
        return found
    columns = [[row[column] if column < len(row) else "" for row in rows] for column in range(max(map(len, rows)))]
    free = [column for column in range(len(columns)) if column not in known.values()]
    if not any(field in known for field in AREAS):
        codes = [column for column in free if _mostly(columns[column], has_code)]
        if codes:
            found[Field.CODE] = codes[0]
            free.remove(codes[0])
    if Field.VALUE not in known:
        numbers = [column for column in free if _mostly(columns[column], _is_number)]
        if len(numbers) == 1:
            found[Field.VALUE] = numbers[0]
    return found


def _mostly(cells: Sequence[str], judge: Callable[[str], bool]) -> bool:
    filled = [cell for cell in cells if cell.strip()]
    return bool(filled) and sum(map(judge, filled)) * 5 >= len(filled) * 4


def _is_number(cell: str) -> bool:
    try:
        whole_number(cell)
    except BadCell:
        return False
    return True
