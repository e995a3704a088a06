"""What the clock does: late requests are handed up, dead ones expire, old ones are forgotten."""

import asyncio
from datetime import timedelta
from uuid import UUID

from services.survey.help.domain import KEPT
from services.survey.help.keeping import AT_ONCE, HelpKeeping
from shared.contracts.events import Role
from tests.integration.survey.help.conftest import NOW, Place


async def told(place: Place, request_id: str) -> list[tuple[str, str, float]]:
    """Whom it was handed up to: role, area, and how many minutes after the asking."""
    rows = await place.pool.fetch(
        "SELECT told_role, told_area, at FROM help_step WHERE request_id = $1 AND step = 'handed_up' ORDER BY revision",
        UUID(request_id),
    )
    return [(row["told_role"], row["told_area"], (row["at"] - NOW).total_seconds() / 60) for row in rows]


async def turn_at(place: Place, minutes: float) -> None:
    """A turn of the keeper so many minutes after the asking."""
    place.clock.advance(NOW + timedelta(minutes=minutes) - place.clock.now())
    await place.keeping.turn()


async def test_what_nobody_accepts_in_time_is_handed_up_rung_by_rung(place: Place) -> None:
    request_id = (await place.asked(kind="oxygen"))["request_id"]
    await turn_at(place, 14.9)
    assert await told(place, request_id) == []
    for minutes in (15, 20, 30, 45, 60, 300):
        await turn_at(place, minutes)
        await place.keeping.turn()
    assert await told(place, request_id) == [
        ("subdistrict_coordinator", "500101", 15),
        ("district_coordinator", "5001", 30),
        ("province_administrator", "50", 45),
    ]
    (item,) = await place.staff(Role.PROVINCE_ADMINISTRATOR, "50").requests(late=True)
    assert item["told"] == {"role": "province_administrator", "area": "50"}
    events = await place.events(request_id)
    assert [(event.revision, event.escalation) for event in events] == [(1, 0), (2, 1), (3, 2), (4, 3)]
    assert {event.deadline for event in events} == {NOW + timedelta(minutes=15)}


async def test_what_is_accepted_and_not_finished_in_time_is_handed_up_as_well(place: Place) -> None:
    request_id, volunteer = (await place.asked(kind="oxygen"))["request_id"], place.staff()
    await turn_at(place, 16)
    await volunteer.step(request_id, "acceptance")
    await volunteer.step(request_id, "beginning")
    (item,) = await volunteer.requests()
    assert item["told"] is None, "the step that was late is done"
    await turn_at(place, 16 + 119)
    await turn_at(place, 16 + 120)
    assert [rung[0] for rung in await told(place, request_id)] == ["subdistrict_coordinator"] * 2
    await volunteer.step(request_id, "closing", outcome="helped")
    await turn_at(place, 16 + 600)
    assert len(await told(place, request_id)) == 2


async def test_after_a_long_stop_all_are_told_one_turn_after_the_other(place: Place) -> None:
    request_id = (await place.asked(kind="oxygen"))["request_id"]
    await turn_at(place, 600)
    assert len(await told(place, request_id)) == 1
    await turn_at(place, 615)
    await turn_at(place, 630)
    assert [rung[1] for rung in await told(place, request_id)] == ["500101", "5001", "50"]


async def test_what_nobody_touches_expires(place: Place) -> None:
    waiting = (await place.asked(kind="oxygen"))["request_id"]
    citizen, volunteer = place.citizen(), place.staff()
    accepted = (await place.asked(citizen, kind="oxygen"))["request_id"]
    await turn_at(place, 60)
    await volunteer.step(accepted, "acceptance")
    await turn_at(place, 48 * 60 - 0.1)
    assert [item["status"] for item in await volunteer.requests()] == ["waiting", "accepted"]
    await turn_at(place, 48 * 60)
    assert [item["request_id"] for item in await volunteer.requests(status="expired")] == [waiting]
    await turn_at(place, 49 * 60)
    assert await volunteer.requests() == []
    last = (await place.events(waiting))[-1]
    assert (last.status.value, last.deadline, last.outcome) == ("expired", None, "expired")
    (own,) = (await citizen.ask("GET", "/v1/help-requests/mine")).json()["requests"]
    assert own["status"] == "expired"
    assert (await place.asked(citizen, kind="oxygen"))["request_id"] != accepted, "somebody may ask again"


async def test_keepers_beside_each_other_do_everything_once(place: Place) -> None:
    ids = [(await place.asked(kind="oxygen"))["request_id"] for _ in range(20)]
    place.clock.advance(timedelta(minutes=15))
    await asyncio.gather(*(HelpKeeping(place.pool, place.clock).turn() for _ in range(4)))
    await place.keeping.turn()
    assert [len(await told(place, request_id)) for request_id in ids] == [1] * 20


async def test_more_than_one_batch_is_done_in_one_turn(place: Place) -> None:
    request_id = (await place.asked(kind="oxygen"))["request_id"]
    copied = await place.pool.execute(
        """
        INSERT INTO help_request
        SELECT (jsonb_populate_record(
            r, jsonb_build_object('request_id', gen_random_uuid(), 'citizen', gen_random_uuid())
        )).*
        FROM help_request AS r, generate_series(1, $1)
        """,
        AT_ONCE + 20,
    )
    assert copied == f"INSERT 0 {AT_ONCE + 20}"
    await turn_at(place, 15)
    assert await place.pool.fetchval("SELECT count(*) FROM help_step WHERE step = 'handed_up'") == AT_ONCE + 21
    await turn_at(place, 48 * 60)
    assert await place.pool.fetchval("SELECT count(*) FROM help_request WHERE status = 'expired'") == AT_ONCE + 21
    assert (await place.events(request_id))[-1].status.value == "expired"


async def test_a_month_after_the_end_nothing_can_be_read_any_more(place: Place) -> None:
    citizen, coordinator = place.citizen(), place.staff(Role.SUBDISTRICT_COORDINATOR)
    request_id = (await place.asked(citizen))["request_id"]
    await coordinator.step(request_id, "closing", outcome="not_found", note="บ้านสมหญิงปิด")
    place.clock.advance(KEPT - timedelta(seconds=1))
    await place.keeping.turn()
    opened = (await coordinator.ask("GET", f"/v1/help-requests/{request_id}")).json()
    assert (opened["phone"], opened["steps"][-1]["note"]) == (citizen.phone, "บ้านสมหญิงปิด")
    place.clock.advance(timedelta(seconds=1))
    await place.keeping.turn()
    opened = (await coordinator.ask("GET", f"/v1/help-requests/{request_id}")).json()
    assert (opened["name"], opened["phone"], opened["steps"][-1]["note"]) == (None, None, None)
    assert not await place.pool.fetchval("SELECT count(*) FROM help_request WHERE num_nulls(wrapped_key, sealed) < 2")
    assert not await place.pool.fetchval("SELECT count(*) FROM help_step WHERE num_nulls(wrapped_key, sealed) < 2")
    assert opened["request"]["status"] == "cancelled", "that it was is still counted"


async def test_spent_counts_are_swept(place: Place) -> None:
    await place.asked()
    assert await place.pool.fetchval("SELECT count(*) FROM throttle") == 2
    place.clock.advance(timedelta(days=1))
    await place.keeping.turn()
    assert await place.pool.fetchval("SELECT count(*) FROM throttle") == 0
