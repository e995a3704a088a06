"""From Kafka, with the printed configuration of librdkafka as it is. From docs/subscribers-kafka.md and docs/events.md.

CONFIGURATION: the file; its folder has the authority's certificate. BOOK: see book.py.
"""

import json
import os
import re
import time
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, Message, TopicPartition

from tests.e2e.outsiders.book import Book, Event, places

TOPIC = "survey-submitted"
NUMBER = re.compile(rb"[0-9]{20}")


def event_of(record: Message) -> Event | None:
    """None for foreign matter: what has no readable numbers has no place in the chain."""
    headers: Any = dict(record.headers() or [])
    sequence, previous = headers.get("ce_sequence") or b"", headers.get("ce_previous") or b""
    if not NUMBER.fullmatch(sequence) or not (previous == b"-" or NUMBER.fullmatch(previous)):
        return None
    return Event(record.partition() or 0, sequence.decode(), previous.decode(), json.loads(record.value() or b""))


def main() -> None:
    """Reads for ever."""
    path = Path(os.environ["CONFIGURATION"])
    os.chdir(path.parent)  # the files name each other without a path
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
    parts = [line.partition("=") for line in lines]
    consumer, book = Consumer({name: value for name, _, value in parts}), Book()
    offsets = places(book.kept("offsets"))
    assigned: set[int] = set()
    looked = 0.0
    while True:
        if time.monotonic() - looked > 10:  # there may be more of them than before
            looked = time.monotonic()
            new = set(consumer.list_topics(TOPIC, timeout=30).topics[TOPIC].partitions) - assigned
            consumer.incremental_assign([TopicPartition(TOPIC, each, offsets.get(each, 0)) for each in new])
            assigned |= new
        events = []
        for record in consumer.consume(500, timeout=0.5):
            if record.error() is not None:
                raise SystemExit(str(record.error()))
            events.append(event_of(record))
            offsets[record.partition() or 0] = (record.offset() or 0) + 1
        if events:
            book.keep(filter(None, events), offsets=json.dumps(offsets))


if __name__ == "__main__":
    main()
