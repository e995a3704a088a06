"""What a database, its outbox and the connections to it say of themselves."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from prometheus_client import REGISTRY
from pydantic import BaseModel

from shared.contracts.topics import FACILITY_UPDATED
from shared.postgres import measuring, pool
from shared.postgres.outbox import append
from shared.postgres.pool import acquire, open_pool
from tests.runtime import Runtime


class Change(BaseModel):
    """An event's body, for an outbox to hold."""

    number: int


def told(name: str, **labels: str) -> float:
    """A metric's value."""
    value = REGISTRY.get_sample_value(name, labels)
    assert value is not None, name
    return value


async def test_an_outbox_shows_what_waits_and_since_when(runtime: Runtime) -> None:
    """Also while nobody publishes: a relay that waits for Kafka measures nothing itself."""
    settings = runtime.create_database("facilities")
    connections = await open_pool(settings, application="measured", max_size=2)
    try:
        async with acquire(connections) as connection:
            await measuring.measure_outbox(connection)
            assert (told("jitasa_outbox_depth"), told("jitasa_outbox_oldest_seconds")) == (0, 0)
            for number, minutes in ((1, 10), (2, 5)):
                time = datetime.now(UTC) - timedelta(minutes=minutes)
                event_id = UUID(int=number)
                await append(
                    connection, FACILITY_UPDATED, key="1", event=Change(number=number), event_id=event_id, time=time
                )
            await measuring.measure_outbox(connection)
            assert told("jitasa_outbox_depth") == 2
            assert 600 <= told("jitasa_outbox_oldest_seconds") < 660
            await connection.execute(
                "UPDATE outbox SET sequence = 1, published_at = now() WHERE event_id = $1", UUID(int=1)
            )
            await measuring.measure_outbox(connection)
            assert told("jitasa_outbox_depth") == 1
            assert 300 <= told("jitasa_outbox_oldest_seconds") < 360
    finally:
        await connections.close()


async def test_a_database_shows_its_size_its_sessions_and_its_oldest_transaction(runtime: Runtime) -> None:
    settings = runtime.create_database("facilities")
    connections = await open_pool(settings, application="measured", max_size=2)
    try:
        async with acquire(connections) as one, acquire(connections) as other:
            await measuring.measure(one)
            assert told("jitasa_database_transaction_seconds") == 0
            async with other.transaction():
                await other.execute("SELECT 1")
                await measuring.measure(one)
                assert told("jitasa_database_transaction_seconds") > 0
                assert told("jitasa_database_sessions", state="idle in transaction") == 1
            assert told("jitasa_database_bytes") > 1_000_000
    finally:
        await connections.close()


async def test_a_pool_shows_who_waits_and_who_waited_in_vain(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = runtime.create_database("facilities")
    connections = await open_pool(settings, application="scarce", max_size=1)

    def now() -> tuple[float, ...]:
        return tuple(told(f"jitasa_pool_{what}", pool="scarce") for what in ("most", "size", "in_use", "waiting"))

    async def use(connections: "asyncpg.Pool[Any]") -> None:
        async with acquire(connections):
            pass

    try:
        assert now() == (1, 1, 0, 0)
        async with acquire(connections):
            assert now() == (1, 1, 1, 0)
            second = asyncio.create_task(use(connections))
            await asyncio.sleep(0)
            assert now() == (1, 1, 1, 1)
            monkeypatch.setattr(pool, "ACQUIRE_SECONDS", 0.01)
            with pytest.raises(TimeoutError):
                await use(connections)
            assert told("jitasa_pool_timed_out_total", pool="scarce") == 1
        await second
        assert now() == (1, 1, 0, 0)
    finally:
        await connections.close()
