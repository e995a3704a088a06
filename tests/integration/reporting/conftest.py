"""A reporting service on a real, freshly migrated database and on streams of its own in a real Kafka."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4, uuid5

import asyncpg
import httpx
import pytest
from aiokafka import AIOKafkaProducer
from pydantic import BaseModel

from services.reporting.ends import StreamEnds
from services.reporting.live import LiveStream
from services.reporting.processes.http import create
from services.reporting.projector import TOPICS, FiguresProjection
from services.reporting.settings import LiveSettings
from services.reporting.store import Pool
from shared.contracts.envelope import Envelope, to_headers
from shared.contracts.events import Role
from shared.contracts.topics import Topic
from shared.kafka.consumer import PositionedConsumer
from shared.kafka.producer import create_producer
from shared.kafka.projection import ProjectionHandler
from shared.kafka.settings import KafkaSettings
from shared.observability.clock import MovableClock
from shared.postgres.pool import open_pool
from shared.postgres.settings import PostgresSettings
from shared.security.principal import Principal
from shared.web.authentication import Authentication
from tests.runtime import Runtime

NOW = datetime(2022, 2, 7, 2, 0, tzinfo=UTC)
PARTITIONS = 3
PATIENCE_SECONDS = 30.0


async def eventually(condition: Callable[[], Awaitable[bool]], what: str) -> None:
    """Waits until `condition` holds; fails when it takes too long."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not await condition():
        assert time.monotonic() < end, f"not in time: {what}"
        await asyncio.sleep(0.05)


def noted_rests(monkeypatch: pytest.MonkeyPatch, module: str) -> list[tuple[float, float]]:
    """From now on a module's duty does not rest; how it would have is found here: how many times, seconds at most."""
    rests: list[tuple[float, float]] = []

    @asynccontextmanager
    async def noted(times: float, most_seconds: float) -> AsyncIterator[None]:
        yield
        rests.append((times, most_seconds))

    monkeypatch.setattr(f"{module}.resting", noted)
    return rests


class Tokens:
    """Takes `role@area` as a token: proving tokens is tested elsewhere."""

    async def verify(self, token: str) -> Principal:
        """The holder of `token`."""
        role, _, area = token.partition("@")
        return Principal(uuid5(UUID(int=0), token), UUID(int=7), Role(role), area, NOW + timedelta(minutes=15), "t")

    def is_barred(self, subject: UUID) -> bool:
        """Nobody."""
        return False


def as_role(role: Role, area: str) -> dict[str, str]:
    """The header of a request by somebody."""
    return {"Authorization": f"Bearer {role}@{area}"}


@dataclass
class Streams:
    """Public streams, written as their publishers write them: numbered per partition, key by key in the same one."""

    producer: AIOKafkaProducer
    topics: Sequence[Topic]

    def __post_init__(self) -> None:
        self._last: dict[tuple[str, int], int] = {}

    def of(self, model: type[BaseModel]) -> Topic:
        """The stream of these events."""
        return next(topic for topic in self.topics if topic.model is model)

    def numbers(self, topic: Topic, key: str) -> tuple[int, int, int | None]:
        """Partition, sequence and previous of the next event with this key."""
        partition = topic.partition_of(key)
        previous = self._last.get((topic.name, partition))
        sequence = (previous or 0) + 2  # sequences of a stream have holes
        self._last[topic.name, partition] = sequence
        return partition, sequence, previous

    async def write(self, event: BaseModel, *, key: str, time: datetime | None = None) -> None:
        """Publishes an event as the next one of its partition."""
        topic = self.of(type(event))
        partition, sequence, previous = self.numbers(topic, key)
        await self.put(topic, partition, sequence, previous, event.model_dump_json().encode(), key=key, time=time)

    async def put(
        self,
        topic: Topic,
        partition: int,
        sequence: int,
        previous: int | None,
        value: bytes | None,
        *,
        key: str = "",
        time: datetime | None = None,
    ) -> None:
        """Publishes any record with the headers of an event."""
        moment = time or NOW
        envelope = Envelope(
            id=str(uuid4()),
            source=topic.source or "",
            type=topic.event_type or "",
            subject=key or "k",
            time=moment,
            sequence=sequence,
            previous=previous,
            dataschema=topic.dataschema or "",
        )
        await self.put_raw(topic, partition, value, headers=to_headers(envelope), key=key, time=moment)

    async def put_raw(
        self,
        topic: Topic,
        partition: int,
        value: bytes | None,
        *,
        headers: Sequence[tuple[str, bytes]] = (),
        key: str = "",
        time: datetime = NOW,
    ) -> None:
        """Publishes any record at all."""
        await self.producer.send_and_wait(
            topic.name,
            value,
            key=key.encode(),
            partition=partition,
            headers=list(headers),
            timestamp_ms=int(time.timestamp() * 1000),
        )


