"""A real importer process, killed amid a write, is followed by another: nothing is lost, nothing is twice."""

import asyncio
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from deploy.local import ports
from services.facilities.importer import Importer
from services.facilities.store.imports import LEASE
from shared.observability.clock import MovableClock
from shared.postgres.pool import acquire, open_pool
from shared.postgres.settings import PostgresSettings
from tests.integration.facilities.test_imports import Lists, events, listed, register
from tests.runtime import Runtime

Pool = Any
CHUNK = 1_000
ROWS = 1_200
"""When the second chunk is written, the first is committed (checking), or stands in the same transaction."""
AMID = 1_101
"""The row in whose write the process is killed."""
GATE = 2022
DEADLINE = 30.0
"""Seconds; a process needs two to start and to come so far, a busy machine some more."""

# Whoever writes the row waits as long as the test holds the gate, and nobody else.
CREATE_GATE = f"""
CREATE FUNCTION gate() RETURNS trigger LANGUAGE plpgsql AS
'BEGIN PERFORM pg_advisory_xact_lock_shared({GATE}); RETURN NEW; END';
CREATE TRIGGER gate BEFORE INSERT ON facility_import_row FOR EACH ROW WHEN (NEW.number = {AMID})
EXECUTE FUNCTION gate();
CREATE TRIGGER gate BEFORE INSERT OR UPDATE ON facility FOR EACH ROW WHEN (NEW.capacity = {AMID})
EXECUTE FUNCTION gate();
"""
WAITING_AT_GATE = """
SELECT count(*) FROM pg_locks
WHERE locktype = 'advisory' AND NOT granted
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
CONNECTED = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND application_name = 'facilities-importer'
"""


@pytest.fixture(scope="module")
def settings(runtime: Runtime) -> PostgresSettings:
    """The module's own database."""
    return runtime.create_database("facilities")


@pytest.fixture(scope="module")
async def pool(settings: PostgresSettings) -> AsyncIterator[Pool]:
    """Connections to it."""
    pool = await open_pool(settings, application="test")
    await pool.execute(CREATE_GATE)
    yield pool
    pool.terminate()


@pytest.fixture
def clock() -> MovableClock:
    """As the process, whose clock is the machine's, has it."""
    return MovableClock(datetime.now(UTC))


@pytest.fixture
def lists(client: httpx.AsyncClient, pool: Pool, clock: MovableClock) -> Lists:
    """Lists, and a worker that works on when it is told to."""
    return Lists(client, Importer(pool, clock))


async def until(done: Callable[[], Awaitable[bool]]) -> None:
    """Waits until something has come."""
    async with asyncio.timeout(DEADLINE):
        while not await done():
            await asyncio.sleep(0.02)


@asynccontextmanager
async def process(settings: PostgresSettings) -> AsyncIterator[asyncio.subprocess.Process]:
    """The service's own importer."""
    running = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "services.facilities.processes.importer"),
        env={
            "PATH": os.environ["PATH"],
            "JITASA_POSTGRES_HOST": settings.host,
            "JITASA_POSTGRES_PORT": str(settings.port),
            "JITASA_POSTGRES_DATABASE": settings.database,
            "JITASA_POSTGRES_USER": settings.user,
            "JITASA_POSTGRES_PASSWORD_FILE": str(settings.password_file),
            "JITASA_HTTP_PORT": str(ports.free_base()),
        },
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        yield running
    finally:
        with suppress(ProcessLookupError):
            running.kill()
        await running.wait()


async def killed_amid(settings: PostgresSettings, pool: Pool) -> None:
    """Lets an importer come to the row and kills it there; when this returns, the database knows that it is gone."""

    async def at_gate() -> bool:
        return int(await pool.fetchval(WAITING_AT_GATE)) == 1

    async def gone() -> bool:
        return int(await pool.fetchval(CONNECTED)) == 0

    async with acquire(pool) as gate:
        await gate.execute("SELECT pg_advisory_lock($1)", GATE)
        async with process(settings) as running:
            await until(at_gate)
            running.kill()
            assert await running.wait() == -9
        await gate.execute("SELECT pg_advisory_unlock($1)", GATE)
    await until(gone)


@pytest.mark.parametrize("step", ["checking", "application", "undo"])
async def test_a_killed_importer_is_followed_by_another(
    lists: Lists, pool: Pool, clock: MovableClock, settings: PostgresSettings, step: str
) -> None:
    names = [f"ศูนย์ {step} {number}" for number in range(ROWS)]
    file = listed(*((name, "ศูนย์พักคอย", "500101", number, 0) for number, name in enumerate(names)))
    import_id = (await lists.client.post("/v1/imports?name=a.csv", content=file)).json()["import_id"]
    if step != "checking":
        await lists.done(import_id)
        await lists.client.post(f"/v1/imports/{import_id}/application")
    if step == "undo":
        await lists.done(import_id)
        await lists.client.post(f"/v1/imports/{import_id}/undo")
    former, told = await register(pool), await events(pool)

    await killed_amid(settings, pool)
    left = (await lists.client.get(f"/v1/imports/{import_id}")).json()
    states = {"checking": "waiting", "application": "applying", "undo": "undoing"}
    assert left["state"] == states[step]
    assert left["counts"] == {"new": CHUNK if step == "checking" else ROWS}
    assert (await register(pool), await events(pool)) == (former, told)  # half a list is nowhere
    assert await lists.importer.once() is False  # its lease stands

    clock.advance(LEASE + timedelta(seconds=DEADLINE))
    after = await lists.done(import_id)
    ended = {"checking": "checked", "application": "applied", "undo": "undone"}
    assert (after["state"], after["counts"], after["row_count"]) == (ended[step], {"new": ROWS}, ROWS)
    assert await events(pool) == told + (0 if step == "checking" else ROWS)
    present = Counter(one["name"] for one in (await register(pool, closed=False)).values() if one["name"] in set(names))
    assert present == (Counter(names) if step == "application" else Counter())
