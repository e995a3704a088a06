"""The machine's own limits, measured in the same run with the same bytes: what any figure is to be held against."""

import asyncio
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import httpx
import psutil

from deploy.local import ports
from shared.contracts.topics import SURVEY_INTAKE
from shared.kafka.producer import OrderedPublisher, OutgoingRecord
from tests.bench.load import Order, Outcome, ordered
from tests.bench.setting import Setting

BATCH_ROWS = 2_000
"""As many as the recorder takes at most in one transaction."""


async def kafka_produce(setting: Setting, values: Sequence[bytes], passes: int = 4) -> float:
    """Records a second into 24 partitions, acks=all, from ready bytes in large produce batches."""
    topic = setting.runtime.create_topic(SURVEY_INTAKE)
    partitions: dict[int, list[OutgoingRecord]] = {number: [] for number in range(topic.partitions)}
    for index, value in enumerate(values):
        partitions[index % topic.partitions].append(OutgoingRecord(b"%036d" % index, value, [], 0))
    async with OrderedPublisher(setting.runtime.kafka_settings()) as publisher:
        await publisher.publish(topic.name, partitions)
        started = time.perf_counter()
        for _ in range(passes):
            await publisher.publish(topic.name, partitions)
        return passes * len(values) / (time.perf_counter() - started)


WRITTEN_COLUMNS = """
SELECT attname FROM pg_attribute
WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
ORDER BY attnum
"""
"""Of a table: those that are generated from others cannot be written."""


async def postgres_copy(setting: Setting, service: str, table: str) -> float:
    """Rows a second of COPY into a table of the same shape, one transaction for each batch; rows are those of
    `table`."""
    async with setting.database(service) as pool, pool.acquire() as connection:
        columns = [row[0] for row in await connection.fetch(WRITTEN_COLUMNS, table)]
        some = await connection.fetch(f"SELECT {', '.join(columns)} FROM {table} LIMIT 40000")  # noqa: S608
        rows = [tuple(row) for row in some]
        await connection.execute(f"CREATE TABLE raw_copy (LIKE {table} INCLUDING ALL)")
        try:
            started = time.perf_counter()
            for start in range(0, len(rows), BATCH_ROWS):
                await connection.copy_records_to_table(
                    "raw_copy", records=rows[start : start + BATCH_ROWS], columns=columns
                )
            return len(rows) / (time.perf_counter() - started)
        finally:
            await connection.execute("DROP TABLE raw_copy")


async def postgres_upsert(setting: Setting, service: str, table: str, statement: str, columns: Sequence[str]) -> float:
    """Rows a second of the service's own upsert statement into an empty table of the same shape, in batches."""
    async with setting.database(service) as pool, pool.acquire() as connection:
        query = f"SELECT {', '.join(columns)} FROM {table} LIMIT 40000"  # noqa: S608
        rows: list[tuple[Any, ...]] = [tuple(row) for row in await connection.fetch(query)]
        await connection.execute(f"CREATE TABLE raw_upsert (LIKE {table} INCLUDING ALL)")
        try:
            started = time.perf_counter()
            for start in range(0, len(rows), BATCH_ROWS):
                batch = rows[start : start + BATCH_ROWS]
                await connection.execute(
                    statement.replace(f"INSERT INTO {table} ", "INSERT INTO raw_upsert "),
                    *map(list, zip(*batch, strict=True)),
                )
            return len(rows) / (time.perf_counter() - started)
        finally:
            await connection.execute("DROP TABLE raw_upsert")


async def http_echo(order: Order) -> Outcome:
    """The same load against a server that reads bodies and answers at once."""
    port = ports.free_base()
    server = await asyncio.create_subprocess_exec(sys.executable, "-m", "tests.bench.echo", str(port))
    try:
        async with asyncio.timeout(20), httpx.AsyncClient() as client:
            while True:
                with suppress(httpx.HTTPError):
                    await client.post(f"http://127.0.0.1:{port}/v1/submissions", content=b"{}")
                    break
                await asyncio.sleep(0.05)
        order.port = port
        return await ordered(order)
    finally:
        with suppress(psutil.NoSuchProcess):
            psutil.Process(server.pid).terminate()
        await server.wait()


async def postgres_query(
    setting: Setting, service: str, statement: str, arguments: Sequence[Any], seconds: float
) -> float:
    """Answers a second of one statement, asked over as many connections as the pool has, each again when answered."""
    async with setting.database(service) as pool:
        end = time.perf_counter() + seconds
        answered = 0

        async def ask() -> None:
            nonlocal answered
            async with pool.acquire() as connection:
                while time.perf_counter() < end:
                    await connection.fetch(statement, *arguments)
                    answered += 1

        await asyncio.gather(*(ask() for _ in range(pool.get_max_size())))
        return answered / seconds
