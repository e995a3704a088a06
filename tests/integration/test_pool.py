"""What a pooled connection carries over from who had it to who has it next, on a real PostgreSQL."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from shared.postgres.pool import Connection, acquire, fill, open_pool, session
from tests.runtime import Runtime

ECHO = "SELECT $1::int"
PLANS = "SELECT generic_plans, custom_plans FROM pg_prepared_statements WHERE statement = $1"
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


async def test_a_prepared_pool_keeps_its_connections_and_their_plans(runtime: Runtime) -> None:
    database = runtime.create_database("survey")

    async def prepare(connection: Connection) -> None:
        assert await connection.fetchval(ECHO, 0) == 0

    pool = await open_pool(database, application="test", min_size=0, max_size=2, prepare=prepare)
    try:
        await fill(pool)
        assert pool.get_idle_size() == pool.get_size() == 2
        async with acquire(pool) as one, acquire(pool) as other:
            for connection in (one, other):
                assert await connection.fetchval(ECHO, 7) == 7
                plans = await connection.fetchrow(PLANS, ECHO)
                assert plans is not None
                assert tuple(plans) == (2, 0)
    finally:
        pool.terminate()
        runtime.drop_database(database)


async def test_a_pool_is_filled_when_the_database_is_back(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.postgres.pool.FILL_AGAIN_SECONDS", 0.01)
    database, away = runtime.create_database("survey"), [1, 2]

    async def prepare(connection: Connection) -> None:
        if away:
            away.pop()
            raise asyncpg.CannotConnectNowError("the database system is starting up")

    pool = await open_pool(database, application="test", min_size=0, max_size=2, prepare=prepare)
    try:
        await fill(pool)
        assert (away, pool.get_size()) == ([], 2)
    finally:
        pool.terminate()
        runtime.drop_database(database)
