"""Connections to a service's own database, each wait bounded."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import TYPE_CHECKING, Final

import asyncpg

from shared.observability.metrics import POOL_IN_USE, POOL_MOST, POOL_SIZE, POOL_TIMED_OUT, POOL_WAITING
from shared.postgres.settings import PostgresSettings

CONNECT_SECONDS = 5.0
"""A local or neighbouring server answers in milliseconds; one that does not in this time is down."""
ACQUIRE_SECONDS = 5.0
"""Waiting longer for a free connection helps nobody: the request is refused and sent again."""
COMMAND_SECONDS = 30.0
"""The longest statements, a projector's batch and a national roll-up, take below one second; this only ends hung
ones."""
IDLE_SECONDS = 300.0
"""A connection that nobody needed for so long is ended: each takes some 5 MB of the server."""
FILL_AGAIN_SECONDS = 1.0
"""A database that was away is noticed this soon."""
LOCK_MILLISECONDS = 10_000
"""As long as PostgreSQL lets a stopped process hold a transaction open (idle_in_transaction_session_timeout)."""

if TYPE_CHECKING:  # asyncpg's own classes take no parameters when they run
    Connection = asyncpg.pool.PoolConnectionProxy[asyncpg.Record] | asyncpg.Connection[asyncpg.Record]
else:
    Connection = asyncpg.pool.PoolConnectionProxy | asyncpg.Connection

UNREACHABLE = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # a connection that broke between two steps of a statement
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.QueryCanceledError,
    asyncpg.LockNotAvailableError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.DiskFullError,
    asyncpg.OutOfMemoryError,
)
"""What a database that is down, restarting, out of connections, disk or time raises: wait and do it again."""

_KEPT_PLANS: Final = {
    "plan_cache_mode": "force_generic_plan",
    "max_parallel_workers_per_gather": "0",  # a few milliseconds of work are not divided
}
_names: Final[dict[int, str]] = {}
"""By the pool's id, since asyncpg's class takes no attributes; pools live as long as their process."""
_waiting: Final = Counter[str]()


async def open_pool(
    settings: PostgresSettings,
    *,
    application: str,
    min_size: int = 1,
    max_size: int = 10,
    search_path: str | None = None,
    prepare: Callable[[Connection], Awaitable[None]] | None = None,
) -> "asyncpg.Pool[asyncpg.Record]":
    """A pool whose connections carry `application` as their name.

    min_size: connections opened at once, so that a database that is away is noticed; 0 for who can do without it.
    search_path: schemas in which tables are looked for, if not the database's own.
    prepare: for few statements that are asked often, and whose plan does not depend on their arguments: asks them on
    each new connection, which plans each once, whatever it is given later, and is kept however long nobody needs it.
    max_size: four services of two processes with 10 each stay below the server's 100 connections.
    """
    pool = await asyncpg.create_pool(
        **settings.for_asyncpg(),
        min_size=min_size,
        max_size=max_size,
        timeout=CONNECT_SECONDS,
        command_timeout=COMMAND_SECONDS,
        max_inactive_connection_lifetime=IDLE_SECONDS if prepare is None else 0,
        server_settings={
            "application_name": application,
            "lock_timeout": str(LOCK_MILLISECONDS),
            "timezone": "UTC",
            **({} if search_path is None else {"search_path": search_path}),
            **({} if prepare is None else _KEPT_PLANS),
        },
        init=prepare,  # type: ignore[arg-type]  # asyncpg's stubs name a protocol that no coroutine function meets
        reset=_as_left,
    )
    _measure(pool, application)
    return pool


def _measure(pool: "asyncpg.Pool[asyncpg.Record]", name: str) -> None:
    """Nothing is counted while it is used: the figures are looked up when somebody asks for them."""
    _names[id(pool)] = name
    POOL_SIZE.labels(name).set_function(pool.get_size)
    POOL_MOST.labels(name).set_function(pool.get_max_size)
    POOL_IN_USE.labels(name).set_function(lambda: pool.get_size() - pool.get_idle_size())
    POOL_WAITING.labels(name).set_function(lambda: _waiting[name])


async def _as_left(connection: Connection) -> None:
    """Nothing. asyncpg would ask the server to forget the session's settings and locks each time a connection is given
    back, a round trip of every request; who has such uses `session`. An open transaction is ended all the same."""


@asynccontextmanager
async def acquire(pool: "asyncpg.Pool[asyncpg.Record]") -> AsyncIterator[Connection]:
    """A connection of the pool, for statements and transactions that leave nothing in the session; raises TimeoutError
    when none is free in time."""
    name = _names.get(id(pool), "")
    async with AsyncExitStack() as lent:
        _waiting[name] += 1
        try:
            connection = await lent.enter_async_context(pool.acquire(timeout=ACQUIRE_SECONDS))
        except TimeoutError:
            POOL_TIMED_OUT.labels(name).inc()
            raise
        finally:
            _waiting[name] -= 1
        yield connection


async def fill(pool: "asyncpg.Pool[asyncpg.Record]") -> None:
    """Opens all connections of a pool, so that nobody waits for it later; as soon as the database answers."""
    while True:
        try:
            async with AsyncExitStack() as lent:
                for _ in range(pool.get_max_size()):
                    await lent.enter_async_context(acquire(pool))
        except UNREACHABLE:
            await asyncio.sleep(FILL_AGAIN_SECONDS)
        else:
            return


@asynccontextmanager
async def session(pool: "asyncpg.Pool[asyncpg.Record]") -> AsyncIterator[Connection]:
    """As `acquire`, for who takes a lock or makes a setting of the session: at the end the server forgets them."""
    async with acquire(pool) as connection:
        try:
            yield connection
        finally:
            with suppress(asyncpg.InterfaceError):  # the connection has ended, and with it what was set
                await connection.reset(timeout=ACQUIRE_SECONDS)