@asynccontextmanager
async def fresh_pool(runtime: Runtime) -> AsyncIterator[Pool]:
    """Connections to a database of the caller's own."""
    database = runtime.create_database("reporting")
    pool = await open_pool(database, application="test")
    try:
        yield pool
    finally:
        pool.terminate()
        runtime.drop_database(database)


@pytest.fixture(scope="module")
def kafka(runtime: Runtime) -> KafkaSettings:
    """An administrator's access: the topics of the tests are nobody's in particular."""
    return runtime.kafka_settings()


@pytest.fixture(scope="module")
def database(runtime: Runtime) -> PostgresSettings:
    """The module's own database."""
    return runtime.create_database("reporting")


@pytest.fixture(scope="module")
async def pool(database: PostgresSettings) -> AsyncIterator[Pool]:
    """Connections to the module's own database."""
    pool = await open_pool(database, application="test")
    yield pool
    pool.terminate()


@pytest.fixture(scope="module")
def topics(runtime: Runtime) -> tuple[Topic, ...]:
    """The module's own streams."""
    return tuple(runtime.create_topic(topic, partitions=PARTITIONS) for topic in TOPICS)


@pytest.fixture(scope="module")
async def streams(kafka: KafkaSettings, topics: tuple[Topic, ...]) -> AsyncIterator[Streams]:
    """What is written to the module's own streams."""
    producer = create_producer(kafka)
    await producer.start()
    yield Streams(producer, topics)
    await producer.stop()


@asynccontextmanager
async def projecting(
    kafka: KafkaSettings, pool: Pool, topics: Sequence[Topic], group: str | None = None
) -> AsyncIterator[PositionedConsumer]:
    """A projector at work, by itself or in a group."""
    handler = ProjectionHandler(FiguresProjection(topics), topics)
    consumer = PositionedConsumer(kafka, pool, group=group or f"reporting-{uuid4()}", topics=topics, handler=handler)
    stopping = asyncio.Event()
    running = asyncio.create_task(consumer.run(stopping))
    try:
        yield consumer
    finally:
        stopping.set()
        await running


@pytest.fixture(scope="module")
async def projector(kafka: KafkaSettings, pool: Pool, topics: tuple[Topic, ...]) -> AsyncIterator[PositionedConsumer]:
    """The module's projector."""
    async with projecting(kafka, pool, topics) as consumer:
        yield consumer


@pytest.fixture(scope="module")
def clock() -> MovableClock:
    """The service's clock."""
    return MovableClock(NOW)


@pytest.fixture(scope="module")
def ends(kafka: KafkaSettings, pool: Pool, topics: tuple[Topic, ...], clock: MovableClock) -> StreamEnds:
    """Measures where the module's streams end."""
    return StreamEnds(kafka, pool, topics, clock)


@pytest.fixture(scope="session")
def assets(runtime: Runtime) -> Iterator[Path]:
    """The `node_modules` folder, which processes are told by their environment."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JITASA_ASSETS", str(runtime.stack.tools.assets))
        yield runtime.stack.tools.assets


@pytest.fixture(scope="module")
def settled(pool: Pool, ends: StreamEnds) -> Callable[[], Awaitable[None]]:
    """Waits until everything written has been applied."""

    async def nothing_waits() -> bool:
        return await lag(pool) == 0

    async def wait() -> None:
        await ends.measure()
        await eventually(nothing_waits, "the projector has applied everything")

    return wait


async def lag(pool: "asyncpg.Pool[asyncpg.Record]") -> int:
    """Records between the positions and the measured ends."""
    return int(
        await pool.fetchval(
            "SELECT coalesce(sum(e.end_offset - coalesce(p.next_offset, 0)), 0) "
            "FROM stream_end e LEFT JOIN consumer_position p USING (topic, partition)"
        )
    )


@pytest.fixture(scope="module")
async def client(
    pool: Pool, clock: MovableClock, topics: tuple[Topic, ...], assets: Path
) -> AsyncIterator[httpx.AsyncClient]:
    """The service's HTTP application, asked without a token."""
    tokens = Tokens()
    settings = LiveSettings()
    app = create(
        pool,
        Authentication(tokens, tokens),
        clock,
        LiveStream(settings.max_viewers),
        settings,
        ready=list,
        assets=assets,
        topics=topics,
    )
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://reporting", headers={"Accept-Language": "en"}
    ) as client:
        yield client


async def rows(client: httpx.AsyncClient, path: str, **arguments: Any) -> dict[str, dict[str, Any]]:
    """The rows of an answer by area."""
    response = await client.get(path, **arguments)
    assert response.status_code == 200, response.text
    found: Sequence[Mapping[str, Any]] = response.json()["rows"]
    return {row["area"]: dict(row) for row in found}
