"""Follows streams over HTTP (docs/subscribers-replay.md): cursor, sequence rule and effects in one SQLite transaction.

Nothing of ours is imported; it is told by variables:

JITASA_URL                                                   of reporting, which has the streams
JITASA_TOKEN                                                 a token, where one is good for all of the run
JITASA_TOKEN_URL, JITASA_CLIENT_ID,
JITASA_CLIENT_SECRET_FILE                                    otherwise: registration's `/v1/tokens`, and the account
JITASA_LANGUAGE                                              th (without it) or en
"""

import json
import os
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx

CONTROL: Final = "care.jitasa.stream."
LIMIT: Final = 50_000
"""Events in an answer; the cursors within it are 5,000 apart at most."""
MOST_WAITING: Final = 20_000
"""Events without a cursor behind them: four times what the streams promise, some 20 MB."""
MOST_LINE_BYTES: Final = 8 * 1024 * 1024
"""Kafka takes 1 MiB."""
ATTEMPTS: Final = 6
"""Without any progress, 1, 2, 4, 8 and 16 s apart: a restart of the service is over by then, all else is for people."""
MOST_PAUSE_SECONDS: Final = 60.0
"""What is obeyed of a Retry-After: the place is kept, and who starts this comes again."""
TIMEOUT: Final = httpx.Timeout(30.0, read=90.0)
"""Seconds; an answer says something every 15 s."""

TABLES: Final = """
CREATE TABLE IF NOT EXISTS place (stream TEXT PRIMARY KEY, cursor TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS last (stream TEXT, partition INTEGER, sequence INTEGER NOT NULL,
    PRIMARY KEY (stream, partition)) STRICT;
CREATE TABLE IF NOT EXISTS put_aside (stream TEXT, partition INTEGER, sequence INTEGER, event TEXT NOT NULL) STRICT;
"""

Event = Mapping[str, Any]
Apply = Callable[[sqlite3.Connection, Event], None]
"""Takes one event, once, inside the transaction that moves the place."""


class Stopped(Exception):
    """The work cannot go on now; the place is kept. The text says why, in the chosen language."""


def told(th: str, en: str) -> str:
    """The text in the chosen language."""
    return en if os.environ.get("JITASA_LANGUAGE") == "en" else th


class Book:
    """One SQLite database: places and effects."""

    def __init__(self, path: Path, tables: str = "") -> None:
        self.connection: Final = sqlite3.connect(path, timeout=30.0, isolation_level=None)
        self.connection.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;" + TABLES + tables)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All of the block, or nothing."""
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield self.connection
        except BaseException:
            self.connection.execute("ROLLBACK")
            raise
        self.connection.execute("COMMIT")

    def cursor_of(self, stream: str) -> str | None:
        """Where a stream goes on."""
        row = self.connection.execute("SELECT cursor FROM place WHERE stream = ?", (stream,)).fetchone()
        return None if row is None else str(row[0])

    def keep(
        self, stream: str, old: str | None, new: str, events: list[Event], apply: Apply, *, past_gaps: bool
    ) -> None:
        """Apply what is new of `events` and move from one cursor to the next, at once. Raises `Stopped` where by the
        sequence rule something is missing, or somebody else has moved the place."""
        with self.transaction() as connection:
            rows = connection.execute("SELECT partition, sequence FROM last WHERE stream = ?", (stream,))
            last: dict[int, int] = dict(rows.fetchall())
            for event in events:
                partition, sequence, previous = event["partition"], int(event["sequence"]), event["previous"]
                known = last.get(partition, -1)
                if sequence <= known:
                    continue
                if previous != "-" and int(previous) > known:
                    missing = told(
                        f"{stream} ส่วนที่ {partition}: เหตุการณ์ก่อน {sequence} ขาดหาย",
                        f"{stream}, partition {partition}: events before {sequence} are missing",
                    )
                    if not past_gaps:
                        raise Stopped(missing)
                    print(missing, file=sys.stderr, flush=True)
                last[partition] = sequence
                if event["type"] != f"care.jitasa.{stream}.v1":
                    continue  # it takes its place, and means nothing here
                try:
                    apply(connection, event)
                except (KeyError, TypeError, ValueError, AttributeError):  # its body cannot be read: the others go on
                    whole = json.dumps(event, ensure_ascii=False)
                    connection.execute(
                        "INSERT INTO put_aside VALUES (?, ?, ?, ?)", (stream, partition, sequence, whole)
                    )
                    aside = f"{stream} {partition}/{sequence}"
                    print(told(f"อ่านไม่ได้ เก็บไว้: {aside}", f"Unreadable, put aside: {aside}"), file=sys.stderr)
            if self.cursor_of(stream) != old:
                raise Stopped(
                    told("โปรแกรมอีกตัวกำลังทำงานกับฐานข้อมูลนี้", "Another process works with this database; only one may")
                )
            connection.execute("INSERT OR REPLACE INTO place VALUES (?, ?)", (stream, new))
            rewritten = [(stream, partition, sequence) for partition, sequence in last.items()]
            connection.executemany("INSERT OR REPLACE INTO last VALUES (?, ?, ?)", rewritten)


