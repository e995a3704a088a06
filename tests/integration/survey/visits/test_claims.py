"""Claims: taken, given, handed over, given back, ended by time and by the keeper; `reach` always agrees with them."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from services.survey.reach.lister import relist
from services.survey.visits import claims
from services.survey.visits.keeping import EndingClaims
from tests.integration.survey.conftest import NOW
from tests.integration.survey.visits.conftest import (
    COORDINATOR,
    OTHER,
    SUSPENDED,
    VOLUNTEER,
    Reached,
    Visits,
    by,
)

CLAIMS = "/v1/need-to-reach/claims"
DAY = timedelta(days=1)
ME, SOMEBODY, GIVER = UUID(int=7), UUID(int=8), UUID(int=9)

DISAGREEING = """
SELECT count(*)
FROM reach LEFT JOIN claim USING (household_id, person_id)
WHERE (owner, owner_due_at) IS DISTINCT FROM (volunteer_id, claim.due_at)
"""


async def outcomes(answer: httpx.Response) -> list[tuple[str, str | None]]:
    """What became of each person, and whose he is."""
    assert answer.status_code == 200, answer.text
    return [(one["outcome"], one["owner"]) for one in answer.json()["results"]]


async def change(
    client: httpx.AsyncClient,
    headers: dict[str, str],
    *persons: Reached,
    to: str = "",
    method: str = "POST",
    **body: Any,
) -> list[tuple[str, str | None]]:
    """Asks for a change of claims."""
    named = {"persons": [one.named for one in persons]} | body
    return await outcomes(await client.request(method, CLAIMS + to, headers=headers, json=named))


@pytest.fixture
async def three(visits: Visits) -> list[Reached]:
    """Three persons of one household."""
    return await visits.survey({"name": "ก"}, {"name": "ข"}, {"name": "ค"})


async def test_a_person_is_taken_once_and_the_other_is_told_by_whom(visits: Visits, three: list[Reached]) -> None:
    async with visits.client() as client:
        assert await change(client, VOLUNTEER, three[0]) == [("claimed", str(ME))]
        assert await change(client, OTHER, three[0], three[1]) == [("taken", str(ME)), ("claimed", str(SOMEBODY))]
        assert await change(client, VOLUNTEER, three[0], three[0]) == [("kept", str(ME))]
        stranger = Reached(three[0].household_id, uuid4(), uuid4())
        assert await change(client, VOLUNTEER, stranger) == [("not_found", None)]
        elsewhere = by("volunteer", "500102", 12)
        assert await change(client, elsewhere, three[2]) == [("not_found", None)]
        assert await change(client, COORDINATOR, three[2]) == [("claimed", str(GIVER))]
    assert await visits.pool.fetchval(DISAGREEING) == 0


async def test_of_many_who_want_a_person_at_once_one_gets_him(visits: Visits, three: list[Reached]) -> None:
    async with visits.client() as client:
        told = await asyncio.gather(
            *(change(client, by("volunteer", "500101", subject), *three) for subject in range(20, 30))
        )
    for index in range(3):
        assert sum(each[index][0] == "claimed" for each in told) == 1
        assert len({each[index][1] for each in told}) == 1
    assert await visits.pool.fetchval(DISAGREEING) == 0


async def test_a_coordinator_gives_and_takes_back(visits: Visits, three: list[Reached]) -> None:
    due = (NOW + 5 * DAY).isoformat()
    async with visits.client() as client:
        await change(client, OTHER, three[0])
        given = await change(client, COORDINATOR, *three[:2], method="PUT", volunteer_id=str(ME), due_at=due)
        assert given == [("claimed", str(ME)), ("claimed", str(ME))]
        row = await visits.pool.fetchrow("SELECT * FROM claim WHERE person_id = $1", three[0].person_id)
        assert row is not None
        assert (row["volunteer_id"], row["assigned_by"], row["due_at"]) == (ME, GIVER, NOW + 5 * DAY)
        assert row["expires_at"] == NOW + 5 * DAY + claims.GRACE
        assert await change(client, COORDINATOR, three[0], to="/withdrawal") == [("returned", None)]
        assert await change(client, OTHER, three[0]) == [("claimed", str(SOMEBODY))]
        answer = await client.put(CLAIMS, headers=VOLUNTEER, json={"persons": [], "volunteer_id": str(ME)})
        assert answer.status_code == 403
        for body, path in (
            ({"volunteer_id": str(UUID(int=SUSPENDED))}, "volunteer_id"),
            ({"volunteer_id": str(ME), "due_at": (NOW + 31 * DAY).isoformat()}, "due_at"),
            ({"volunteer_id": str(ME), "due_at": (NOW - DAY).isoformat()}, "due_at"),
            ({"volunteer_id": str(ME), "due_at": "2022-02-06T00:00:00"}, "due_at"),
            ({}, "volunteer_id"),
        ):
            answer = await client.put(CLAIMS, headers=COORDINATOR, json={"persons": [three[0].named]} | body)
            assert (answer.status_code, answer.json()["errors"][0]["path"]) == (400, path)
    assert await visits.pool.fetchval(DISAGREEING) == 0


async def test_handing_over_and_giving_back_are_for_one_s_own(visits: Visits, three: list[Reached]) -> None:
    to = {"to": "/handover", "volunteer_id": str(SOMEBODY)}
    async with visits.client() as client:
        await change(client, VOLUNTEER, three[0])
        assert await change(client, VOLUNTEER, *three[:2], **to) == [("claimed", str(SOMEBODY)), ("not_yours", None)]
        assert await change(client, VOLUNTEER, three[0], **to) == [("not_yours", str(SOMEBODY))]
        assert await change(client, VOLUNTEER, three[0], to="/return") == [("not_yours", str(SOMEBODY))]
        assert await change(client, OTHER, *three[:2], to="/return") == [("returned", None), ("returned", None)]
        assert await change(client, VOLUNTEER, three[0]) == [("claimed", str(ME))]
    assert await visits.pool.fetchval(DISAGREEING) == 0


async def test_nobody_holds_more_than_he_may(visits: Visits, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "MOST_CLAIMS", 2)
    persons = await visits.survey(*({"name": f"ค{number}"} for number in range(4)))
    async with visits.client() as client:
        told = await asyncio.gather(*(change(client, VOLUNTEER, one) for one in persons))
        assert sorted(outcome for ((outcome, _),) in told) == ["claimed", "claimed", "too_many", "too_many"]
        free = [one for one, ((outcome, _),) in zip(persons, told, strict=True) if outcome == "too_many"]
        given = await change(client, COORDINATOR, *free, method="PUT", volunteer_id=str(ME))
        assert [outcome for outcome, _ in given] == ["too_many", "too_many"]
        # Who needs no visit any more counts no more.
        await visits.pool.execute("UPDATE reach SET status = 'vaccinated' WHERE owner IS NOT NULL")
        assert await change(client, VOLUNTEER, free[0]) == [("claimed", str(ME))]
        # Who was claimed before comes back: more are held than allowed, and no other is added.
        await visits.pool.execute("UPDATE reach SET status = 'open' WHERE owner IS NOT NULL")
        assert await change(client, VOLUNTEER, free[1]) == [("too_many", None)]


async def test_for_whom_nothing_is_left_to_do_nobody_is_sent(visits: Visits) -> None:
    (died,) = await visits.survey({"name": "ก", "status": "died"})
    async with visits.client() as client:
        assert await change(client, VOLUNTEER, died) == [("not_open", None)]


async def test_a_claim_ends_by_itself_and_the_keeper_clears_it(visits: Visits, three: list[Reached]) -> None:
    keeper = EndingClaims(visits.pool, visits.clock)
    async with visits.client() as client:
        await change(client, VOLUNTEER, *three[:2])
        visits.clock.advance(claims.PROMISED + claims.GRACE - timedelta(seconds=1))
        await keeper.turn()
        assert await change(client, OTHER, three[0]) == [("taken", str(ME))]
        visits.clock.advance(timedelta(seconds=1))
        assert await change(client, OTHER, three[0]) == [("claimed", str(SOMEBODY))]  # the keeper was not there
        await keeper.turn()
    assert [row["volunteer_id"] for row in await visits.pool.fetch("SELECT volunteer_id FROM claim")] == [SOMEBODY]
    assert await visits.pool.fetchval(DISAGREEING) == 0


async def test_who_made_an_appointment_looks_after_it(visits: Visits, three: list[Reached]) -> None:
    keeper = EndingClaims(visits.pool, visits.clock)
    async with visits.client() as client:
        await change(client, VOLUNTEER, three[0])
        due = NOW + 20 * DAY
        await visits.pool.execute(
            "UPDATE reach SET status = 'appointed', due_at = $2 WHERE person_id = $1", three[0].person_id, due
        )
        visits.clock.advance(7 * DAY)
        await keeper.turn()
        assert await change(client, OTHER, three[0]) == [("taken", str(ME))]
        visits.clock.advance(17 * DAY)
        await keeper.turn()
        assert await change(client, OTHER, three[0]) == [("claimed", str(SOMEBODY))]


async def test_whom_a_new_survey_does_not_name_nobody_has(visits: Visits) -> None:
    (one,) = await visits.survey({"name": "ย้ายออก"}, house="5")
    async with visits.client() as client:
        await change(client, VOLUNTEER, one)
        await visits.survey({"name": "คนใหม่"}, house="5", at=NOW)
        assert await visits.pool.fetchval("SELECT count(*) FROM claim") == 0
        assert await change(client, VOLUNTEER, one, to="/return") == [("not_found", None)]


async def test_who_is_surveyed_again_stays_whose_he_was(visits: Visits) -> None:
    (one,) = await visits.survey({"name": "สมหญิง"}, house="5")
    async with visits.client() as client:
        await change(client, VOLUNTEER, one)
        await visits.survey({"name": "สมหญิง", "person_id": one.person_id, "rank": 1}, house="5", at=NOW)
        assert await visits.pool.fetchval("SELECT rank FROM reach") == 1
        assert await change(client, OTHER, one) == [("taken", str(ME))]
    assert await visits.pool.fetchval(DISAGREEING) == 0


async def until_somebody_waits(visits: Visits) -> None:
    """Waits until a session of this database waits for a lock."""
    async with asyncio.timeout(30):
        while not await visits.pool.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        ):
            await asyncio.sleep(0.02)


RANKED = """
UPDATE household SET reach = (SELECT json_agg(p::jsonb || '{"rank": 1}') FROM json_array_elements(reach) AS p)
"""
EMPTIED = "UPDATE household SET reach = NULL"


@pytest.mark.parametrize(
    ("change_of_households", "told"), [(RANKED, ("claimed", str(ME))), (EMPTIED, ("not_found", None))]
)
async def test_who_is_taken_while_the_lister_is_at_him_is_taken_or_gone(
    visits: Visits, three: list[Reached], change_of_households: str, told: tuple[str, str | None]
) -> None:
    one = three[0]
    async with visits.client() as client:
        async with visits.pool.acquire() as lister, lister.transaction():
            await lister.execute(change_of_households)
            await relist(lister, [one.household_id])
            asking = asyncio.create_task(change(client, VOLUNTEER, one))
            await until_somebody_waits(visits)
        assert await asking == [told]
    assert await visits.pool.fetchval("SELECT count(*) FROM claim") == (told[0] == "claimed")
    assert await visits.pool.fetchval(DISAGREEING) == 0


async def test_the_lister_waits_for_a_claim_and_ends_it_with_its_person(visits: Visits, three: list[Reached]) -> None:
    one = three[0]
    key = claims.PersonKey(one.household_id, one.person_id)
    await visits.pool.execute(EMPTIED)

    async def list_anew() -> None:
        async with visits.pool.acquire() as lister, lister.transaction():
            await relist(lister, [one.household_id])

    async with visits.pool.acquire() as connection, connection.transaction():
        await claims.take(connection, ME, [key], area="50", now=NOW, due_at=NOW + DAY)
        listing = asyncio.create_task(list_anew())
        await until_somebody_waits(visits)
    await listing
    assert await visits.pool.fetchval("SELECT count(*) FROM claim") == 0
    assert await visits.pool.fetchval("SELECT count(*) FROM reach WHERE household_id = $1", one.household_id) == 0
