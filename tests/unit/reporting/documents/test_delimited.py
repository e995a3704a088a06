"""The CSV, read back."""

import csv
from pathlib import Path

from services.reporting.documents import delimited
from services.reporting.documents.delimited import write_csv
from services.reporting.months.answers import Corrected, PerformanceRow
from tests.unit.reporting.documents.months import of_provinces, of_volunteers, order, statement, streamed


async def test_every_row_and_head_is_there(tmp_path: Path) -> None:
    rows = of_provinces()
    rows[0].corrected = {"persons": Corrected(12, rows[0].figures.persons)}
    path, written = tmp_path / "document", list[int]()
    wanted = order(form="csv", revision=2, language="en")
    await write_csv(path, wanted, statement(rows), streamed(rows), written.append)
    assert path.read_bytes().startswith("\ufeffRank,Code,Province,Volunteers: Registered".encode())
    with path.open(encoding="utf-8-sig", newline="") as file:
        head, *lines = csv.reader(file)
    assert written == [len(rows)]
    assert lines[0][head.index("Persons found: All (as first closed)")] == "12"
    assert lines[1][head.index("Persons found: All (as first closed)")] == ""
    for line, row in zip(lines, rows, strict=True):
        assert line[:27] == [
            str(value) for value in (row.rank, row.key, row.name_en, *row.figures.values(), *row.before.values())
        ]


async def test_many_rows_are_written_in_chunks(tmp_path: Path) -> None:
    rows: list[PerformanceRow] = list(of_volunteers(delimited.CHUNK + 5))
    path, written = tmp_path / "document", list[int]()
    await write_csv(path, order(form="csv", level="volunteer"), statement(rows), streamed(rows), written.append)
    assert written == [delimited.CHUNK, delimited.CHUNK + 5]
    assert len(path.read_text().splitlines()) == 1 + len(rows)
