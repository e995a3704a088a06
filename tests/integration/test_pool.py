"""What a pooled connection carries over from who had it to who has it next, on a real PostgreSQL."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from shared.postgres.pool import acquire, open_pool, session
from tests.runtime import Runtime

LOCKED = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 7"


@pytest.fixture
async def pool(runtime: Runtime) -> "AsyncIterator[asyncpg.Pool[asyncpg.Record]]":
    """One single connection, so that whoever comes next has it."""
    database = runtime.create_database("survey")
    pool = await open_pool(database, application="test", max_size=1)
    yield pool
    pool.terminate()
    runtime.drop_database(database)


async def test_what_was_set_for_a_session_ends_with_it(pool: "asyncpg.Pool[asyncpg.Record]") -> None:
    async with session(pool) as connection:
        assert await connection.fetchval("SELECT pg_try_advisory_lock(7)")
        await connection.execute("SET work_mem = '1MB'")
        assert await connection.fetchval(LOCKED) == 1
    async with acquire(pool) as connection:
        assert await connection.fetchval(LOCKED) == 0
        assert await connection.fetchval("SHOW work_mem") != "1MB"


async def test_a_session_whose_connection_ended_is_followed_by_another(pool: "asyncpg.Pool[asyncpg.Record]") -> None:
    async with session(pool) as connection:
        connection.terminate()
    async with acquire(pool) as connection:
        assert await connection.fetchval("SELECT 1") == 1


async def test_nobody_inherits_an_open_transaction(pool: "asyncpg.Pool[asyncpg.Record]") -> None:
    async with acquire(pool) as connection:
        await connection.execute("BEGIN")
        await connection.execute("CREATE TABLE left_open ()")
    async with acquire(pool) as connection:
        assert not connection.is_in_transaction()
        assert await connection.fetchval("SELECT to_regclass('left_open')") is None
