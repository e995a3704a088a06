"""What is missing is told, once, and by the sequence rule as well: a stream made anew, records that are gone, holes,
records that cannot be read."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import httpx
import pytest
from aiokafka import AIOKafkaProducer
from confluent_kafka import TopicPartition

from services.reporting.store import Pool
from shared.contracts.events import HelpUpdated
from shared.contracts.topics import HELP_UPDATED, Topic
from shared.kafka.settings import KafkaSettings
from shared.observability.clock import MovableClock
from tests.integration.reporting.conftest import Streams, eventually
from tests.integration.reporting.streams.outside import CONTROL, EventsMissing, Outside
from tests.integration.reporting.streams.service import Service, at_work
from tests.integration.reporting.streams.test_scopes import help_of
from tests.runtime import Runtime


class One:
    """A stream of one partition, in which each test does what it likes."""

    def __init__(self, runtime: Runtime, topic: Topic, streams: Streams) -> None:
        self.runtime = runtime
        self.topic = topic
        self._streams = streams
        self._made = 0

    async def put(self, sequence: int, previous: int | None, area: str = "500101", body: bytes | None = b"") -> UUID:
        """A request for help; body: another one than its own."""
        self._made += 1
        event = help_of(self._made, area)
        value = event.model_dump_json().encode() if body == b"" else body
        await self._streams.put(self.topic, 0, sequence, previous, value, key=str(event.request_id))
        return event.request_id

    async def foreign(self) -> None:
        """A record that is no event."""
        await self._streams.put_raw(self.topic, 0, b"\x00", key="x")

    async def anew(self) -> None:
        """Deletes the topic, and makes it again."""
        self.runtime.delete_topic(self.topic)

        async def gone() -> bool:
            return self.topic.name not in self.runtime.admin.list_topics(timeout=5).topics

        await eventually(gone, "the topic is deleted")
        self.runtime.create_topic(HELP_UPDATED, self.topic.name.removeprefix(HELP_UPDATED.name + "-"), partitions=1)

    def expire(self, before: int) -> None:
        """Has Kafka forget what lies before an offset."""
        place = TopicPartition(self.topic.name, 0, before)
        for answer in self.runtime.admin.delete_records([place]).values():
            answer.result(15)


@pytest.fixture
async def one(runtime: Runtime, producer: AIOKafkaProducer) -> One:
    """A fresh one."""
    topic = runtime.create_topic(HELP_UPDATED, partitions=1)
    return One(runtime, topic, Streams(producer, [topic]))


@pytest.fixture(scope="module")
def producer(streams: Streams) -> AIOKafkaProducer:
    """Writes to any stream."""
    return streams.producer


@pytest.fixture
async def service(
    kafka: KafkaSettings, pool: Pool, clock: MovableClock, one: One, assets: Path
) -> AsyncIterator[Service]:
    """The service, with this one stream."""
    async with at_work(kafka, pool, clock, [one.topic], assets) as service:
        yield service


@pytest.fixture(params=["", "50"], ids=["country", "province"])
async def reader(request: pytest.FixtureRequest, service: Service, one: One) -> AsyncIterator[Outside]:
    """A subscriber of the country, or of a province."""
    async with service.client(f"external_system@{request.param}") as client:
        yield Outside(client, one.topic.name)


async def taken(reader: Outside) -> list[str]:
    """The reasons of the gaps that are told from here to the end."""
    reader.gaps.clear()
    await reader.to_the_end()
    return [gap["reason"] for gap in reader.gaps]


async def test_an_event_that_is_missing(one: One, reader: Outside) -> None:
    """The rule finds it, and the feed says it before. Who goes on behind the gap gets the rest, and no gap again."""
    await one.put(2, None)
    await one.put(5, 3)  # the one with 3 never came
    await one.put(6, 5)
    with pytest.raises(EventsMissing):
        await reader.to_the_end()
    assert [gap["reason"] for gap in reader.gaps] == ["events_missing"]
    assert len(reader.kept.ids) == 1
    reader.kept.last.clear()  # given up by the subscriber: he begins his chain anew
    reader.kept.last[0] = 5
    reader.kept.number += 1
    reader.repetitions = 0
    found = [event async for event in reader.lines()]
    told = [event for event in found if not event["type"].startswith(CONTROL)]
    assert [int(event["number"]) for event in told] == [3, 4]
    assert int(told[1]["previous"]) == int(told[0]["sequence"])
    assert [event["type"] for event in found if event["type"].startswith(CONTROL)] == [CONTROL + "end.v1"]


async def test_what_is_published_again_comes_once(one: One, reader: Outside) -> None:
    """As after a relay's death: the same numbers, at other offsets, however the reading is cut."""
    numbers = [(2, None), (4, 2), (2, None), (4, 2), (6, 4), (4, 2), (6, 4), (9, 6)]
    ids = {sequence: await one.put(sequence, previous) for sequence, previous in numbers}
    assert len(ids) == 4
    while not await reader.once(limit=1):
        pass
    assert (len(reader.kept.ids), reader.kept.number, reader.gaps) == (4, 4, [])


