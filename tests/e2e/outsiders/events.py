"""Over HTTP, by server-sent events, back with Last-Event-ID. From docs/subscribers-replay.md.

STREAMS_URL: of reporting; TOKEN; BOOK: see book.py.
"""

import json
import os

import httpx

from tests.e2e.outsiders.book import Book, Event

CONTROL = "care.jitasa.stream."


def main() -> None:
    """Listens until the stream ends; whoever started it starts it again."""
    book = Book()
    headers = {"Authorization": f"Bearer {os.environ['TOKEN']}", "Accept": "text/event-stream"}
    if (last := book.kept("id")) is not None:
        headers["Last-Event-ID"] = last
    url = f"{os.environ['STREAMS_URL']}/v1/streams/survey-submitted/events"
    with httpx.stream("GET", url, params={"from": "start"}, headers=headers, timeout=60) as response:
        response.raise_for_status()
        fields: dict[str, str] = {}
        for line in response.iter_lines():
            if line:
                name, _, value = line.partition(": ")
                fields[name] = value
            elif "data" in fields:
                event = json.loads(fields["data"])
                known = not event["type"].startswith(CONTROL)
                book.keep([Event.read(event)] if known else [], id=fields["id"])
                fields = {}


if __name__ == "__main__":
    main()
