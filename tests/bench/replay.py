"""What subscribers are handed over HTTP, beside a bare consumer of the same records in the same run."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from uuid import UUID

import httpx
from aiokafka import AIOKafkaConsumer, TopicPartition

from shared.contracts.events import Role
from shared.contracts.golden import examples
from shared.contracts.topics import SURVEY_SUBMITTED
from shared.kafka.producer import OrderedPublisher
from shared.security.tokens import TokenSigner
from tests.bench import cpu, streams
from tests.bench.report import Figure
from tests.bench.setting import Setting, setting

EVENTS = 100_000
"""In the stream, over all subdistricts: four seconds' reading at the rate that is asked for."""
PROVINCE = "30"
"""The one with the most subdistricts, a twenty-fifth of all."""
SUBSCRIBERS = 4
POLLED = 1_000
"""Events of one answer of those who ask again and again, which is what is given when nobody says how many."""
URL = f"/v1/streams/{SURVEY_SUBMITTED.name}/events"
NDJSON, SSE = {"Accept": "application/x-ndjson"}, {"Accept": "text/event-stream"}

Read = Callable[[httpx.AsyncClient, float], Awaitable[int]]
"""Reads the stream for so many seconds at the most; gives how many events came."""


async def run(seconds: float, show: Callable[[Figure], None]) -> None:
    """Reads the same stream in each way, for `seconds` at the most each."""
    with setting(("registration-http",)) as found:
        await fill(found)
        await found.start("reporting-http")
        raw = await bare(found, seconds)
        async with subscriber(found, "") as country, subscriber(found, PROVINCE) as province:
            await lines(country, 1.0)  # the connections to Kafka are open, and the key is there
            cases: Mapping[str, tuple[httpx.AsyncClient, Read, int]] = {
                "lines, one subscriber": (country, lines, 1),
                f"lines, {SUBSCRIBERS} subscribers at once": (country, lines, SUBSCRIBERS),
                f"lines, {POLLED} at a time by cursor": (country, polled, 1),
                "server-sent events, a cursor each": (country, followed, 1),
                "a province's events out of all": (province, lines, 1),
            }
            for name, (client, read, number) in cases.items():
                show(await measured(found, name, client, read, number, seconds, raw))


async def measured(
    found: Setting, case: str, client: httpx.AsyncClient, read: Read, number: int, seconds: float, raw: float
) -> Figure:
    """`number` readers at once. Of a province it is records looked at that count, not events that come."""
    before, started = cpu.usage(found.stack), time.perf_counter()
    counts = await asyncio.gather(*(read(client, seconds) for _ in range(number)))
    took, after = time.perf_counter() - started, cpu.usage(found.stack)
    records = EVENTS if "province" in case else sum(counts)
    notes = {"events": sum(counts), "records looked at": records}
    spent = cpu.microseconds(before, after, records)
    return Figure("replay", case, records / took, "records/s", {"a bare consumer": raw}, spent, {}, notes)


async def fill(found: Setting) -> None:
    """Surveys of as many households, as the recorder publishes them."""
    example = next(each for each in examples() if each.topic is SURVEY_SUBMITTED)
    body = example.event.model_dump(mode="json")
    async with OrderedPublisher(found.runtime.kafka_settings()) as publisher:
        records = streams.records(SURVEY_SUBMITTED, body, "household_id", EVENTS)
        await publisher.publish(SURVEY_SUBMITTED.name, records)


async def bare(found: Setting, seconds: float) -> float:
    """Records a second that aiokafka gives one consumer that does nothing with them."""
    consumer = AIOKafkaConsumer(**found.runtime.kafka_settings().for_aiokafka(), auto_offset_reset="earliest")
    await consumer.start()
    try:
        consumer.assign([TopicPartition(SURVEY_SUBMITTED.name, n) for n in range(SURVEY_SUBMITTED.partitions)])
        await consumer.getmany(timeout_ms=2_000, max_records=500)
        started, count = time.perf_counter(), 0
        while count < EVENTS - 500 and time.perf_counter() - started < seconds:
            count += sum(map(len, (await consumer.getmany(timeout_ms=200, max_records=500)).values()))
        return count / (time.perf_counter() - started)
    finally:
        await consumer.stop()


def subscriber(found: Setting, area: str) -> httpx.AsyncClient:
    """A system's client."""
    issuer = found.stack.environment("survey-http")["JITASA_TOKEN_ISSUER"]
    now = datetime.now(UTC)
    token = TokenSigner.from_file(found.stack.secrets.signing_keys, issuer=issuer).sign(
        subject=UUID(int=2),
        organisation=UUID(int=1),
        role=Role.EXTERNAL_SYSTEM,
        area=area,
        issued_at=now,
        expires_at=now + timedelta(hours=1),
    )
    url = f"http://127.0.0.1:{found.port('reporting-http')}"
    return httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=60)


async def lines(client: httpx.AsyncClient, seconds: float) -> int:
    """All in one answer."""
    return await _counted(client, {"limit": str(EVENTS)}, NDJSON, b'"sequence":', seconds)


async def followed(client: httpx.AsyncClient, seconds: float) -> int:
    """The same, as who stays would get it."""
    return await _counted(client, {}, SSE, b'"sequence":', seconds)


async def _counted(
    client: httpx.AsyncClient, parameters: Mapping[str, str], headers: Mapping[str, str], mark: bytes, seconds: float
) -> int:
    count, rest, end = 0, b"", time.perf_counter() + seconds
    async with client.stream("GET", URL, params=parameters, headers=headers) as response:
        response.raise_for_status()
        async for piece in response.aiter_raw():
            rest += piece
            count += rest.count(mark)
            if b"care.jitasa.stream.end" in rest or time.perf_counter() > end:
                break
            rest = rest[-len(mark) + 1 :]
    return count


async def polled(client: httpx.AsyncClient, seconds: float) -> int:
    """Answer after answer, each with the cursor of the one before."""
    count, end = 0, time.perf_counter() + seconds
    parameters = {"limit": str(POLLED)}
    while time.perf_counter() < end:
        body = (await client.get(URL, params=parameters, headers=NDJSON)).raise_for_status().content
        count += body.count(b'"sequence":')
        if b"care.jitasa.stream.end" in body:
            break
        cursor = body.rpartition(b'"cursor":"')[2].partition(b'"')[0].decode()
        parameters = {"limit": str(POLLED), "cursor": cursor}
    return count
