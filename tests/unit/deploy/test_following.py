"""How adapters follow a stream: the sequence rule, what cannot be read, tokens; against a service made of answers."""

import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.subscriber.adapters import following
from deploy.subscriber.adapters.following import Book, Event, Follower, Stopped

STREAM = "survey-submitted"
TABLES = "CREATE TABLE IF NOT EXISTS seen (name TEXT);"


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Book]:
    """An empty one."""
    book = Book(tmp_path / "kept.sqlite", TABLES)
    yield book
    book.connection.close()


def see(connection: sqlite3.Connection, event: Event) -> None:
    """The effect of an event."""
    connection.execute("INSERT INTO seen VALUES (?)", (event["data"]["name"],))


def seen(book: Book) -> str:
    """The effects, in order."""
    return "".join(name for (name,) in book.connection.execute("SELECT name FROM seen ORDER BY rowid"))


def event(name: str, sequence: int, previous: int | None, **more: Any) -> dict[str, Any]:
    """One as the service tells it."""
    told = "-" if previous is None else f"{previous:020d}"
    numbers = {"partition": 1, "sequence": f"{sequence:020d}", "previous": told}
    return {"type": f"care.jitasa.{STREAM}.v1", **numbers, "data": {"name": name}, **more}


A, B, C = event("a", 2, None), event("b", 5, 2), event("c", 6, 5)


def test_each_counts_once_and_nothing_is_passed_over(book: Book) -> None:
    """Repetitions are dropped; at a gap nothing of the stretch is kept, unless it is decided."""
    book.keep(STREAM, None, "1", [A, A], see, past_gaps=False)
    with pytest.raises(Stopped):
        book.keep(STREAM, "1", "2", [C], see, past_gaps=False)
    book.keep(STREAM, "1", "2", [A, B], see, past_gaps=False)
    assert (seen(book), book.cursor_of(STREAM)) == ("ab", "2")
    book.keep(STREAM, "2", "3", [event("d", 9, 7)], see, past_gaps=True)
    assert seen(book) == "abd"


def test_who_comes_second_stops(book: Book) -> None:
    """Somebody else has moved the place meanwhile: nothing is kept."""
    book.keep(STREAM, None, "1", [A], see, past_gaps=False)
    with pytest.raises(Stopped):
        book.keep(STREAM, None, "1", [A, B], see, past_gaps=False)
    assert seen(book) == "a"


def test_what_cannot_be_read_is_put_aside(book: Book) -> None:
    """And what is of another type means nothing; both take their places."""
    bad, other = event("x", 3, 2, data={}), event("x", 4, 3, type="care.jitasa.other.v1")
    book.keep(STREAM, None, "1", [A, bad, other, event("b", 5, 4)], see, past_gaps=False)
    assert seen(book) == "ab"
    assert book.connection.execute("SELECT sequence FROM put_aside").fetchall() == [(3,)]


def control(what: str, cursor: str) -> dict[str, Any]:
    """What the stream says itself."""
    return {"type": f"care.jitasa.stream.{what}.v1", "data": {"cursor": cursor}}


def answering(monkeypatch: pytest.MonkeyPatch, handler: Callable[[httpx.Request], httpx.Response]) -> None:
    """The service, and where tokens are made."""
    transport = httpx.MockTransport(handler)
    client = httpx.Client
    monkeypatch.setattr(httpx, "Client", lambda **given: client(transport=transport, **given))
    monkeypatch.setattr(httpx, "post", lambda url, **given: client(transport=transport).post(url, **given))
    monkeypatch.setattr(time, "sleep", lambda seconds: None)


def lines(*events: dict[str, Any]) -> bytes:
    """An answer."""
    return b"".join(json.dumps(each, ensure_ascii=False).encode() + b"\n" for each in events)


def test_a_token_is_asked_for_and_again_when_it_ends(
    book: Book, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the account's secret; a line separator in a name ends no line."""
    (tmp_path / "secret").write_text("s\n")
    made: list[str] = []
    asked: list[tuple[str, ...]] = []

    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v1/tokens":
            assert request.content == b"grant_type=client_credentials&client_id=c&client_secret=s"
            made.append(f"t{len(made)}")
            return httpx.Response(200, json={"access_token": made[-1]})
        begin = dict(request.url.params)
        asked.append((request.headers["authorization"], begin.get("cursor") or begin["from"]))
        if len(asked) == 1:
            return httpx.Response(200, content=lines(A, control("position", "1")))
        if len(asked) == 2:
            return httpx.Response(401)
        return httpx.Response(200, content=lines(event("\u2028", 5, 2), control("end", "2")))

    answering(monkeypatch, handler)
    told = {"JITASA_URL": "http://r", "JITASA_TOKEN_URL": "http://g/v1/tokens", "JITASA_CLIENT_ID": "c"}
    told |= {"JITASA_CLIENT_SECRET_FILE": str(tmp_path / "secret")}
    Follower(book, environment=told).to_the_end(STREAM, see)
    assert asked == [("Bearer t0", "start"), ("Bearer t0", "1"), ("Bearer t1", "1")]
    assert seen(book) == "a\u2028"


def test_a_service_that_is_away_is_asked_so_often_and_no_more(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then the work stops, with its place kept."""
    asked: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        return httpx.Response(503, headers={"Retry-After": "2"})

    answering(monkeypatch, handler)
    with pytest.raises(Stopped, match="503"):
        Follower(book, environment={"JITASA_URL": "http://r", "JITASA_TOKEN": "t"}).to_the_end(STREAM, see)
    assert len(asked) == following.ATTEMPTS
