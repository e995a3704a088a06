"""Rows that are no places: headings between places, repeated headers, numbered columns, sums and remarks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from services.facilities.reading.fields import Columns, Field
from services.facilities.reading.words import plain, tidy

_SUM: Final = re.compile(r"(?:รวม|รวมทั้งสิ้น|รวมทั้งหมด|รวมทั้งจังหวัด|ยอดรวม|รวมเตียง|total|grand total|sum)(?![ก-๛a-z])", re.I)
_REMARK: Final = re.compile(r"หมายเหตุ|ที่มา|ข้อมูล ณ|ผู้จัดทำ|ผู้รายงาน|ผู้รับรอง|ลงชื่อ|note|remark|source", re.I)
_NUMBERED: Final = re.compile(r"\(?(\d{1,2})\)?", re.ASCII)


def filler(cells: Sequence[str], titles: Sequence[str], columns: Columns) -> str | None:
    """Return heading_row or sum_row for a row that is no place, None for one that may be."""
    texts = [(place, cell.strip()) for place, cell in enumerate(cells) if cell and not cell.isspace()]
    place, first = texts[0][0], tidy(texts[0][1])
    alone = len(texts) > 1 or place != columns.places.get(Field.NAME)
    if len(titles) > 2 and alone and all(text == texts[0][1] for _, text in texts):
        return "sum_row" if _SUM.match(first) or _REMARK.match(first) else "heading_row"
    if _is_header(texts, titles) or _is_numbered(texts):
        return "heading_row"
    if _SUM.match(first) and not _says_where(cells, first, columns):
        return "sum_row"
    if _REMARK.match(first) and len({text for _, text in texts}) <= 2 and not _says_where(cells, first, columns):
        return "sum_row"
    return None


def _is_header(texts: Sequence[tuple[int, str]], titles: Sequence[str]) -> bool:
    return len(texts) > 1 and all(place < len(titles) and plain(text) == plain(titles[place]) for place, text in texts)


def _is_numbered(texts: Sequence[tuple[int, str]]) -> bool:
    numbers = (_NUMBERED.fullmatch(tidy(text)) for _, text in texts)
    return len(texts) > 2 and all(found and found[1] == str(number) for number, found in enumerate(numbers, 1))


def _says_where(cells: Sequence[str], first: str, columns: Columns) -> bool:
    """Tell whether the row has an area or a kind of its own, beyond the text that is merged over its cells."""
    places = (columns.places.get(field) for field in (Field.AREA, Field.SUBDISTRICT, Field.KIND))
    own = (tidy(cells[place]) for place in places if place is not None and place < len(cells))
    return any(text and text != first for text in own)