async def test_a_stream_made_anew(one: One, reader: Outside) -> None:
    """Told; what the publisher puts there once more is not told again, and what comes next is."""
    ids = [await one.put(sequence, sequence - 1 or None) for sequence in (1, 2, 3)]
    assert await taken(reader) == []
    await one.anew()
    told = await taken(reader)  # at once, since the other topic is shorter than what was read
    assert told == ["topic_recreated"]
    for sequence in (1, 2, 3, 4):
        await one.put(sequence, sequence - 1 or None)
    assert await taken(reader) == []
    assert (len(reader.kept.ids), reader.kept.number) == (4, 4)
    assert await taken(reader) == []
    assert len(ids) == 3


async def test_a_stream_made_anew_without_what_was_in_it(one: One, reader: Outside) -> None:
    """The other topic's first event does not go on behind what was told: that is missing, and is told so."""
    await one.put(1, None)
    assert await taken(reader) == []
    await one.anew()
    await one.put(10**15, 2)

    async def told() -> bool:
        try:
            await taken(reader)
        except EventsMissing:
            return True
        return False

    await eventually(told, "what is missing is told")
    assert [gap["reason"] for gap in reader.gaps] == ["topic_recreated", "events_missing"]


async def test_records_that_are_gone(one: One, reader: Outside) -> None:
    """Kafka forgot what comes next, for a cursor and from the start."""
    for sequence in range(1, 9):
        await one.put(sequence, sequence - 1 or None)
    await reader.once(limit=2)
    one.expire(5)
    with pytest.raises(EventsMissing):
        await reader.to_the_end()
    assert [gap["reason"] for gap in reader.gaps] == ["records_gone", "events_missing"]
    again = Outside(reader.client, reader.stream)
    with pytest.raises(EventsMissing):
        await again.to_the_end()
    assert [gap["reason"] for gap in again.gaps] == ["records_gone", "events_missing"]


async def test_what_cannot_be_read(one: One, reader: Outside) -> None:
    """An event's place in the chain without an event is a gap; what never had a place is nobody's."""
    await one.put(1, None)
    await one.foreign()
    await one.put(2, 1)
    assert await taken(reader) == []
    for number, body in enumerate((b"{", None, b'{"area":"500101","x":"\xff"}', b'{"kind":"medicine"}'), 3):
        await one.put(number, number - 1, body=body)
    after = await one.put(7, 6)
    with pytest.raises(EventsMissing):
        await reader.to_the_end()
    assert [gap["reason"] for gap in reader.gaps] == ["unreadable"] * 4
    rest = [event async for event in reader.lines()]
    assert [e["subject"] for e in rest if not e["type"].startswith(CONTROL)] == [str(after)]


async def test_a_body_on_several_lines_stays_one_event(one: One, reader: Outside) -> None:
    """JSON is JSON; a line of the answer is an event all the same."""
    event = HelpUpdated.model_dump_json(help_of(1, "500101"), indent=2).encode()
    await one.put(1, None, body=event)
    found = [event async for event in reader.lines()]
    assert [e["data"]["area"] for e in found if not e["type"].startswith(CONTROL)] == ["500101"]


async def test_elsewhere_events_are_missing_too(service: Service, one: One) -> None:
    """Whose they were nobody can know: a subscriber of an area is told as well, and of no area."""
    await one.put(1, None, "500101")
    await one.put(2, 1, "100101")
    await one.put(4, 3, "100101")
    await one.put(5, 4, "500101")
    async with service.client("external_system@50") as client:
        reader = Outside(client, one.topic.name)
        with pytest.raises(EventsMissing):
            await reader.to_the_end()
        assert [(gap["reason"], gap["partition"]) for gap in reader.gaps] == [("events_missing", 0)]


async def test_kafka_does_not_have_the_stream(service: Service, one: One) -> None:
    """A topic that was deleted is away, not empty."""
    async with service.client() as client:
        await Outside(client, one.topic.name).to_the_end()
        one.runtime.delete_topic(one.topic)

        async def away() -> bool:
            answer: httpx.Response = await client.get(f"/v1/streams/{one.topic.name}/events")
            return answer.status_code == 503 and "Retry-After" in answer.headers

        await eventually(away, "the stream is away")


async def test_without_kafka_it_is_said_so(
    tmp_path: Path, pool: Pool, clock: MovableClock, one: One, assets: Path
) -> None:
    """Within the time of one request to Kafka, and nothing is left open."""
    (tmp_path / "password").write_text("x")
    nowhere = KafkaSettings(bootstrap="127.0.0.1:9", username="x", password_file=tmp_path / "password")
    async with at_work(nowhere, pool, clock, [one.topic], assets) as service, service.client() as client:
        for begin in ("start", "end"):
            answer = await client.get(f"/v1/streams/{one.topic.name}/events", params={"from": begin})
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
        assert service.streams.gate.open == 0
