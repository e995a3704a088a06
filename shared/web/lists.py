"""What is said of lists that are sent as files: of the file, of its header, of its cells."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final, Generic, Self, TypeVar

from pydantic import BaseModel

from shared.tables.lists import Fault, UnusableList
from shared.tables.unreadable import UnreadableFile
from shared.web.problems import FieldError, Message, Problem

FILE_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            media_type: {"schema": {"type": "string", "format": "binary"}}
            for media_type in (
                "text/csv",
                "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            )
        },
    }
}
"""The body of a route that takes lists, as OpenAPI describes it."""

UNREADABLE: Final[Mapping[str, Message]] = {
    "empty_file": Message("ไฟล์ว่าง", "The file is empty"),
    "encoding": Message(
        "อ่านตัวอักษรในไฟล์ไม่ได้ โปรดบันทึกเป็น CSV UTF-8 หรือ XLSX",
        "The letters of this file cannot be read; save it as CSV UTF-8 or XLSX",
    ),
    "not_a_table": Message("ไฟล์นี้ไม่เป็นตาราง CSV", "This is not a table in CSV"),
    "not_a_workbook": Message("เปิดไฟล์ Excel นี้ไม่ได้", "This Excel file cannot be opened"),
    "old_workbook": Message(
        "ไฟล์ Excel รุ่นเก่า (.xls) โปรดบันทึกเป็น .xlsx", "This is an old Excel file (.xls); save it as .xlsx"
    ),
    "workbook_too_large": Message("ไฟล์ Excel ใหญ่เกินกำหนดเมื่อเปิดออก", "This Excel file is too large when unpacked"),
}
"""By the code of an `UnreadableFile`; how many rows are too many is the matter of who reads them."""

_COLUMNS: Final[Mapping[str, Message]] = {
    "missing_column": Message("ไม่มีคอลัมน์ {column}", "The column {column} is missing"),
    "repeated_column": Message("มีคอลัมน์ {column} มากกว่าหนึ่ง", "There is more than one column {column}"),
}

Column = TypeVar("Column", bound=StrEnum)


class CellError(BaseModel, Generic[Column]):
    """What is wrong with one cell; `row` as a spreadsheet numbers it, the header being row 1. first_row: of a
    repetition, where the same stands first."""

    row: int
    column: Column
    code: str
    message: str
    first_row: int | None

    @classmethod
    def of(cls, fault: Fault[Column], messages: Mapping[str, Message], language: str) -> Self:
        """messages: by code; `{row}` in one stands for the first row of a repetition."""
        message = messages[fault.code].in_language(language).format(row=fault.first_row)
        return cls(row=fault.row, column=fault.column, code=fault.code, message=message, first_row=fault.first_row)


def too_many_rows(most: int) -> Message:
    """Of a list that is longer than what is taken at once."""
    return Message(f"มีมากกว่า {most} แถว โปรดแบ่งไฟล์", f"These are more than {most} rows; divide the file")


def list_problem(
    error: UnreadableFile | UnusableList, *, no_header: Message, most: int, columns: Mapping[StrEnum, Message]
) -> Problem:
    """The 400 problem of a list that cannot be used at all.

    no_header: says which columns there have to be; most: rows that are taken; columns: what each is called.
    """
    column = error.column if isinstance(error, UnusableList) else None
    if column is None:
        said = {**UNREADABLE, "no_header": no_header, "too_many_rows": too_many_rows(most)}[error.code]
        return Problem(400, "invalid", errors=[FieldError("file", error.code, said)])
    said, name = _COLUMNS[error.code], columns[column]
    message = Message(said.th.format(column=name.th), said.en.format(column=name.en))
    return Problem(400, "invalid", errors=[FieldError(f"header.{column}", error.code, message)])
