"""The survey's monthly figures into a DHIS2: `python -m deploy.subscriber.adapters.dhis2_push --database FILE`.

Data elements, units and periods are those of reporting's export (docs/reporting-interface.md), named by their codes:
`JITASA_PERSONS`, the subdistrict's code, 202202. The DHIS2 has them from `/dhis2/metadata.json` and from facilities'
units. It is told by variables, beside those of `following.py`:

DHIS2_URL                             such as https://dhis2.example.go.th, without /api
DHIS2_TOKEN_FILE                      a personal access token, or
DHIS2_USERNAME, DHIS2_PASSWORD_FILE

1. follow the stream to its end: sums move in the transaction of the cursor;
2. send what differs from what was taken before, a thousand values at a time: values are absolute, so that sending them
   again changes nothing;
3. note what was taken, at once for each answer. Killed before, the same values are sent once more.
"""

import argparse
import os
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import httpx

from deploy.subscriber.adapters import monthly
from deploy.subscriber.adapters.following import ATTEMPTS, MOST_PAUSE_SECONDS, Book, Follower, Stopped, told

TABLES: Final = (
    monthly.TABLES
    + """
CREATE TABLE IF NOT EXISTS taken (area TEXT, month TEXT, figure TEXT, value INTEGER NOT NULL,
    PRIMARY KEY (area, month, figure)) STRICT;
"""
)
BATCH: Final = 1_000
"""Values in a request: a second or two of a DHIS2's work, and nothing lost when it ends in between."""
MOST_SHOWN: Final = 20
"""Conflicts that are printed; the others are counted."""
TIMEOUT: Final = httpx.Timeout(120.0, connect=10.0)
"""Seconds. Busy ones take a minute."""
SOME_REFUSED: Final = 3
"""Exit code."""
SCHEMES: Final = {"dataElementIdScheme": "CODE", "orgUnitIdScheme": "CODE", "importStrategy": "CREATE_AND_UPDATE"}


class Value(NamedTuple):
    """A figure of a subdistrict at a month's end."""

    area: str
    month: str
    figure: str
    value: int

    def as_json(self) -> dict[str, str]:
        """As DHIS2 takes it."""
        element = f"JITASA_{self.figure.upper()}"
        return {"dataElement": element, "period": self.month, "orgUnit": self.area, "value": str(self.value)}


class Outcome(NamedTuple):
    """What became of a batch."""

    taken: list[Value]
    conflicts: list[str]


def differing(connection: sqlite3.Connection, until: str) -> Iterator[Value]:
    """What the DHIS2 does not have yet, or has otherwise."""
    known: dict[tuple[str, str], int] = {}
    of_area = ""
    for standing in monthly.standings(connection, until):
        if standing.area != of_area:
            of_area = standing.area
            rows = connection.execute("SELECT month, figure, value FROM taken WHERE area = ?", (of_area,))
            known = {(month, figure): value for month, figure, value in rows}
        for figure, value in zip(monthly.FIGURES, standing.figures, strict=True):
            if known.get((standing.month, figure)) != value:
                yield Value(standing.area, standing.month, figure, value)


def read_summary(body: Any, batch: Sequence[Value]) -> Outcome:
    """Read an import summary, which newer DHIS2s wrap. Raises `Stopped` for what is none.

    Where it does not say which values were refused, or its counts do not fit, none is taken for taken.
    """
    summary = body.get("response", body) if isinstance(body, dict) else None
    if not isinstance(summary, dict) or "importCount" not in summary:
        raise Stopped(told("คำตอบของ DHIS2 ไม่ใช่ import summary", "DHIS2 did not answer with an import summary"))
    conflicts = [_conflict(each) for each in summary.get("conflicts") or ()]
    if summary.get("status") == "SUCCESS" and not conflicts:
        return Outcome(list(batch), [])
    refused = set(summary.get("rejectedIndexes") or ())
    count = summary["importCount"]
    if not refused or count["imported"] + count["updated"] != len(batch) - len(refused):
        return Outcome([], conflicts or [str(summary.get("description") or body.get("message") or summary["status"])])
    return Outcome([value for index, value in enumerate(batch) if index not in refused], conflicts)


def _conflict(conflict: Mapping[str, Any]) -> str:
    code = conflict.get("errorCode", "")
    return f"{code} {conflict.get('value') or conflict.get('object') or ''}".strip()


