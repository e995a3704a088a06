"""The keeper: one at a time, followed by another when it is gone; a duty that fails holds up no other."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from services.reporting.processes.keeper import KEEPER_CONNECTIONS, duties
from services.reporting.store import Pool
from shared.postgres.keeper import LOCK_KEY, Duty, Keeper, resting
from shared.postgres.settings import PostgresSettings
from tests.integration.reporting.conftest import eventually

SOON_SECONDS = 0.01

HELD_BY = """
SELECT pid FROM pg_locks
WHERE locktype = 'advisory' AND granted AND ((classid::bigint << 32) | objid::bigint) = $1
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


class Counted:
    """A duty that counts its turns."""

    def __init__(self) -> None:
        self.turns = 0

    async def turn(self) -> None:
        """One more."""
        self.turns += 1

    async def reach(self, turns: int) -> None:
        """Waits until so many turns were taken."""

        async def reached() -> bool:
            return self.turns >= turns

        await eventually(reached, f"{turns} turns")


@asynccontextmanager
async def keeping(pool: Pool, *duties: Duty) -> AsyncIterator[Keeper]:
    """A keeper at work."""
    keeper = Keeper(pool, duties)
    stopping = asyncio.Event()
    running = asyncio.create_task(keeper.run(stopping))
    try:
        yield keeper
    finally:
        stopping.set()
        await running


async def test_one_keeper_at_a_time_and_another_follows(pool: Pool) -> None:
    first, second = Counted(), Counted()
    stopping = asyncio.Event()
    keeper = Keeper(pool, [Duty("first", first.turn, SOON_SECONDS)])
    running = asyncio.create_task(keeper.run(stopping))
    await first.reach(2)
    async with keeping(pool, Duty("second", second.turn, SOON_SECONDS)) as standing_by:

        async def stands_by() -> bool:
            return standing_by.connected

        await eventually(stands_by, "the other one stands by")
        await first.reach(first.turns + 3)
        assert second.turns == 0
        stopping.set()
        await running
        await second.reach(1)


async def test_a_lost_connection_ends_the_duties_before_another_keeper_begins(pool: Pool) -> None:
    held = asyncio.Semaphore(1)
    crowded, turns = [], Counted()

    async def alone() -> None:
        crowded.append(held.locked())
        async with held:
            await turns.turn()
            await asyncio.Event().wait()

    async with keeping(pool, Duty("one", alone, SOON_SECONDS)), keeping(pool, Duty("other", alone, SOON_SECONDS)):
        for number in (1, 2, 3):
            await turns.reach(number)
            assert await pool.fetchval("SELECT pg_terminate_backend($1)", await _holder(pool))
        await turns.reach(4)
    assert not any(crowded)


async def test_a_lost_connection_has_the_duties_let_go(pool: Pool) -> None:
    turns, let_go = Counted(), asyncio.Event()
    async with keeping(pool, Duty("one", turns.turn, SOON_SECONDS, let_go=let_go.set)):
        await turns.reach(1)
        assert not let_go.is_set()
        assert await pool.fetchval("SELECT pg_terminate_backend($1)", await _holder(pool))
        async with asyncio.timeout(10):
            await let_go.wait()


async def test_a_failing_duty_comes_again_and_holds_up_no_other(pool: Pool) -> None:
    failed, other = Counted(), Counted()

    async def fails() -> None:
        await failed.turn()
        raise RuntimeError("not this time")

    async def takes_for_ever() -> None:
        await asyncio.Event().wait()

    duties = [
        Duty("fails", fails, SOON_SECONDS),
        Duty("long", takes_for_ever, SOON_SECONDS),
        Duty("other", other.turn, SOON_SECONDS),
    ]
    async with keeping(pool, *duties):
        await failed.reach(3)
        await other.reach(3)
    turns = other.turns
    await asyncio.sleep(5 * SOON_SECONDS)
    assert other.turns == turns  # stopped: nothing goes on without the lock


async def test_a_duty_rests_for_as_long_as_it_worked(pool: Pool) -> None:
    """One that rests three times as long as it works takes a quarter of the time; one that does not, all of it."""
    rested, worked = Counted(), Counted()

    async def works(turns: Counted) -> None:
        await asyncio.sleep(3 * SOON_SECONDS)
        await turns.turn()

    duties = [
        Duty("rests", lambda: works(rested), SOON_SECONDS, rests=3),
        Duty("works", lambda: works(worked), SOON_SECONDS),
    ]
    async with keeping(pool, *duties):
        await worked.reach(12)
    assert 0 < rested.turns <= worked.turns // 2


async def test_a_piece_of_a_turn_is_followed_by_a_rest_that_has_a_bound() -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with resting(3, most_seconds=10):
        await asyncio.sleep(SOON_SECONDS)
    assert loop.time() - began >= 4 * SOON_SECONDS
    async with asyncio.timeout(10), resting(10_000, most_seconds=SOON_SECONDS):
        await asyncio.sleep(SOON_SECONDS)


async def test_each_duty_is_there_once_and_has_a_connection(
    pool: Pool, database: PostgresSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the process has them, with the services that reconciliation asks."""
    for name in ("KAFKA_BOOTSTRAP", "KAFKA_USERNAME", "KAFKA_PASSWORD_FILE", "ACCOUNT_FILE"):
        monkeypatch.setenv(f"JITASA_{name}", "here")
    for name in ("REGISTRATION", "SURVEY", "FACILITIES"):
        monkeypatch.setenv(f"JITASA_{name}_URL", "http://here")
    async with httpx.AsyncClient() as client:
        names = sorted(duty.name for duty in duties(pool, database, client))
    assert names == ["close_month", "forget_transfers", "rebuild", "reconcile", "results", "sum_months"]
    assert len(names) < KEEPER_CONNECTIONS


async def _holder(pool: Pool) -> int:
    return int(await pool.fetchval(HELD_BY, LOCK_KEY))
