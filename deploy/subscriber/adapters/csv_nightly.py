"""Each night's events as CSV: `python -m deploy.subscriber.adapters.csv_nightly --into FOLDER`.

Whoever kills it at any moment and starts it again finds each event in exactly one night's file:

1. the night is opened, unless one is open that was interrupted: that is ended first, with what it had;
2. the streams are followed to their ends; events wait in SQLite, in the transaction of the cursor, as the night's;
3. the night is closed: it gets no events any more;
4. its files are written beside their names from what waits, and renamed: again in vain, the same bytes;
5. the night is done, and what waited is forgotten, at once.
"""

import argparse
import csv
import json
import os
import sqlite3
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from deploy.subscriber.adapters.csv_columns import COLUMNS
from deploy.subscriber.adapters.following import Apply, Book, Event, Follower, Stopped, told

TABLES: Final = """
CREATE TABLE IF NOT EXISTS night (night TEXT PRIMARY KEY,
    state TEXT NOT NULL CHECK (state IN ('open', 'closed', 'done'))) STRICT;
CREATE TABLE IF NOT EXISTS waiting (id INTEGER PRIMARY KEY, night TEXT NOT NULL REFERENCES night, stream TEXT NOT NULL,
    cells TEXT NOT NULL) STRICT;
"""
THAILAND: Final = timedelta(hours=7)
FORMULA_MARKS: Final = ("=", "+", "-", "@", "\t", "\r", "\n")
"""With these a spreadsheet takes text for a formula."""


def cell(event: Event, path: str) -> str:
    """What stands in the event at a path, as a cell: nothing for null, JSON for lists and objects."""
    value: Any = event
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    if path == "number":
        return str(int(value))
    if isinstance(value, str):
        return f"'{value}" if value.startswith(FORMULA_MARKS) else value
    return "" if value is None else json.dumps(value, ensure_ascii=False)


class Nights:
    """The nights of one database and the folder of their files."""

    def __init__(self, book: Book, folder: Path, streams: Sequence[str], *, thai: bool) -> None:
        self._book = book
        self._folder = folder
        self._streams = streams
        self._thai = thai

    def run(self, night: str, follower: Follower) -> bool:
        """Make the files of a night, and first those of a night that was interrupted. False: it was done before."""
        for interrupted in self._in_state("open", before=night):
            self._set(interrupted, "closed")
        self._write_closed()
        if (self._newest_done() or "") >= night:
            return False
        with self._book.transaction() as connection:
            connection.execute("INSERT OR IGNORE INTO night VALUES (?, 'open')", (night,))

        for stream in self._streams:
            follower.to_the_end(stream, _waiting(night, stream))
        self._set(night, "closed")
        self._write_closed()
        return True

    def _write_closed(self) -> None:
        for night in self._in_state("closed"):
            with self._book.transaction() as connection:  # one process writes; another finds the night done
                if night not in self._in_state("closed"):
                    continue
                for stream in self._streams_of(night):
                    self._write(night, stream)
                _settle(self._folder)
                connection.execute("DELETE FROM waiting WHERE night = ?", (night,))
                connection.execute("UPDATE night SET state = 'done' WHERE night = ?", (night,))

    def _streams_of(self, night: str) -> list[str]:
        # Of an interrupted night the streams may have been others than those that are asked for now.
        query = "SELECT DISTINCT stream FROM waiting WHERE night = ?"
        return sorted({*self._streams, *(stream for (stream,) in self._book.connection.execute(query, (night,)))})

    def _write(self, night: str, stream: str) -> None:
        path = self._folder / f"{stream}-{night}.csv"
        beside = path.with_name(f".{path.name}.partial")
        query = "SELECT cells FROM waiting WHERE night = ? AND stream = ? ORDER BY id"
        with beside.open("w", encoding="utf-8-sig", newline="") as file:
            writer = csv.writer(file)
            columns = COLUMNS[stream]
            writer.writerow(columns.values() if self._thai else [path.removeprefix("data.") for path in columns])
            for (cells,) in self._book.connection.execute(query, (night, stream)):
                writer.writerow(json.loads(cells))
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)

    def _in_state(self, state: str, before: str = "9999") -> list[str]:
        query = "SELECT night FROM night WHERE state = ? AND night < ? ORDER BY night"
        return [night for (night,) in self._book.connection.execute(query, (state, before))]

    def _newest_done(self) -> str | None:
        found: str | None
        (found,) = self._book.connection.execute("SELECT max(night) FROM night WHERE state = 'done'").fetchone()
        return found

    def _set(self, night: str, state: str) -> None:
        with self._book.transaction() as connection:
            connection.execute("UPDATE night SET state = ? WHERE night = ? AND state <> 'done'", (state, night))


def _waiting(night: str, stream: str) -> Apply:
    def wait(connection: sqlite3.Connection, event: Event) -> None:
        cells = json.dumps([cell(event, path) for path in COLUMNS[stream]], ensure_ascii=False)
        added = connection.execute(
            "INSERT INTO waiting (night, stream, cells) SELECT night, ?, ? FROM night "
            "WHERE night = ? AND state = 'open'",
            (stream, cells, night),
        )
        if added.rowcount != 1:
            raise Stopped(told("โปรแกรมอีกตัวปิดคืนนี้แล้ว", "Another process has closed this night"))

    return wait


def _settle(folder: Path) -> None:
    """The names themselves reach the disk before what they were made from is forgotten."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def night_of(text: str) -> str:
    """The night of YYYY-MM-DD; raises ValueError."""
    return date.fromisoformat(text).isoformat()


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the night's files; 0 when they are there, 1 when the work has to be taken up again."""
    parser = argparse.ArgumentParser(prog="csv_nightly", description="Each night's events as CSV, one file per stream.")
    parser.add_argument("--into", type=Path, required=True, metavar="FOLDER", help="where the files are put")
    parser.add_argument("--database", type=Path, metavar="FILE", help="what is kept (FOLDER/.csv-nightly.sqlite)")
    parser.add_argument("--streams", nargs="+", choices=list(COLUMNS), default=list(COLUMNS), metavar="STREAM")
    parser.add_argument("--night", type=night_of, metavar="YYYY-MM-DD", help="its name (today in Thailand)")
    parser.add_argument("--thai-headers", action="store_true", help="Thai headings of the columns")
    parser.add_argument("--past-gaps", action="store_true", help="go on where events are missing: ask the centre first")
    chosen = parser.parse_args(arguments)
    chosen.into.mkdir(parents=True, exist_ok=True)
    book = Book(chosen.database or chosen.into / ".csv-nightly.sqlite", TABLES)
    night = chosen.night or (datetime.now(UTC) + THAILAND).date().isoformat()
    try:
        nights = Nights(book, chosen.into, chosen.streams, thai=chosen.thai_headers)
        made = nights.run(night, Follower(book, past_gaps=chosen.past_gaps))
    except Stopped as stopped:
        print(stopped, file=sys.stderr)
        return 1
    print(told("เสร็จแล้ว", "Done") if made else told("คืนนี้ทำไปแล้ว", "This night was done before"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
