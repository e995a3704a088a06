"""A list that is applied while others change its places in an order of their own."""

import asyncio
from uuid import UUID

import httpx
import pytest

from services.facilities.importer import Importer
from services.facilities.imports import applying, conflicts
from services.facilities.store import places
from shared.observability.clock import MovableClock
from shared.postgres.pool import acquire
from tests.integration.facilities.test_imports import TITLES, Lists, Place, Pool, listed

DEADLINE = 30.0
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


@pytest.mark.parametrize("step", ["application", "undo"])
async def test_a_list_waits_for_others_and_never_they_for_each_other(
    client: httpx.AsyncClient,
    pool: Pool,
    clock: MovableClock,
    place: Place,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
) -> None:
    """Its rows stand in another order than their ids, and somebody else has the first of these."""
    monkeypatch.setattr(applying, "MOST_AT_ONCE", 1)  # each row a statement of its own, as each thousand is
    lists = Lists(client, Importer(pool, clock))
    names = [f"ศูนย์รอคิว {step} {number}" for number in range(2)]
    for number, name in enumerate(names):
        body = place(name=name, kind="waiting_centre", facility_id=str(UUID(int=number + 1 + 2 * len(step))))
        assert (await client.post("/v1/facilities", json=body)).status_code == 201
    ids = [UUID(int=number + 1 + 2 * len(step)) for number in range(2)]
    sent = await lists.send(listed(*((name, "ศูนย์พักคอย", "500101", 200, 50) for name in reversed(names))))
    assert sent["counts"] == {"changed": 2}
    if step == "undo":
        await lists.step(sent["import_id"], "application")
    await client.post(f"/v1/imports/{sent['import_id']}/{step}")
    async with acquire(pool) as other, other.transaction():
        await places.lock_many(other, ids[:1], "50")
        working = asyncio.create_task(lists.importer.once())
        async with asyncio.timeout(DEADLINE):
            while not await pool.fetchval(WAITING):
                await asyncio.sleep(0.02)
        await places.lock_many(other, ids[1:], "50")
    assert await working
    after = (await client.get(f"/v1/imports/{sent['import_id']}")).json()
    assert (after["state"], after["failure"]) == ({"application": "applied", "undo": "undone"}[step], None)


async def test_whoever_enters_a_code_waits_for_a_list_that_may_enter_it(
    client: httpx.AsyncClient, pool: Pool, clock: MovableClock, place: Place
) -> None:
    """And the list is held against what was entered after it was checked."""
    lists = Lists(client, Importer(pool, clock))
    sent = await lists.send(
        listed(("โรงพยาบาลพร้อมกัน", "โรงพยาบาล", "500102", 20, 1, "00790"), titles=(*TITLES, "รหัสสถานพยาบาล"))
    )
    body = place(name="โรงพยาบาลมาพร้อมกัน", kind="hospital", official_code="00790")
    async with pool.acquire() as other, other.transaction():
        await conflicts.entered_meanwhile(other, UUID(sent["import_id"]))
        waiting = asyncio.create_task(client.post("/v1/facilities", json=body))
        async with asyncio.timeout(DEADLINE):
            while not await pool.fetchval(WAITING):
                await asyncio.sleep(0.02)
        assert not waiting.done()
    assert (await waiting).status_code == 201
    refused = await lists.step(sent["import_id"], "application")
    assert (refused["state"], refused["counts"]) == ("checked", {"changed_meanwhile": 1})