class Follower:
    """Reads streams to their present ends. past_gaps: go on where events are missing, after the centre was asked."""

    def __init__(self, book: Book, *, past_gaps: bool = False, environment: Mapping[str, str] = os.environ) -> None:
        self._book = book
        self._past_gaps = past_gaps
        self._told = environment
        self._token = environment.get("JITASA_TOKEN")
        self._client = httpx.Client(base_url=environment["JITASA_URL"], timeout=TIMEOUT)

    def to_the_end(self, stream: str, apply: Apply) -> None:
        """Take everything that there is now. Raises `Stopped`."""
        attempt, ended = 0, False
        while not ended:
            before = self._book.cursor_of(stream)
            pause, why = 2.0**attempt, ""
            try:
                ended = self._once(stream, apply)
            except _Later as later:
                pause, why = max(pause, later.seconds), str(later)
            except httpx.TransportError as error:
                why = type(error).__name__
            if why:
                attempt = attempt + 1 if self._book.cursor_of(stream) == before else 1
                if attempt >= ATTEMPTS:
                    raise Stopped(told(f"อ่าน {stream} ไม่ได้: {why}", f"{stream} cannot be read: {why}"))
                time.sleep(min(pause, MOST_PAUSE_SECONDS))

    def _once(self, stream: str, apply: Apply) -> bool:
        cursor = self._book.cursor_of(stream)
        begin = {"from": "start"} if cursor is None else {"cursor": cursor}
        headers = {"Accept": "application/x-ndjson", "Authorization": f"Bearer {self._bearer()}"}
        path = f"/v1/streams/{stream}/events"
        with self._client.stream("GET", path, params={**begin, "limit": str(LIMIT)}, headers=headers) as response:
            self._look_at(response, stream)
            waiting: list[Event] = []
            for line in _lines(response):
                event: dict[str, Any] = json.loads(line)
                if not event["type"].startswith(CONTROL):
                    waiting.append(event)
                    if len(waiting) > MOST_WAITING:
                        raise Stopped(told(f"{stream}: ไม่มี cursor", f"{stream}: no cursor for too long"))
                    continue
                new = event["data"]["cursor"]
                if waiting or new != cursor:
                    self._book.keep(stream, cursor, new, waiting, apply, past_gaps=self._past_gaps)
                waiting, cursor = [], new
                if event["type"] == f"{CONTROL}end.v1":
                    return True
        return False

    def _look_at(self, response: httpx.Response, stream: str) -> None:
        if response.status_code == 200:
            return
        if response.status_code == 401 and "JITASA_TOKEN" not in self._told:
            self._token = None  # it has ended; the next attempt asks for another
            raise _Later("401", 0.0)
        if response.status_code in (429, 502, 503, 504):
            after = response.headers.get("Retry-After", "")
            raise _Later(str(response.status_code), float(after) if after.isdecimal() else 0.0)
        response.read()
        why = f"{response.status_code} {response.text[:500]}"
        raise Stopped(told(f"อ่าน {stream} ไม่ได้: {why}", f"{stream} cannot be read: {why}"))

    def _bearer(self) -> str:
        if self._token is None:
            fields = {
                "grant_type": "client_credentials",
                "client_id": self._told["JITASA_CLIENT_ID"],
                "client_secret": Path(self._told["JITASA_CLIENT_SECRET_FILE"]).read_text().strip(),
            }
            response = httpx.post(self._told["JITASA_TOKEN_URL"], data=fields, timeout=TIMEOUT)
            if response.status_code in (429, 502, 503, 504):
                raise _Later(f"token: {response.status_code}", 5.0)
            if response.status_code != 200:
                raise Stopped(told("ขอ token ไม่ได้", "No token was given") + f": {response.status_code}")
            self._token = str(response.json()["access_token"])
        return self._token


class _Later(Exception):
    """To be asked again after so many seconds."""

    def __init__(self, why: str, seconds: float) -> None:
        super().__init__(why)
        self.seconds = seconds


def _lines(response: httpx.Response) -> Iterator[bytes]:
    # httpx's own lines would end at U+2028 too, which JSON may hold as it is.
    rest = b""
    for piece in response.iter_bytes():
        *whole, rest = (rest + piece).split(b"\n")
        yield from (line for line in whole if line)
        if len(rest) > MOST_LINE_BYTES:
            raise Stopped(told("บรรทัดยาวเกินไป", "A line is too long"))
