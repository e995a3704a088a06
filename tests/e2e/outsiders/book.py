"""What each of them keeps: its place, the sequence rule's `last` by partition, and sums by subdistrict."""

import json
import os
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

COUNTED = ("persons", "dose_0", "dose_1", "dose_2", "dose_3", "wanting")
TABLES = f"""
PRAGMA journal_mode = WAL;
PRAGMA synchronous = OFF; -- a killed process loses nothing by it, only a machine without power does
CREATE TABLE IF NOT EXISTS kept (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS last (partition INTEGER PRIMARY KEY, sequence INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS surveyed (area TEXT PRIMARY KEY, events INTEGER NOT NULL,
    {", ".join(f"{name} INTEGER NOT NULL" for name in COUNTED)}) STRICT;
"""
KEEP = "INSERT OR REPLACE INTO kept VALUES (?, ?)"
MORE = ", ".join(f"{name} = {name} + excluded.{name}" for name in COUNTED)
ADD = f"""
INSERT INTO surveyed VALUES (?, 1, {", ".join("?" for _ in COUNTED)})
ON CONFLICT (area) DO UPDATE SET events = events + 1, {MORE}
"""  # noqa: S608 - the names above


class EventsMissing(Exception):
    """By the sequence rule."""


@dataclass(frozen=True)
class Event:
    """Of survey-submitted."""

    partition: int
    sequence: str
    previous: str
    data: Any

    @classmethod
    def read(cls, event: Any) -> "Event":
        """A CloudEvent in JSON, as HTTP brings them."""
        return cls(event["partition"], event["sequence"], event["previous"], event["data"])


class Book:
    """The SQLite file that the variable BOOK names."""

    def __init__(self) -> None:
        self._connection = sqlite3.connect(os.environ["BOOK"], isolation_level=None, check_same_thread=False)
        self._connection.executescript(TABLES)

    def kept(self, name: str) -> str | None:
        """What was kept under this name."""
        row = self._connection.execute("SELECT value FROM kept WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def keep(self, events: Iterable[Event], **kept: str) -> None:
        """Applies events by the sequence rule, and keeps where it goes on, all of it or nothing."""
        self._connection.execute("BEGIN IMMEDIATE")
        for event in events:
            self._apply(event)
        self._connection.executemany(KEEP, kept.items())
        self._connection.execute("COMMIT")

    def _apply(self, event: Event) -> None:
        row = self._connection.execute("SELECT sequence FROM last WHERE partition = ?", (event.partition,)).fetchone()
        last = -1 if row is None else row[0]
        if int(event.sequence) <= last:
            return
        if event.previous != "-" and int(event.previous) > last:
            raise EventsMissing(event)  # ends the program, and nothing is kept
        self._connection.execute("INSERT OR REPLACE INTO last VALUES (?, ?)", (event.partition, int(event.sequence)))
        before, after = event.data["before"] or {}, event.data["after"] or {}
        more = [after.get(name, 0) - before.get(name, 0) for name in COUNTED]
        self._connection.execute(ADD, (event.data["area"], *more))


def places(text: str | None) -> dict[int, int]:
    """The next offset by partition, as it is kept."""
    return {int(partition): offset for partition, offset in json.loads(text or "{}").items()}