class Dhis2:
    """A DHIS2, as it is told by the environment."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        headers, auth = {}, None
        if "DHIS2_TOKEN_FILE" in environment:
            headers["Authorization"] = f"ApiToken {_secret(environment['DHIS2_TOKEN_FILE'])}"
        else:
            auth = (environment["DHIS2_USERNAME"], _secret(environment["DHIS2_PASSWORD_FILE"]))
        self._client = httpx.Client(base_url=environment["DHIS2_URL"], headers=headers, auth=auth, timeout=TIMEOUT)

    def push(self, batch: Sequence[Value], *, dry_run: bool) -> Outcome:
        """Send some values. Raises `Stopped` when they cannot be sent at all."""
        parameters = SCHEMES | ({"dryRun": "true"} if dry_run else {})
        body = {"dataValues": [value.as_json() for value in batch]}
        why = ""
        for attempt in range(ATTEMPTS):
            pause = 2.0**attempt
            try:
                response = self._client.post("/api/dataValueSets", params=parameters, json=body)
            except httpx.TransportError as error:
                why = type(error).__name__
            else:
                if response.status_code in (200, 201, 409):  # 409: taken, but for the conflicts
                    return read_summary(_json(response), batch)
                why = str(response.status_code)
                if response.status_code not in (429, 502, 503, 504):
                    break
                after = response.headers.get("Retry-After", "")
                pause = max(pause, float(after)) if after.isdecimal() else pause
            if attempt < ATTEMPTS - 1:
                time.sleep(min(pause, MOST_PAUSE_SECONDS))
        raise Stopped(told(f"DHIS2 ไม่รับข้อมูล: {why}", f"DHIS2 takes nothing: {why}"))


def _json(response: httpx.Response) -> Any:
    try:
        return response.json()
    except ValueError:
        return None


def _secret(path: str) -> str:
    return Path(path).read_text().strip()


def push_all(book: Book, dhis2: Dhis2, until: str, *, dry_run: bool) -> tuple[int, Counter[str]]:
    """Send everything that differs: how many values were taken, and conflicts by what DHIS2 says of them."""
    connection = book.connection
    waiting = list(differing(connection, until))
    number, conflicts = 0, Counter[str]()
    for first in range(0, len(waiting), BATCH):
        outcome = dhis2.push(waiting[first : first + BATCH], dry_run=dry_run)
        number += len(outcome.taken)
        conflicts.update(outcome.conflicts)
        if not dry_run:
            with book.transaction():
                connection.executemany("INSERT OR REPLACE INTO taken VALUES (?, ?, ?, ?)", outcome.taken)
    return number, conflicts


def main(arguments: Sequence[str] | None = None) -> int:
    """Push once: 0 when all was taken, 3 when DHIS2 refused some, 1 when the work has to be taken up again."""
    parser = argparse.ArgumentParser(prog="dhis2_push", description="The survey's monthly figures into a DHIS2.")
    parser.add_argument("--database", type=Path, required=True, metavar="FILE", help="what is kept")
    parser.add_argument("--until", type=monthly.month_of, metavar="YYYYMM", help="the last month (the present one)")
    parser.add_argument("--dry-run", action="store_true", help="DHIS2 checks, and keeps nothing")
    parser.add_argument("--past-gaps", action="store_true", help="go on where events are missing: ask the centre first")
    chosen = parser.parse_args(arguments)
    book = Book(chosen.database, TABLES)
    try:
        dhis2 = Dhis2(os.environ)
        Follower(book, past_gaps=chosen.past_gaps).to_the_end(monthly.STREAM, monthly.add)
        number, conflicts = push_all(book, dhis2, chosen.until or monthly.this_month(), dry_run=chosen.dry_run)
    except Stopped as stopped:
        print(stopped, file=sys.stderr)
        return 1
    for text, times in conflicts.most_common(MOST_SHOWN):
        print(f"{times} x {text}", file=sys.stderr)
    if len(conflicts) > MOST_SHOWN:
        print(told(f"และอีก {len(conflicts) - MOST_SHOWN}", f"and {len(conflicts) - MOST_SHOWN} more"), file=sys.stderr)
    print(told(f"DHIS2 รับแล้ว {number} ค่า", f"DHIS2 has taken {number} values"))
    return SOME_REFUSED if conflicts else 0


if __name__ == "__main__":
    sys.exit(main())
