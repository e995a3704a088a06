"""Merged cells of a sheet: a reader of streams gives the text of the first one only, the others take it from here."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import IO, NamedTuple

from shared.tables.cells import place_of
from shared.tables.limits import MAX_COLUMNS, MAX_MERGES
from shared.tables.unreadable import UnreadableFile

_CHUNK = 256 * 1024
_LONGEST_TAG = 1_024
_ROWS_END = re.compile(rb"</(?:\w+:)?sheetData\s*>|<(?:\w+:)?sheetData\s*/>")
_MERGE = re.compile(rb"<(?:\w+:)?mergeCell\s[^>]{0,200}?\bref=[\"']([A-Z0-9$]{2,12}):([A-Z0-9$]{2,12})[\"']")
_MERGES_END = re.compile(rb"</(?:\w+:)?mergeCells\s*>")


class Merge(NamedTuple):
    """A merged range: rows from 1, columns from 0, the last ones included."""

    first_row: int
    first_column: int
    last_row: int
    last_column: int


def merges_of(sheet: IO[bytes]) -> list[Merge]:
    """Read the merged ranges of a sheet's XML, which stand behind all its rows, in bounded memory, by first row.

    Raises `UnreadableFile` for too many.
    """
    found: list[Merge] = []
    kept = b""
    behind_rows = False
    while chunk := sheet.read(_CHUNK):
        kept += chunk
        if not behind_rows:
            end = _ROWS_END.search(kept)
            if end is None:
                kept = kept[-_LONGEST_TAG:]
                continue
            behind_rows, kept = True, kept[end.end() :]
        consumed = 0
        for match in _MERGE.finditer(kept):
            consumed = match.end()
            found.append(Merge(*place_of(match[1].decode()), *place_of(match[2].decode())))
            if len(found) > MAX_MERGES:
                raise UnreadableFile("too_many_merges")
        if _MERGES_END.search(kept, consumed):
            break
        kept = kept[max(consumed, len(kept) - _LONGEST_TAG) :]
    return sorted(found)


def filled(rows: Iterator[tuple[int, Sequence[str]]], merges: Sequence[Merge]) -> Iterator[tuple[int, Sequence[str]]]:
    """Give the rows with the text of each merged range's first cell in all its cells."""
    if not merges:
        yield from rows
        return
    coming = 0
    open_until: dict[int, tuple[int, str]] = {}  # by column: the range's last row and its text
    for number, cells in rows:
        row = list(cells)
        for column, (last, text) in list(open_until.items()):
            if number > last:
                del open_until[column]
            else:
                _put(row, column, text)
        while coming < len(merges) and merges[coming].first_row <= number:
            merge = merges[coming]
            coming += 1
            # A range whose first cell has nothing in it has nothing to give.
            if merge.first_row == number and merge.first_column < len(row) and row[merge.first_column]:
                text = row[merge.first_column]
                for column in range(merge.first_column, min(merge.last_column + 1, MAX_COLUMNS)):
                    open_until[column] = merge.last_row, text
                    _put(row, column, text)
        yield number, row


def _put(row: list[str], column: int, text: str) -> None:
    row += [""] * (column + 1 - len(row))
    row[column] = text
