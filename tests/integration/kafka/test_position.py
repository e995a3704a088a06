"""Taking partitions over from a process that has stopped in the middle of sending rows, on a real PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from shared.kafka.position import STALLED_AFTER, end_stalled, take_over
from shared.postgres.pool import UNREACHABLE, acquire, open_pool
from tests.runtime import Runtime

COPYING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'ClientRead' AND query LIKE 'COPY %dead_letter%'"
PARTITIONS = {0: 0, 1: 0}
GIVEN_UP_SECONDS = 8.0
"""By who sends and hears nothing; what is asked of it before takes a fraction of a second."""


async def test_a_process_that_stopped_while_it_sent_rows_loses_its_locks(runtime: Runtime) -> None:
    database = runtime.create_database("survey")
    stopped = await open_pool(database, application="recorder", max_size=1)
    stranger = await open_pool(database, application="keeper", max_size=1)
    second = await open_pool(database, application="recorder", max_size=1)

    async def never_ending() -> AsyncIterator[bytes]:
        yield b"t"
        await asyncio.Event().wait()

    async def send() -> None:
        async with acquire(stopped) as connection, connection.transaction():
            await take_over(connection, "t", "one", PARTITIONS)
            await connection.copy_to_table("dead_letter", source=never_ending(), timeout=GIVEN_UP_SECONDS)

    sending = asyncio.create_task(send())
    try:
        async with acquire(stranger) as connection:
            async with asyncio.timeout(10):
                while await connection.fetchval(COPYING) == 0:
                    await asyncio.sleep(0.01)
            assert await end_stalled(connection, timedelta(0)) == 0, "of another kind"
        async with acquire(second) as connection:
            assert await end_stalled(connection, STALLED_AFTER) == 0, "it may still go on"
            assert await end_stalled(connection, timedelta(0)) == 1
            taken = await take_over(connection, "t", "one", PARTITIONS)
            assert [one.position.owner_epoch for one in taken] == [1, 1], "what it had not committed is gone"
        with pytest.raises(UNREACHABLE):
            await sending
    finally:
        sending.cancel()
        for pool in (stopped, stranger, second):
            pool.terminate()
        runtime.drop_database(database)
