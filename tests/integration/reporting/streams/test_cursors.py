"""What is answered to cursors and beginnings that cannot be used, and what a cursor outlives."""

import base64
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from services.reporting.store import Pool
from shared.contracts.events import HelpUpdated, SurveySubmitted
from shared.contracts.topics import Topic
from shared.kafka.settings import KafkaSettings
from shared.observability.clock import MovableClock
from tests.integration.reporting.conftest import Streams
from tests.integration.reporting.streams.outside import Outside
from tests.integration.reporting.streams.service import Service, at_work
from tests.integration.reporting.streams.test_scopes import HELP


@pytest.fixture(scope="module", autouse=True)
async def written(streams: Streams) -> None:
    """Some requests for help."""
    for event in HELP:
        await streams.write(event, key=str(event.request_id))


@pytest.fixture
async def client(service: Service) -> AsyncIterator[httpx.AsyncClient]:
    """A subscriber of the whole country."""
    async with service.client() as client:
        yield client


@pytest.fixture
async def cursor(client: httpx.AsyncClient, streams: Streams) -> str:
    """One of the country's, behind five events."""
    outside = Outside(client, streams.of(HelpUpdated).name)
    await outside.once(limit=5)
    assert outside.kept.cursor is not None
    return outside.kept.cursor


def faults(answer: httpx.Response) -> Sequence[tuple[str, str]]:
    """The fields that a problem names, with their codes."""
    assert answer.status_code == 400, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    return [(error["path"], error["code"]) for error in answer.json()["errors"]]


async def test_each_fault_is_named(client: httpx.AsyncClient, streams: Streams, cursor: str, service: Service) -> None:
    """In English and Thai: whose cursor it is, or that it is none."""
    url = f"/v1/streams/{streams.of(HelpUpdated).name}/events"

    async def fault(**parameters: Any) -> Sequence[tuple[str, str]]:
        return faults(await client.get(url, params=parameters))

    for number in range(0, len(cursor), 37):  # changed anywhere, it is nobody's
        changed = cursor[:number] + ("A" if cursor[number] != "A" else "B") + cursor[number + 1 :]
        expected = "not_a_cursor"
        assert await fault(cursor=changed) == [("cursor", expected)], number
    for nonsense in ("", "1", "x", cursor[:-4], cursor + "AAAA", cursor + "=", "1" + "ก" * 40, "1" + "A" * 900):
        assert await fault(cursor=nonsense) == [("cursor", "not_a_cursor")], nonsense
    plain = "1" + base64.urlsafe_b64encode(b"\x00" * 64).decode().rstrip("=")
    assert await fault(cursor=plain) == [("cursor", "not_a_cursor")]
    assert await fault(cursor="2" + cursor[1:]) == [("cursor", "cursor_of_another_version")]
    assert await fault(cursor=cursor, area="50") == [("cursor", "cursor_of_another_area")]
    assert await fault(**{"cursor": cursor, "from": "start"}) == [("from", "beside_cursor")]
    other = await client.get(f"/v1/streams/{streams.of(SurveySubmitted).name}/events", params={"cursor": cursor})
    assert faults(other) == [("cursor", "cursor_of_another_stream")]
    for time in ("yesterday", "2022-01-15", "2022-01-15T09:30:00", "99999-01-01T00:00:00Z", ""):
        assert await fault(**{"from": time}) == [("from", "not_a_time")], time
    assert await fault(area="999999") == [("area", "unknown_area")]
    assert await fault(aera="50") == [("aera", "unknown_parameter")]
    batch = {"Accept": "application/cloudevents-batch+json"}
    assert faults(await client.get(url, params={"limit": 20_000}, headers=batch)) == [("limit", "too_large")]
    assert (await client.get(url, headers={"Accept": "text/html"})).status_code == 406
    events = {"Accept": "text/event-stream", "Last-Event-ID": "nonsense"}
    assert faults(await client.get(url, headers=events)) == [("Last-Event-ID", "not_a_cursor")]
    async with service.client("external_system@50") as other_client:  # the right cursor in the wrong hands
        foreign = await other_client.get(url, params={"cursor": cursor})
        assert (foreign.status_code, foreign.json()["code"]) == (403, "other_area")
    thai = await client.get(url, params={"cursor": "x"}, headers={"Accept-Language": "th"})
    assert "ตัวชี้ตำแหน่ง" in thai.json()["errors"][0]["message"]


async def test_a_cursor_outlives_processes_and_rebuilds(
    client: httpx.AsyncClient,
    streams: Streams,
    cursor: str,
    kafka: KafkaSettings,
    pool: Pool,
    clock: MovableClock,
    topics: tuple[Topic, ...],
    assets: Path,
) -> None:
    """Another process goes on where this one was, after all figures were thrown away as well."""
    stream = streams.of(HelpUpdated).name
    here = Outside(client, stream)
    here.kept.cursor = cursor
    rest = await _in_order(here)
    assert len(rest) == len(HELP) - 5
    await pool.execute("TRUNCATE help_request, help_count, consumer_position")
    async with at_work(kafka, pool, clock, topics, assets) as other, other.client() as another:
        there = Outside(another, stream)
        there.kept.cursor = cursor
        assert await _in_order(there) == rest


async def _in_order(outside: Outside) -> list[dict[str, Any]]:
    """The events by partition: how these are mixed, and with it `number`, is another affair at each reading."""
    events = [event async for event in outside.lines()][:-1]
    return sorted(({**event, "number": ""} for event in events), key=lambda one: (one["partition"], one["sequence"]))


async def test_cursors_tell_nothing(client: httpx.AsyncClient, streams: Streams, cursor: str) -> None:
    """Of where a reader is: what they hold is encrypted, the stream's name as well."""
    opened = base64.urlsafe_b64decode(cursor[1:] + "=" * (-len(cursor[1:]) % 4))
    assert streams.of(HelpUpdated).name.encode() not in opened
    assert len(cursor) < 500
