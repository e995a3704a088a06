"""From the start, from a time, from a cursor; in each form; every event once, whoever is killed or started again."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from services.reporting.store import Pool
from shared.contracts.events import SurveySubmitted
from shared.contracts.topics import Topic
from shared.kafka.consumer import PositionedConsumer
from shared.kafka.settings import KafkaSettings
from shared.observability.clock import MovableClock
from tests.integration.reporting.conftest import NOW, Streams, eventually, rows
from tests.integration.reporting.streams.outside import CONTROL, COUNTS, Outside
from tests.integration.reporting.streams.service import Service, start
from tests.integration.reporting.test_figures import submitted
from tests.unit.reporting.campaigns import campaign

EVENTS = [submitted(event) for event in campaign(seed=29, length=300).events]
HALF = len(EVENTS) // 2


@pytest.fixture(scope="module", autouse=True)
async def written(streams: Streams) -> Topic:
    """The campaign in its stream: one half now, the other an hour later."""
    for number, event in enumerate(EVENTS):
        time = NOW + timedelta(hours=number >= HALF)
        await streams.write(event, key=str(event.household_id), time=time)
    return streams.of(SurveySubmitted)


def data_of(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The bodies of the events proper."""
    return [event["data"] for event in events if not event["type"].startswith(CONTROL)]


def submissions(events: list[dict[str, Any]]) -> list[str]:
    """Which submissions they are about, sorted."""
    return sorted(data["submission_id"] for data in data_of(events))


EXPECTED = sorted(str(event.submission_id) for event in EVENTS)


async def test_from_the_start_everything_once_and_in_order(service: Service, written: Topic) -> None:
    """Each body is the publisher's; each household's events come in order; the stream's end is told."""
    async with service.client() as client:
        events = [event async for event in Outside(client, written.name).lines(limit=1000)]
        assert submissions(events) == EXPECTED
        assert events[-1]["type"] == CONTROL + "end.v1"
        by_id = {str(event.submission_id): event for event in EVENTS}
        for data in data_of(events):
            assert SurveySubmitted.model_validate(data) == by_id[data["submission_id"]]
        of_house: dict[str, int] = {}
        for data in data_of(events):
            assert of_house.get(data["household_id"], 0) < data["revision"]
            of_house[data["household_id"]] = data["revision"]
        numbers = [int(event["number"]) for event in events[:-1]]
        assert numbers == list(range(1, len(EVENTS) + 1))


async def test_from_a_time_what_came_since(service: Service, written: Topic) -> None:
    """Kafka's index of times decides; the numbers begin anew, and by the sequence rule nothing is missing."""
    since = (NOW + timedelta(minutes=30)).isoformat()
    late = sorted(str(event.submission_id) for event in EVENTS[HALF:])
    async with service.client() as client:
        for begin in (since, since.replace("+00:00", "Z"), since.replace("+00:00", "+07:00").replace("T02", "T09")):
            outside = Outside(client, written.name, start=begin)
            assert submissions([event async for event in outside.lines()]) == late
        await outside.to_the_end(limit=11)
        assert (len(outside.kept.ids), outside.kept.number, outside.gaps) == (len(late), len(late), [])
        for begin in ("end", (NOW + timedelta(days=1)).isoformat()):
            outside = Outside(client, written.name, start=begin)
            assert submissions([event async for event in outside.lines()]) == []
        early = [event async for event in Outside(client, written.name, start="1969-01-01T00:00:00Z").lines()]
        assert submissions(early) == EXPECTED


async def test_from_a_cursor_what_lies_behind_it(service: Service, written: Topic) -> None:
    """In pages of any size."""
    async with service.client() as client:
        outside = Outside(client, written.name)
        for limit in (1, 7, 100):
            await outside.once(limit=limit)
            assert len(outside.kept.ids) == outside.kept.number
        assert len(outside.kept.ids) == 108
        await outside.to_the_end(limit=13)
        assert (len(set(outside.kept.ids)), outside.repetitions, outside.gaps) == (len(EVENTS), 0, [])


