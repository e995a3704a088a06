"""Server-sent events: coming back with Last-Event-ID, heartbeats, ends; and what bounds every reader."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest

from services.reporting.settings import StreamSettings
from services.reporting.store import Pool
from services.reporting.streams.gate import Gate
from shared.contracts.envelope import HeaderWriter
from shared.contracts.events import HelpUpdated
from shared.contracts.topics import Topic
from shared.kafka.settings import KafkaSettings
from shared.observability.clock import MovableClock
from shared.web.problems import Problem
from tests.integration.reporting.conftest import NOW, Streams, eventually
from tests.integration.reporting.streams.outside import CONTROL, Kept, Outside
from tests.integration.reporting.streams.service import SETTINGS, Accounts, Service, at_work
from tests.integration.reporting.streams.test_scopes import help_of
from tests.runtime import Runtime

EVENTS = 120
PATIENCE_SECONDS = 20


@pytest.fixture(scope="module", autouse=True)
async def written(streams: Streams) -> Topic:
    """Requests for help in two provinces, in turn."""
    for number in range(EVENTS):
        await write(streams, number)
    return streams.of(HelpUpdated)


async def write(streams: Streams, number: int) -> None:
    """One of them."""
    event = help_of(number, "500101" if number % 2 else "100101")
    await streams.write(event, key=str(event.request_id))


@dataclass
class Said:
    """One server-sent event."""

    id: str
    name: str
    event: dict[str, Any]


class Following:
    """Reads an open stream."""

    def __init__(self, response: httpx.Response) -> None:
        self._lines = response.aiter_lines()

    async def block(self) -> dict[str, str]:
        """The fields up to the next empty line; raises StopAsyncIteration at the end."""
        fields = {}
        async with asyncio.timeout(PATIENCE_SECONDS):
            while line := await anext(self._lines):
                name, _, value = line.partition(": ")
                fields[name] = value
        return fields

    async def next(self) -> Said:
        """The next event that has data."""
        while "data" not in (fields := await self.block()):
            assert fields == {"retry": "2000"}
        return Said(fields["id"], fields.get("event", "message"), json.loads(fields["data"]))

    async def ended(self) -> None:
        """Returns when the stream has come to an end, in order."""
        with suppress(StopAsyncIteration):
            while True:
                await self.next()

    async def until(self, name: str) -> list[Said]:
        """What is said up to an event of that name."""
        found = [await self.next()]
        while found[-1].name != name:
            found.append(await self.next())
        return found


@asynccontextmanager
async def following(
    client: httpx.AsyncClient, topic: Topic, last_event_id: str | None = None, **parameters: str
) -> AsyncIterator[Following]:
    """An open stream."""
    headers = {"Accept": "text/event-stream"} | ({} if last_event_id is None else {"Last-Event-ID": last_event_id})
    url = f"/v1/streams/{topic.name}/events"
    async with client.stream("GET", url, params=parameters, headers=headers) as response:
        assert response.status_code == 200, await response.aread()
        yield Following(response)


async def test_who_is_cut_off_goes_on_behind_the_last_event(service: Service, streams: Streams, written: Topic) -> None:
    """At any event, again and again, with the address of the beginning: each event once, old ones and new ones."""
    random = Random(3)
    async with service.client("external_system@50") as client:
        outside, last, ended = Outside(client, written.name), None, False
        working = Kept()
        while not ended:
            async with following(client, written, last, **{"from": "start"}) as stream:
                for _ in range(random.randint(1, 15)):
                    said = await stream.next()
                    last = said.id
                    working, ended = outside.take(working, said.event)
                    if ended:
                        break
        assert len(outside.kept.ids) == EVENTS // 2
        async with following(client, written, last, **{"from": "start"}) as stream:
            assert (await stream.next()).name == "end"
            for number in range(1_000, 1_006):
                await write(streams, number)
            while len(working.ids) < EVENTS // 2 + 3:
                working, _ = outside.take(working, (await stream.next()).event)
        assert (outside.repetitions, outside.gaps, working.number) == (0, [], EVENTS // 2 + 3)


async def test_silence_is_broken_by_heartbeats_that_say_where_one_is(service: Service, written: Topic) -> None:
    """Their cursors are as good as any."""
    async with service.client() as client:
        async with following(client, written, **{"from": "end"}) as stream:
            assert (await stream.next()).name == "end"
            beats = [await stream.next() for _ in range(2)]
            assert [beat.name for beat in beats] == ["heartbeat", "heartbeat"]
            assert beats[0].event["type"] == CONTROL + "heartbeat.v1"
            assert beats[0].event["data"]["cursor"] == beats[0].id
        async with following(client, written, beats[1].id) as stream:
            assert (await stream.next()).name == "end"


async def test_who_may_no_longer_read_is_cut_off(service: Service, written: Topic, clock: MovableClock) -> None:
    """A suspended account at once, whatever its token says; everybody with his token."""
    account = "external_system@50@suspended"
    async with service.client(account) as client, following(client, written, **{"from": "end"}) as stream:
        await stream.until("heartbeat")
        service.accounts.suspended.add(Accounts.subject(account))
        await stream.ended()
        refused = await client.get(f"/v1/streams/{written.name}/events")
        assert (refused.status_code, refused.json()["code"]) == (401, "holder_suspended")
    async with service.client() as client, following(client, written, **{"from": "end"}) as stream:
        await stream.until("heartbeat")
        clock.advance(timedelta(minutes=16))
        await stream.ended()
        clock.advance(timedelta(minutes=-16))


async def test_a_stop_ends_open_answers_in_order(
    kafka: KafkaSettings, pool: Pool, clock: MovableClock, topics: tuple[Topic, ...], assets: Path, written: Topic
) -> None:
    """Those that follow and those that wait: with a cursor, at once."""
    async with at_work(kafka, pool, clock, topics, assets) as service, service.client() as client:
        outside = Outside(client, written.name, start="end")
        async with following(client, written, **{"from": "end"}) as stream:
            await stream.until("heartbeat")
            waiting = asyncio.create_task(outside.once(wait=50))

            async def both_open() -> bool:
                return service.streams.gate.open == 2

            await eventually(both_open, "both are open")
            began = asyncio.get_running_loop().time()
            stopping = asyncio.create_task(service.stop())
            await stream.ended()
            assert await waiting is True
            await stopping
            assert asyncio.get_running_loop().time() - began < 5


async def test_one_subscriber_has_so_many_answers_and_all_of_them_so_many(service: Service, written: Topic) -> None:
    """Beyond that: later. Whoever leaves makes room."""
    async with service.client("external_system@@a") as a, service.client("external_system@@b") as b:
        url, headers = f"/v1/streams/{written.name}/events", {"Accept": "text/event-stream"}
        open_answers = [
            await each.send(each.build_request("GET", url, headers=headers), stream=True)
            for each in (a, b)
            for _ in range(SETTINGS.most_open_of_one)
        ]
        for client, status, code in (
            (a, 429, "too_many_open"),
            (service.client("external_system@@c"), 503, "streams_busy"),
        ):
            refused = await client.get(url)
            assert (refused.status_code, refused.json()["code"]) == (status, code)
            assert refused.headers["retry-after"]
            if client is not a:
                await client.aclose()
        for answer in open_answers:
            await answer.aclose()

        async def empty() -> bool:
            return service.streams.gate.open == 0

        await eventually(empty, "all have left")
        assert (await a.get(url)).status_code == 200


def test_the_gate_forgets_who_left() -> None:
    """Nobody is remembered for having been here."""
    gate, one = Gate(2, 1), Accounts.subject("one")
    with gate.entered(one), pytest.raises(Problem), gate.entered(one):
        pass
    assert (gate.open, len(gate._open)) == (0, 0)


async def test_a_slow_reader_is_cut_off_and_holds_nobody_up(
    kafka: KafkaSettings, pool: Pool, clock: MovableClock, runtime: Runtime, streams: Streams, assets: Path
) -> None:
    """With one reader for all: the others get everything while the slow one takes nothing."""
    topic = runtime.create_topic(streams.of(HelpUpdated), "slow", partitions=1)
    slow_streams = Streams(streams.producer, [topic])
    for number in range(6_000):
        event = help_of(number, "500101")
        body = event.model_dump_json()[:-1] + f', "filling": "{"x" * 1_000}"}}'
        _, sequence, previous = slow_streams.numbers(topic, "k")
        await slow_streams.producer.send(
            topic.name, body.encode(), partition=0, headers=headers_of(topic, sequence, previous)
        )
    await slow_streams.producer.flush()
    settings = StreamSettings(readers=1, most_open=5, most_open_of_one=5, send_seconds=1.0)
    async with at_work(kafka, pool, clock, [topic], assets, settings) as service:
        reader, writer = await asyncio.open_connection(sock=await slow_socket(service.port), limit=1024)
        question = (
            f"GET /v1/streams/{topic.name}/events?limit=100000 HTTP/1.1\r\nHost: reporting\r\n"
            "Authorization: Bearer external_system@\r\n\r\n"
        )
        writer.write(question.encode())
        await writer.drain()
        gate = service.streams.gate

        async def is_open() -> bool:
            return gate.open == 1

        await eventually(is_open, "the slow one is served")
        async with service.client() as client:
            quick = Outside(client, topic.name)
            await quick.to_the_end(limit=2_000)
            assert len(quick.kept.ids) == 6_000

        async def cut_off() -> bool:
            return gate.open == 0

        await eventually(cut_off, "the slow one is cut off")
        received = await asyncio.wait_for(reader.read(), 20)
        assert received.startswith(b"HTTP/1.1 200")
        assert not received.endswith(b"0\r\n\r\n"), "an answer that was cut off must not look whole"
        writer.close()


def headers_of(topic: Topic, sequence: int, previous: int | None) -> list[tuple[str, bytes]]:
    """Of an event."""
    writer = HeaderWriter(topic.source or "", topic.event_type or "", topic.dataschema or "")
    return writer.write(f"id-{sequence}", "k", NOW, sequence, previous)


async def slow_socket(port: int) -> socket.socket:
    """A machine that takes a few kilobytes and no more until it is read."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.setblocking(False)
    await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", port))
    return connection
