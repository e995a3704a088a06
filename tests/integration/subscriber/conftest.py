"""The subscriber's reference consumer as a process of its own, a stream and a database for it."""

import asyncio
import os
import random
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlencode
from uuid import uuid4

import asyncpg
import pytest

from deploy.local.home import CHECKOUT
from deploy.subscriber.synthetic import Sums, SyntheticStream
from shared.contracts.topics import SURVEY_SUBMITTED
from shared.kafka.producer import create_producer
from tests.contract.conftest import node_readers
from tests.runtime import Runtime

__all__ = ["node_readers"]

CONSUMER: Final = CHECKOUT / "deploy" / "subscriber" / "consumer.py"
PATIENCE_SECONDS: Final = 60.0


async def eventually(condition: Callable[[], Awaitable[bool]], what: str) -> None:
    """Waits until `condition` holds; fails when it takes too long."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not await condition():
        assert time.monotonic() < end, f"not in time: {what}"
        await asyncio.sleep(0.02)


@dataclass
class Subscriber:
    """The consumer as a process of its own, and its database."""

    environment: Mapping[str, str]
    database: asyncpg.Connection

    @asynccontextmanager
    async def running(self) -> AsyncIterator[asyncio.subprocess.Process]:
        """The process, killed at the end."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, str(CONSUMER)),
            cwd="/",
            env={"PATH": os.environ["PATH"], **self.environment},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()

    async def kill_in_transaction(self, process: asyncio.subprocess.Process) -> None:
        """Kills it after it has moved its position and before its sums have followed."""

        async def waits() -> bool:
            return bool(await self.value("SELECT count(*) > 0 FROM pg_locks WHERE NOT granted"))

        async with self.database.transaction():
            await self.database.execute("LOCK TABLE surveyed IN EXCLUSIVE MODE")
            await eventually(waits, "it wants to write its sums")
            process.kill()
            await process.wait()

    async def value(self, query: str) -> Any:
        """Of one's own tables; nothing before the consumer has made them."""
        try:
            return await self.database.fetchval(query)
        except asyncpg.UndefinedTableError:
            return None

    async def events(self) -> int:
        """How many events it has counted."""
        return int(await self.value("SELECT sum(events) FROM surveyed") or 0)

    async def caught_up(self, stream: SyntheticStream) -> bool:
        """Whether it has applied all that was made."""
        told = await self.value("SELECT json_object_agg(partition, last_sequence)::text FROM position")
        wanted = ", ".join(f'"{number}" : {stream.last[number]}' for number in sorted(stream.last))
        return told is not None and all(part in told for part in wanted.split(", "))

    async def sums(self) -> Sums:
        """What it has summed up."""
        return {row["area"]: tuple(row)[1:] for row in await self.database.fetch("SELECT * FROM surveyed")}


@pytest.fixture
async def stream(runtime: Runtime) -> AsyncIterator[SyntheticStream]:
    """A stream of its own, on a topic of its own."""
    topic = runtime.create_topic(SURVEY_SUBMITTED, partitions=3)
    producer = create_producer(runtime.kafka_settings())
    await producer.start()
    yield SyntheticStream(producer, topic, random.Random(9))
    await producer.stop()
    runtime.delete_topic(topic)


@pytest.fixture
async def database(runtime: Runtime) -> AsyncIterator[str]:
    """The URL of an empty database for a subscriber."""
    name = f"subscriber_{uuid4().hex[:8]}"
    runtime.stack.postgres.databases.create_database(name, owner="reporting")
    settings = runtime.postgres_settings("reporting", name)
    where = urlencode({"host": settings.host, "port": settings.port})  # the host is a socket's folder
    yield f"postgresql://reporting:{quote(settings.password)}@/{name}?{where}"
    runtime.drop_database(settings)


@pytest.fixture
async def subscriber(runtime: Runtime, stream: SyntheticStream, database: str) -> AsyncIterator[Subscriber]:
    """The reference consumer of the stream."""
    kafka = runtime.kafka_settings()
    told = kafka.for_librdkafka()
    environment = {
        "KAFKA_BOOTSTRAP": kafka.bootstrap,
        "KAFKA_USERNAME": kafka.username,
        "KAFKA_PASSWORD_FILE": str(kafka.password_file),
        "KAFKA_PROTOCOL": told["security.protocol"],
        "KAFKA_MECHANISM": told["sasl.mechanism"],
        "KAFKA_TOPIC": stream.topic.name,
        "DATABASE_URL": database,
    }
    connection = await asyncpg.connect(database)
    yield Subscriber(environment, connection)
    await connection.close()
