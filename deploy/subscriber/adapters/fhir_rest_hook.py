"""Places told by FHIR R4's rest-hook: `python -m deploy.subscriber.adapters.fhir_rest_hook --subscription FILE`.

FILE has a Subscription (R4) with the criteria `Location` and a channel of type `rest-hook`. Each place that changed is
told to its endpoint: with a payload by `PUT [endpoint]/Location/[id]` and the resource, without one by an empty POST.

1. `facility-updated` is followed to its end; the newest state of a place, and that it is to be told, are kept in the
   transaction of the cursor.
2. What is to be told is sent, place by place, and taken off the list when the endpoint has answered 2xx, unless the
   place has changed meanwhile. Killed between the two, it is told again: the same resource, in the same version.
"""

import argparse
import json
import sqlite3
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx

from deploy.subscriber.adapters.fhir_resources import location
from deploy.subscriber.adapters.following import Book, Event, Follower, Stopped, told

STREAM: Final = "facility-updated"
CRITERIA: Final = ("Location", "Location?")
PAYLOADS: Final = (None, "application/fhir+json", "application/json")
TIMEOUT: Final = httpx.Timeout(10.0)
"""A receiver keeps, answers, and works later."""
NOT_TOLD: Final = 3
"""The exit code when the endpoint did not take everything: it is sent by the next run."""

TABLES: Final = """
CREATE TABLE IF NOT EXISTS facility (id TEXT PRIMARY KEY, revision INTEGER NOT NULL, told INTEGER NOT NULL DEFAULT 0,
    body TEXT NOT NULL) STRICT;
"""
KEEP: Final = """
INSERT INTO facility (id, revision, body) VALUES (?, ?, ?)
ON CONFLICT DO UPDATE SET revision = excluded.revision, body = excluded.body WHERE excluded.revision > revision
"""
TO_TELL: Final = "SELECT id, revision, body FROM facility WHERE told < revision ORDER BY id"
TOLD: Final = "UPDATE facility SET told = ? WHERE id = ?"


@dataclass(frozen=True, slots=True)
class Channel:
    """Where a Subscription's notifications go. payload: None for none; headers: of each request."""

    endpoint: str
    payload: str | None
    headers: Mapping[str, str]

    @classmethod
    def of(cls, subscription: Mapping[str, Any]) -> "Channel":
        """The channel of a Subscription. Raises `ValueError` for what this adapter cannot do, `KeyError`."""
        channel = subscription["channel"]
        payload = channel.get("payload")
        if subscription["resourceType"] != "Subscription" or subscription["criteria"] not in CRITERIA:
            raise ValueError(told("criteria ต้องเป็น Location", "the criteria have to be Location"))
        if channel["type"] != "rest-hook" or payload not in PAYLOADS:
            raise ValueError(told("ต้องเป็น rest-hook แบบ JSON", "it has to be a rest-hook, in JSON"))
        headers = dict(line.split(":", 1) for line in channel.get("header", ()))
        return cls(channel["endpoint"].rstrip("/"), payload, {name: value.strip() for name, value in headers.items()})

    def tell(self, client: httpx.Client, place: Mapping[str, Any]) -> httpx.Response:
        """One notification. Raises `httpx.TransportError`."""
        if self.payload is None:
            return client.post(self.endpoint, headers=self.headers)
        content = json.dumps(location(place), ensure_ascii=False).encode()
        headers = {**self.headers, "Content-Type": f"{self.payload}; charset=utf-8"}
        return client.put(f"{self.endpoint}/Location/{place['facility_id']}", content=content, headers=headers)


def keep(connection: sqlite3.Connection, event: Event) -> None:
    """Keep the newest state of a place."""
    data = event["data"]
    connection.execute(KEEP, (data["facility_id"], data["revision"], json.dumps(data, ensure_ascii=False)))


def tell_all(book: Book, channel: Channel) -> int:
    """Tell what is to be told, until the endpoint takes one not; how many are left then."""
    waiting = book.connection.execute(TO_TELL).fetchall()
    with httpx.Client(timeout=TIMEOUT, trust_env=False) as client:
        for number, (place, revision, body) in enumerate(waiting):
            try:
                answer = channel.tell(client, json.loads(body))
                failure = None if answer.is_success else str(answer.status_code)
            except httpx.TransportError as error:
                failure = type(error).__name__
            if failure is not None:
                print(told(f"ปลายทางไม่รับ: {failure}", f"The endpoint did not take it: {failure}"), file=sys.stderr)
                return len(waiting) - number
            book.connection.execute(TOLD, (revision, place))
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Tell once, or again and again; 0 when all is told, 3 when not, 1 when the stream cannot be followed."""
    parser = argparse.ArgumentParser(prog="fhir_rest_hook", description="Places told by FHIR R4's rest-hook.")
    parser.add_argument("--subscription", type=Path, required=True, metavar="FILE", help="a Subscription, as JSON")
    parser.add_argument("--database", type=Path, metavar="FILE", help="what is kept (beside the Subscription)")
    parser.add_argument("--every", type=float, metavar="S", help="go on, with so many seconds between two looks")
    parser.add_argument("--past-gaps", action="store_true", help="go on where events are missing: ask the centre first")
    chosen = parser.parse_args(arguments)
    try:
        channel = Channel.of(json.loads(chosen.subscription.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError) as error:
        parser.error(told(f"ใช้ Subscription นี้ไม่ได้: {error}", f"this Subscription cannot be used: {error}"))
    book = Book(chosen.database or chosen.subscription.with_suffix(".sqlite"), TABLES)
    while True:
        try:
            Follower(book, past_gaps=chosen.past_gaps).to_the_end(STREAM, keep)
        except Stopped as stopped:
            print(stopped, file=sys.stderr)
            return 1
        left = tell_all(book, channel)
        if chosen.every is None:
            print(told("เสร็จแล้ว", "Done") if not left else told(f"ค้าง {left}", f"{left} are left"))
            return NOT_TOLD if left else 0
        time.sleep(chosen.every)


if __name__ == "__main__":
    sys.exit(main())
