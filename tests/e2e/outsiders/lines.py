"""Over HTTP, in lines, by cursor. From docs/subscribers-replay.md.

STREAMS_URL: of reporting; TOKEN; BOOK: see book.py.
"""

import json
import os

import httpx

from tests.e2e.outsiders.book import Book, Event

CONTROL = "care.jitasa.stream."


def main() -> None:
    """Asks for ever."""
    book = Book()
    headers = {"Authorization": f"Bearer {os.environ['TOKEN']}", "Accept": "application/x-ndjson"}
    with httpx.Client(base_url=os.environ["STREAMS_URL"], headers=headers, timeout=60) as client:
        while True:
            cursor = book.kept("cursor")
            begin = {"from": "start"} if cursor is None else {"cursor": cursor}
            url, waiting = "/v1/streams/survey-submitted/events", []
            with client.stream("GET", url, params={**begin, "limit": 100, "wait": 20}) as response:
                response.raise_for_status()
                for line in response.iter_lines():
                    event = json.loads(line)
                    if not event["type"].startswith(CONTROL):
                        waiting.append(Event.read(event))
                        continue
                    book.keep(waiting, cursor=event["data"]["cursor"])
                    waiting = []


if __name__ == "__main__":
    main()
