"""What a document says above and below its rows."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from services.reporting.documents.columns import NOBODY
from services.reporting.documents.numerals import Language
from services.reporting.documents.orders import Order
from services.reporting.months.answers import NO_ORGANISATION, Corrected, MonthFigures, PerformanceRow
from shared.areas.register import area as registered_area

Rows = AsyncIterator[PerformanceRow]


@dataclass(frozen=True, slots=True)
class Statement:
    """The month as a whole, of the area that was asked for.

    closed_at, hash: null for a month that is open. reason: of a correction. newest: when the newest event happened that
    the figures contain. count: how many rows follow.
    """

    closed_at: datetime | None
    reason: str | None
    hash: str | None
    newest: datetime | None
    total: MonthFigures
    total_before: MonthFigures
    count: int


@dataclass(frozen=True, slots=True)
class Correction:
    """A figure of a row that differs from what was first closed."""

    name: str
    figure: str
    corrected: Corrected


def name_of_area(code: str, language: Language) -> str:
    """An area's name with what it is before it, as Thai headings write it: "จังหวัดเชียงใหม่", but "กรุงเทพมหานคร"."""
    area = registered_area(code)
    if not code:
        return "ทั่วประเทศ" if language == "th" else "Thailand"
    if language == "en":
        return area.name_en
    kinds: Mapping[int, str] = {2: "จังหวัด", 4: "อำเภอ", 6: "ตำบล"}
    if code.startswith("10"):  # Bangkok's districts carry their prefix in the register
        kinds = {6: "แขวง"}
    return kinds.get(len(code), "") + area.name_th


def name_of(row: PerformanceRow, language: Language) -> str:
    """What a row is called; the id where reporting knows no name."""
    if row.key == NO_ORGANISATION:
        return NOBODY.in_language(language)
    return (row.name_th if language == "th" else row.name_en) or row.key


def by_level(order: Order) -> str:
    """What the rows are, in words."""
    words = {
        "country": ("ภาพรวม", "as a whole"),
        "province": ("รายจังหวัด", "by province"),
        "district": ("รายอำเภอ/เขต", "by district"),
        "subdistrict": ("รายตำบล/แขวง", "by subdistrict"),
        "organisation": ("รายหน่วยงาน", "by organisation"),
        "volunteer": ("รายอาสาสมัคร", "by volunteer"),
    }
    thai, english = words[order.level]
    return thai if order.language == "th" else english