async def test_the_three_forms_say_the_same(service: Service, written: Topic) -> None:
    """And a published library of CloudEvents reads them, attributes and data."""
    url, decoder = f"/v1/streams/{written.name}/events", JSONFormat()
    found: dict[str, list[str]] = {}
    async with service.client() as client:
        for form in ("application/x-ndjson", "application/cloudevents-batch+json"):
            response = await client.get(url, headers={"Accept": form})
            assert (response.status_code, response.headers["content-type"]) == (200, form)
            assert response.headers["cache-control"] == "no-store"
            found[form] = response.text.splitlines() if "ndjson" in form else [*map(json.dumps, response.json())]
        async with client.stream("GET", url, headers={"Accept": "text/event-stream"}) as response:
            assert response.headers["content-type"].startswith("text/event-stream")
            found["text/event-stream"] = [line async for line in _data_to_the_end(response)]
    assert {form: len(lines) for form, lines in found.items()} == dict.fromkeys(found, len(EVENTS) + 1)
    bodies = {str(event.submission_id): json.loads(event.model_dump_json()) for event in EVENTS}
    for lines in found.values():
        events = [decoder.read(CloudEvent, line) for line in lines]
        assert events[-1].get_type() == CONTROL + "end.v1"
        for event in events[:-1]:
            data = event.get_data()
            assert isinstance(data, dict)
            assert data == bodies.pop(data["submission_id"])
            assert event.get_type() == "care.jitasa.survey-submitted.v1"
            assert event.get_subject() == data["household_id"]
            assert event.get_dataschema() == written.dataschema
            assert len(event.get_extension("sequence")) == len(event.get_extension("number")) == 20
            assert event.get_extension("partition") in range(written.partitions)
        assert bodies == {}
        bodies = {str(event.submission_id): json.loads(event.model_dump_json()) for event in EVENTS}


async def _data_to_the_end(response: httpx.Response) -> AsyncIterator[str]:
    """What server-sent events say, until they tell of the stream's end."""
    async for line in response.aiter_lines():
        if line.startswith("data: "):
            yield line[6:]
            if CONTROL + "end" in line:
                return


async def test_every_event_once_whoever_is_killed(
    kafka: KafkaSettings,
    pool: Pool,
    clock: MovableClock,
    topics: tuple[Topic, ...],
    assets: Path,
    written: Topic,
    client: httpx.AsyncClient,
    projector: PositionedConsumer,
    settled: Callable[[], Awaitable[None]],
) -> None:
    """The consumer drops what it did since the last cursor, the service starts again in the middle of an answer, and
    the sums are reporting's own, for the country and for a province."""
    random = Random(5)
    service = await start(kafka, pool, clock, topics, assets)
    port = service.port
    consumers = {area: Outside(service.client(), written.name, area or None) for area in ("", "50")}
    ended: set[str] = set()
    kills = starts = 0
    while len(ended) < len(consumers):
        for area, consumer in consumers.items():
            if area in ended:
                continue
            working, left = consumer.kept.copy(), random.randint(1, 30)
            async with aclosing(consumer.lines(limit=random.randint(1, 20))) as lines:
                async for event in lines:
                    working, at_end = consumer.take(working, event)
                    if at_end:
                        ended.add(area)
                    left -= 1
                    if left == 0:
                        kills += 1
                        break
                if starts < 3 and kills == (2, 4, 7)[starts]:
                    starts += 1
                    await service.stop()
                    service = await start(kafka, pool, clock, topics, assets, port=port)
    assert (kills > 8, starts) == (True, 3)
    await settled()
    for area, consumer in consumers.items():
        wanted = [event for event in EVENTS if event.area.startswith(area)]
        assert len(consumer.kept.ids) == len(set(consumer.kept.ids)) == len(wanted)
        assert (consumer.repetitions, consumer.gaps) == (0, [])
        ours = await rows(
            client,
            "/v1/coverage",
            params={"area": area, "level": "subdistrict"},
            headers={"Authorization": f"Bearer central_administrator@{area}"},
        )
        figures = {code: row for code, row in ours.items() if row["submissions"]}
        assert figures.keys() == consumer.kept.sums.keys()
        for code, sums in consumer.kept.sums.items():
            for count in ("submissions", *COUNTS):
                assert figures[code][count] == sums[count], (code, count)
        await consumer.client.aclose()
    await service.stop()


async def test_who_asks_for_it_waits_for_the_next_event(service: Service, streams: Streams, written: Topic) -> None:
    """An answer with nothing in it waits, says so meanwhile, and ends with the first event that comes."""
    async with service.client() as client:
        outside = Outside(client, written.name, start="end")
        await outside.to_the_end()
        asking = asyncio.create_task(_collect(outside, wait=20))
        waiting = service.streams.gate

        async def waits() -> bool:
            return waiting.open == 1

        await eventually(waits, "the question waits")
        event = EVENTS[0].model_copy(update={"revision": 1000})
        await streams.write(event, key=str(event.household_id), time=NOW + timedelta(hours=2))
        events = await asking
        assert [data["revision"] for data in data_of(events)] == [1000]
        assert events[-1]["type"] == CONTROL + "end.v1"
        outside.kept.cursor = events[-1]["data"]["cursor"]
        silent = await _collect(outside, wait=1)
        kinds = [event["type"].removeprefix(CONTROL) for event in silent]
        assert kinds[-1] == "end.v1"
        assert set(kinds[:-1]) == {"heartbeat.v1"}
        begun = asyncio.get_running_loop().time()
        assert [event["type"] for event in await _collect(outside)] == [CONTROL + "end.v1"]
        assert asyncio.get_running_loop().time() - begun < 1


async def _collect(outside: Outside, **more: Any) -> list[dict[str, Any]]:
    return [event async for event in outside.lines(**more)]
