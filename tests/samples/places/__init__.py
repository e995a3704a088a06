"""Lists of places as provinces send them, all invented, in real areas; what is to be read of each stands beside it.

Workbooks are kept as readable tables and made when they are asked for: NN-name.xlsx.json.
"""

import io
import json
from datetime import datetime, time
from functools import cache
from pathlib import Path
from typing import Any

from openpyxl import Workbook

FOLDER = Path(__file__).parent


def names() -> list[str]:
    """The names of all sample files, workbooks by the name that they would have."""
    files = (path.name for path in FOLDER.iterdir() if path.name[0].isdigit() and ".expected." not in path.name)
    return sorted(name.removesuffix(".json") if name.endswith(".xlsx.json") else name for name in files)


@cache
def sample(name: str) -> bytes:
    """A sample file's bytes."""
    if name.endswith(".xlsx"):
        return workbook(json.loads((FOLDER / f"{name}.json").read_text("utf-8")))
    return (FOLDER / name).read_bytes()


def expected(name: str) -> dict[str, Any]:
    """What is to be read of a sample: its columns, what holds for all rows, and each row's draft, faults, notices."""
    content: dict[str, Any] = json.loads((FOLDER / f"{name}.expected.json").read_text("utf-8"))
    return content


def workbook(content: dict[str, Any]) -> bytes:
    """A workbook of readable tables: rows of texts and numbers, {"date": ...}, {"time": ...}, and merged ranges."""
    book = Workbook()
    book.remove(book.worksheets[0])
    for described in content["sheets"]:
        sheet = book.create_sheet(described["title"])
        if described.get("hidden"):
            sheet.sheet_state = "hidden"
        for number, row in enumerate(described["rows"], 1):
            for column, value in enumerate(row, 1):
                sheet.cell(number, column, _typed(value))
        for merge in described.get("merges", ()):
            sheet.merge_cells(merge)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def _typed(value: Any) -> Any:
    if isinstance(value, dict):
        return datetime.fromisoformat(value["date"]) if "date" in value else time.fromisoformat(value["time"])
    return value
