"""Sums of `survey-submitted` by subdistrict and month of Thailand: what had been found until a month's end.

The figures are those of reporting (`/dhis2`, `/fhir`): a survey counts in the month in which it was written down at the
door, and each event changes its subdistrict by `after` minus `before`.
"""

import sqlite3
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from operator import itemgetter
from typing import Final, NamedTuple

from deploy.subscriber.adapters.following import Event

STREAM: Final = "survey-submitted"
PERSONS: Final = (
    "persons",
    "dose_0",
    "dose_1",
    "dose_2",
    "dose_3",
    "wanting",
    "wanting_608",
    "undecided",
    "refusing",
    "home_visit",
)
FIGURES: Final = ("submissions", "households", *PERSONS)
"""Visits; households that were surveyed; persons in them, as they were last found."""
THAILAND: Final = timedelta(hours=7)

_COLUMNS: Final = ", ".join(FIGURES)
TABLES: Final = f"""
CREATE TABLE IF NOT EXISTS month (area TEXT, month TEXT, {", ".join(f"{name} INTEGER NOT NULL" for name in FIGURES)},
    PRIMARY KEY (area, month)) STRICT;
"""
# Only names of ours are put into these.
_ADD: Final = (
    f"INSERT INTO month (area, month, {_COLUMNS}) VALUES (?, ?{', ?' * len(FIGURES)}) ON CONFLICT DO UPDATE SET "  # noqa: S608
    + ", ".join(f"{name} = {name} + excluded.{name}" for name in FIGURES)
)
_READ: Final = f"SELECT area, month, {_COLUMNS} FROM month ORDER BY area, month"  # noqa: S608


class Standing(NamedTuple):
    """How a subdistrict stood at the end of a month (YYYYMM). figures: in the order of `FIGURES`."""

    area: str
    month: str
    figures: tuple[int, ...]


def add(connection: sqlite3.Connection, event: Event) -> None:
    """Count one event."""
    data = event["data"]
    before, after = data["before"] or {}, data["after"] or {}
    visited = data["kind"] != "erasure" and data["volunteer_id"] is not None
    superseded = data["outcome"] == "superseded"
    changes = [int(visited)]
    if superseded:
        changes += [0] * (len(FIGURES) - 1)
    else:
        changes.append(bool(after) - bool(before))
        changes += [after.get(name, 0) - before.get(name, 0) for name in PERSONS]
    door = datetime.fromisoformat(data["captured_at"]).astimezone(UTC) + THAILAND
    connection.execute(_ADD, (data["area"], f"{door:%Y%m}", *changes))


def standings(connection: sqlite3.Connection, until: str) -> Iterator[Standing]:
    """Every subdistrict at the end of each month, from its first one to `until`."""
    for area, rows in groupby(connection.execute(_READ), key=itemgetter(0)):
        found: tuple[int, ...] = (0,) * len(FIGURES)
        month = ""
        for _, changed, *changes in rows:
            if changed > until:
                break
            while month and month < changed:
                yield Standing(area, month, found)
                month = following(month)
            month = changed
            found = tuple(map(sum, zip(found, changes, strict=True)))
        while month and month <= until:
            yield Standing(area, month, found)
            month = following(month)


def following(month: str) -> str:
    """The month after YYYYMM."""
    return f"{date(int(month[:4]), int(month[4:]), 28) + timedelta(days=4):%Y%m}"


def this_month() -> str:
    """The present month of Thailand as YYYYMM."""
    return f"{datetime.now(UTC) + THAILAND:%Y%m}"


def month_of(text: str) -> str:
    """The month of YYYYMM; raises ValueError."""
    return f"{datetime.strptime(text, '%Y%m').replace(tzinfo=UTC):%Y%m}"
