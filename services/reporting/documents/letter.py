"""The performance as a PDF that looks like the ministry's own table: letterhead, Thai digits, heads on every page."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
import typst

from services.reporting.documents.columns import RANK, Column, columns_of, groups_of, name_of_level
from services.reporting.documents.numerals import Language, change, long_date, long_month, long_time, number
from services.reporting.documents.orders import Order
from services.reporting.documents.refusals import TooManyRows
from services.reporting.documents.statement import (
    Correction,
    Rows,
    Statement,
    by_level,
    name_of,
    name_of_area,
)
from services.reporting.months.answers import MonthFigures, PerformanceRow
from shared.web.problems import Message

TEMPLATE: Final = Path(__file__).with_name("letter.typ")

MOST_ROWS: Final = 1_000
"""All districts of the country, on some 60 pages; four seconds of work. More is not for paper."""
MOST_CORRECTIONS: Final = 200
"""Corrections that are listed one by one; what is more is counted, and stands in the other forms."""

_WORDS: Final[Mapping[str, Message]] = {
    "ministry": Message("กระทรวงมหาดไทย", "Ministry of Interior"),
    "platform": Message("โครงการจิตอาสา Jitasa.care", "Jitasa.care, the public spirit project"),
    "reference": Message("ที่", "No."),
    "date": Message("วันที่", "Date"),
    "total": Message("รวม", "Total"),
    "page": Message("หน้า", "Page"),
    "of": Message("จาก", "of"),
    "continued": Message("(ต่อ)", "(continued)"),
    "changes": Message(
        "ตัวเลขเล็กใต้ยอดคือผลต่างจากเดือนก่อน",
        "The small figure below a count is the difference from the month before.",
    ),
    "meaning": Message(
        "ลำดับเรียงตามครัวเรือนที่สำรวจใหม่ · ครัวเรือนและประชาชนนับสุทธิจากรายการที่ถูกลบ · เดือนนับตามเวลาประเทศไทย",
        "Ranked by households newly surveyed. Households and persons are net of those erased. Months are Thailand's.",
    ),
    "corrections": Message("รายการที่แก้ไขหลังปิดเดือน", "Corrected after the month was closed"),
    "reason": Message("เหตุผล", "Reason"),
    "closed": Message("ที่ปิดไว้เดิม", "As first closed"),
    "now": Message("แก้ไขเป็น", "Corrected to"),
    "signed": Message("ลงชื่อ", "Signed"),
    "position": Message("ตำแหน่ง", "Position"),
    "hash": Message("ค่าตรวจสอบ SHA-256", "SHA-256"),
}


async def write_letter(
    path: Path, order: Order, statement: Statement, rows: Rows, progress: Callable[[int], None], *, fonts: Path
) -> None:
    """Writes the document to `path`; `progress` is told how many rows are read.

    fonts: a folder with Sarabun and nothing else. Raises `TooManyRows`.
    """
    found: list[PerformanceRow] = []
    async for row in rows:
        found.append(row)
        if len(found) > MOST_ROWS:
            raise TooManyRows
    progress(len(found))
    typst.compile(
        str(TEMPLATE),
        output=str(path),
        font_paths=[str(fonts)],
        ignore_system_fonts=True,
        sys_inputs={"data": msgspec.json.encode(_data(order, statement, found)).decode()},
    )


def _data(order: Order, statement: Statement, rows: list[PerformanceRow]) -> dict[str, Any]:
    """Everything that the template shows, as texts."""
    language = order.language
    columns = columns_of(order.level)
    return {
        "language": language,
        "words": {name: words.in_language(language) for name, words in _WORDS.items()},
        "title": _title(order),
        "subtitle": f"{name_of_area(order.area, language)} · {by_level(order)}",
        "status": _status(order, statement),
        "hash": statement.hash,
        "date": long_date(order.made_on, language),
        "reference": order.letterhead.reference,
        "signer": order.letterhead.signer,
        "position": order.letterhead.position,
        "rank": RANK.in_language(language),
        "name": name_of_level(order.level, language),
        "groups": [
            {
                "title": group.title.in_language(language),
                "columns": [column.title.in_language(language) for column in group.columns],
            }
            for group in groups_of(order.level)
        ],
        "total": _cells(statement.total, statement.total_before, columns, language),
        "rows": [_row(row, columns, language) for row in rows],
        **_corrections(statement, rows, columns, language),
    }


def _row(row: PerformanceRow, columns: tuple[Column, ...], language: Language) -> dict[str, Any]:
    cells = _cells(row.figures, row.before, columns, language)
    for cell, column in zip(cells, columns, strict=True):
        if column.figure in row.corrected:
            cell["mark"] = "*"
    return {"rank": number(row.rank, language), "name": name_of(row, language), "cells": cells}


def _cells(
    figures: MonthFigures, before: MonthFigures, columns: tuple[Column, ...], language: Language
) -> list[dict[str, str]]:
    now, then = figures.values(), before.values()
    return [
        {
            "now": number(now[column.place], language),
            "change": change(now[column.place] - then[column.place], language),
            "mark": "",
        }
        for column in columns
    ]


def _corrections(
    statement: Statement, rows: list[PerformanceRow], columns: tuple[Column, ...], language: Language
) -> dict[str, Any]:
    found = [
        Correction(name_of(row, language), column.title.in_language(language), row.corrected[column.figure])
        for row in rows
        for column in columns
        if column.figure in row.corrected
    ]
    more = len(found) - MOST_CORRECTIONS
    beyond = Message(
        f"และอีก {number(max(more, 0), 'th')} รายการ ดูในแฟ้ม XLSX หรือ CSV",
        f"and {number(max(more, 0), 'en')} more, which are in the XLSX and CSV files",
    )
    return {
        "reason": statement.reason,
        "corrections": [
            [each.name, each.figure, number(each.corrected.closed, language), number(each.corrected.now, language)]
            for each in found[:MOST_CORRECTIONS]
        ],
        "more_corrections": beyond.in_language(language) if more > 0 else None,
    }


def _title(order: Order) -> str:
    month = long_month(order.month, order.language)
    if order.language == "th":
        return f"ผลการปฏิบัติงานของอาสาสมัคร “moicovid” ประจำเดือน{month}"
    return f"Performance of the “moicovid” volunteers in {month}"


def _status(order: Order, statement: Statement) -> str:
    """Whether the month is closed, and how new the figures are."""
    language = order.language
    if statement.closed_at is not None:
        when, revision = long_time(statement.closed_at, language), number(order.revision, language)
        closed = Message(f"ปิดยอดเมื่อวันที่ {when} · ฉบับที่ {revision}", f"Closed on {when} · revision {revision}")
        return closed.in_language(language)
    if statement.newest is None:
        return Message("ยังไม่ปิดยอด · ยังไม่มีข้อมูลเข้ามา", "Not closed · no data has come in yet").in_language(language)
    when = long_time(statement.newest, language)
    return Message(f"ยังไม่ปิดยอด · ข้อมูล ณ วันที่ {when}", f"Not closed · data as of {when}").in_language(language)
