"""What an erasure leaves of a household: every table that knows households, and why it may keep what it keeps."""

import asyncio
from collections.abc import Awaitable
from datetime import timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import httpx
import pytest
from structlog.testing import capture_logs

from services.survey.help import domain
from services.survey.help.domain import Outcome, Step, Worker
from services.survey.help.personal import Details
from services.survey.help.store import HelpRequests
from services.survey.opening import standing_submissions
from services.survey.privacy.requests import without
from services.survey.privacy.vacuuming import EVERY, Vacuuming
from services.survey.visits import claims
from services.survey.visits.claims import PersonKey
from shared.contracts.events import Role
from shared.postgres.pool import acquire
from shared.security.citizens import citizen_of
from tests.integration.survey.conftest import DEADLINE_SECONDS, NOW, Survey
from tests.integration.survey.desk.callers import AREA, COORDINATOR, VOLUNTEER
from tests.integration.survey.privacy.test_requests import CHILD, NAME, PHONE, asking, citizen, home, post

KNOW_HOUSEHOLDS: Final = """
SELECT table_name, column_name
FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
WHERE table_schema = 'public' AND table_type = 'BASE TABLE' AND column_name IN ('household_id', 'households')
"""
EMPTY_AFTER: Final = {"reach", "follow_up", "person_index", "claim"}
KEPT: Final = {
    "household": "counts IS NULL AND erased_by IS NOT NULL",  # that it was erased, when and by whom
    "submission": "num_nonnulls(wrapped_key, persons, reach) = 0",  # the figures and times of its events
    "flag_review": "num_nonnulls(note_key_id, note_wrapped, note) = 0",  # what a coordinator found, without words
    "subject_request": "wrapped_key IS NULL OR kind = 'erasure'",  # the reason, for who asked
    "house": "true",  # the coordinator's list of dwellings: an address, whoever lives there
    "reading": "true",  # who read what, by ids: for as long as the audit log is kept
    "transfer": "true",  # to whom it was handed over, by ids
}
"""What of a household stays in which table: a condition that holds for each of its rows."""
GRANTED: Final = {"decision": "accept", "reason": "ดี"}
MISPRINTED: Final = {"name": CHILD, "age": 9, "national_id": "1101700230704", "national_id_as_shown": True}


async def decide_and_execute(client: httpx.AsyncClient, asked: dict[str, Any], **more: Any) -> Any:
    """Accepts a request and has it carried out."""
    work = f"/v1/subject-requests/{asked['request_id']}"
    status, told = await post(client, f"{work}/decision", COORDINATOR, GRANTED | more)
    assert status == 200, told
    return await post(client, f"{work}/execution", COORDINATOR)


async def follow(client: httpx.AsyncClient, key: PersonKey) -> None:
    """A volunteer takes a person on, and was there in vain."""
    named = {"household_id": str(key.household_id), "person_id": str(key.person_id)}
    told = await client.post("/v1/need-to-reach/claims", json={"persons": [named]}, headers=VOLUNTEER)
    assert told.json()["results"][0]["outcome"] == "claimed", told.text
    visit = {"follow_up_id": str(uuid4()), "captured_at": NOW.isoformat(), "outcome": "no_answer", "contact": "visit"}
    answer = await client.post("/v1/follow-ups", json=named | visit | {"note": NAME}, headers=VOLUNTEER)
    assert answer.status_code == 202, answer.text


async def to_reach(survey: Survey) -> list[PersonKey]:
    """All persons to reach."""
    rows = await survey.pool.fetch("SELECT household_id, person_id FROM reach ORDER BY household_id, place")
    return [PersonKey(*row) for row in rows]


async def rows_of(survey: Survey, household: UUID, holding: str = "true") -> dict[str, int]:
    """By table how many rows know a household and meet its condition."""
    found = {}
    for table, column in await survey.pool.fetch(KNOW_HOUSEHOLDS):
        its = f"{column} = $1" if column == "household_id" else f"$1 = ANY ({column})"
        such = KEPT.get(table, "true") if holding == "kept" else "true"
        found[table] = await survey.pool.fetchval(f"SELECT count(*) FROM {table} WHERE {its} AND ({such})", household)  # noqa: S608
    return found


async def test_every_table_that_knows_households_says_what_it_keeps_of_an_erased_one(survey: Survey) -> None:
    async with survey.recorder(), survey.client() as client:
        persons = [*home()["persons"], MISPRINTED]
        flagged = home(persons=persons)
        stays = home(address={"area": AREA, "house": "1"}, persons=[{"name": "ก", "age": 70, "wants_vaccine": "yes"}])
        await survey.accept(flagged, stays)
        await survey.until_listed(2)
        keys = {key.household_id: key for key in await to_reach(survey)}
        for key in keys.values():
            await follow(client, key)
        await survey.until_listed(4)
        household = await survey.pool.fetchval(
            "SELECT household_id FROM submission WHERE submission_id = $1", UUID(flagged["submission_id"])
        )
        house = {"area": AREA, "house": "99/1"}
        added = await client.post("/v1/houses", json=house, headers=COORDINATOR)
        assert added.json()["household_id"] == str(household)
        review = f"/v1/desk/flagged/{flagged['submission_id']}/review"
        assert (await post(client, review, COORDINATOR, {"verdict": "fine", "note": NAME}))[0] == 201
        copy = asking("access", name=NAME)
        await post(client, "/v1/my-requests", citizen(survey), copy)
        await post(client, f"/v1/subject-requests/{copy['request_id']}/decision", COORDINATOR, GRANTED)
        answer = await client.get(f"/v1/my-requests/{copy['request_id']}/copy", headers=citizen(survey))
        assert answer.status_code == 200

        before = await rows_of(survey, household)
        assert set(before) == EMPTY_AFTER | set(KEPT), "a table that knows households is to say what it keeps of them"
        assert all(before.values()), before

        asked = asking("erasure", name=NAME)
        await post(client, "/v1/my-requests", citizen(survey), asked)
        assert (await decide_and_execute(client, asked))[0] == 200
        await survey.until_listed(5)
        after = await rows_of(survey, household)
        assert {table for table, number in after.items() if not number} == EMPTY_AFTER
        assert await rows_of(survey, household, "kept") == after
        (other,) = set(keys) - {household}
        left = await rows_of(survey, other)
        assert all(left[table] for table in EMPTY_AFTER - {"person_index"}), left


async def test_of_one_erased_person_the_claim_goes_and_those_of_the_others_stay(survey: Survey) -> None:
    async with survey.recorder(), survey.client() as client:
        sister = {"name": "สมศรี ใจดี", "age": 65, "wants_vaccine": "yes"}
        await survey.accept(home(persons=[home()["persons"][0], sister]))
        await survey.until_listed(1)
        first, second = await to_reach(survey)
        for key in (first, second):
            await follow(client, key)
        await survey.until_listed(3)
        asked = asking("erasure", name=NAME)
        await post(client, "/v1/my-requests", citizen(survey), asked)
        assert (await decide_and_execute(client, asked, person=0))[0] == 200
        await survey.until_listed(4)
        held = await survey.pool.fetch("SELECT household_id, person_id, volunteer_id FROM claim")
        assert [tuple(row) for row in held] == [(*second, UUID(int=7))]
        assert await to_reach(survey) == [second]
        assert await survey.pool.fetchval("SELECT owner FROM reach") == UUID(int=7)


async def test_a_claim_that_is_being_made_does_not_outlive_the_erasure(survey: Survey) -> None:
    async with survey.recorder():
        await survey.accept(home())
        await survey.until_listed(1)
        (key,) = await to_reach(survey)
        async with acquire(survey.pool) as connection, connection.transaction():
            (held,) = await claims.take(
                connection, UUID(int=7), [key], area=AREA, now=NOW, due_at=NOW + timedelta(days=1)
            )
            assert held.outcome == "claimed"
            assert await survey.intake.erase(key.household_id, AREA, UUID(int=9))
            await until_somebody_waits(survey)
        await survey.until_listed(2)
    assert await survey.pool.fetchval("SELECT count(*) FROM claim") == 0


async def until_somebody_waits(survey: Survey) -> None:
    """Waits until a session of this database waits for a lock."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while not await survey.pool.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        ):
            await asyncio.sleep(0.02)


async def asks_for_help(survey: Survey, phone: str, kind: str, *, closed: bool) -> UUID:
    """A request for help of a phone; closed: a volunteer has helped, and wrote a note."""
    request_id, now = uuid4(), survey.clock.now()
    request = domain.asked(
        request_id=request_id,
        citizen=citizen_of(survey.blind_index, phone),
        kind=kind,
        area=AREA,
        people=2,
        cell=None,
        place=b"there",
        now=now,
    )
    kept = HelpRequests(survey.pool, survey.sealing)
    await kept.ask(request, Details(name=NAME, phone=phone, position=None, address="99/1", note="ยาหมด"))
    if closed:
        by = Worker(UUID(int=77), Role.VOLUNTEER, AREA, manages=False)
        await kept.work(request_id, by, Step.ACCEPTED, lambda one: domain.accept(one, by, now))
        helped = Outcome.HELPED
        await kept.work(request_id, by, Step.CLOSED, lambda one: domain.close(one, by, helped, now), note="ส่งยาแล้ว")
    return request_id


async def test_the_copy_has_ones_requests_for_help_and_who_holds_a_claim_by_role(survey: Survey) -> None:
    async with survey.recorder(), survey.client() as client:
        await survey.accept(home())
        await survey.until_listed(1)
        (key,) = await to_reach(survey)
        await follow(client, key)
        await survey.until_listed(2)
        house = {"area": AREA, "house": "99/1"}
        assert (await client.post("/v1/houses", json=house, headers=COORDINATOR)).status_code == 201
        own = await asks_for_help(survey, PHONE, "medicine", closed=True)
        await asks_for_help(survey, "0899999999", "medicine", closed=True)
        asked = asking("access")
        await post(client, "/v1/my-requests", citizen(survey), asked)
        await post(client, f"/v1/subject-requests/{asked['request_id']}/decision", COORDINATOR, GRANTED)
        at = f"/v1/my-requests/{asked['request_id']}/copy"
        copy = (await client.get(at, headers=citizen(survey))).json()
        (helped,) = copy["help_requests"]
        assert (helped["request_id"], helped["outcome"], helped["content"]["note"]) == (str(own), "helped", "ยาหมด")
        assert [(one["step"], one["by"], one["note"]) for one in helped["steps"]] == [
            ("asked", None, None),
            ("accepted", "volunteer", None),
            ("closed", "volunteer", "ส่งยาแล้ว"),
        ]
        assert [(one["held_by"], one["assigned"]) for one in copy["held_by"]] == [("volunteer_or_coordinator", False)]
        assert [one["outcome"] for one in copy["follow_ups"]] == ["no_answer"]
        assert copy["listed_house"]["house"] == "99/1"
        assert str(UUID(int=77)) not in str(copy)  # who helped
        assert str(UUID(int=7)) not in str(copy)  # who visits
        read = await survey.pool.fetchval("SELECT households FROM reading WHERE role = 'citizen'")
        assert set(read) == {key.household_id, own}
        page = await client.get(at, params={"form": "html"}, headers=citizen(survey))
        assert "ส่งยาแล้ว" in page.text
        # Staff who hand it over see no more than the household's.
        work = f"/v1/subject-requests/{asked['request_id']}/copy"
        handed = await client.get(work, params={"form": "json"}, headers=COORDINATOR)
        assert handed.json()["help_requests"] == []


async def test_an_erasure_ends_what_the_asking_phone_had_asked_for_and_is_over(survey: Survey) -> None:
    async with survey.recorder(), survey.client() as client:
        await survey.accept(home())
        await survey.until_listed(1)
        over = await asks_for_help(survey, PHONE, "medicine", closed=True)
        open_ = await asks_for_help(survey, PHONE, "food", closed=False)
        others = await asks_for_help(survey, "0899999999", "medicine", closed=True)
        asked = asking("erasure")
        await post(client, "/v1/my-requests", citizen(survey), asked)
        assert (await decide_and_execute(client, asked))[0] == 200
    rows = await survey.pool.fetch(
        "SELECT request_id, num_nonnulls(key_id, wrapped_key, sealed, place) AS personal FROM help_request"
    )
    assert {row["request_id"]: row["personal"] for row in rows} == {over: 0, open_: 4, others: 4}
    notes = await survey.pool.fetch("SELECT request_id FROM help_step WHERE num_nonnulls(wrapped_key, sealed) > 0")
    assert [row["request_id"] for row in notes] == [others]


async def names_of(survey: Survey) -> list[str | None]:
    """The persons of the one household, as it stands."""
    household = await survey.pool.fetchval("SELECT household_id FROM household")
    async with survey.pool.acquire() as connection:
        found = await standing_submissions(connection, survey.sealing, [household])
    return [one.name for one in found[household].persons]


BROTHER: Final = {"name": "นายสมชาย ใจดี", "age": 60, "wants_vaccine": "no"}


@pytest.mark.parametrize("answered", [True, False])
async def test_two_of_a_household_are_erased_one_after_the_other_and_none_comes_back(
    survey: Survey, monkeypatch: pytest.MonkeyPatch, *, answered: bool
) -> None:
    first, second = (asking("erasure", identity="card") for _ in range(2))
    async with survey.client() as client:
        async with survey.recorder():
            await survey.accept(home(persons=[*home()["persons"], BROTHER]))
            await survey.until_listed(1)
        for place, asked in enumerate((first, second)):
            await post(client, "/v1/subject-requests", COORDINATOR, asked)
            work = f"/v1/subject-requests/{asked['request_id']}/decision"
            assert (await post(client, work, COORDINATOR, GRANTED | {"person": place}))[0] == 200
        once, again = (f"/v1/subject-requests/{asked['request_id']}/execution" for asked in (first, second))
        with monkeypatch.context() as patch:
            if not answered:  # Kafka has it, and nobody here is told
                erase = survey.intake.erase
                patch.setattr(survey.intake, "erase", lambda *given, **more: _unanswered(erase(*given, **more)))
            assert (await post(client, once, COORDINATOR))[0] == (200 if answered else 503)
        assert (await post(client, again, COORDINATOR))[0] == 503  # the first is on its way still
        async with survey.recorder():
            await survey.until_listed(2)
            assert await names_of(survey) == [CHILD, BROTHER["name"]]
            assert (await post(client, again, COORDINATOR))[0] == 200  # whose place is another one now
            await survey.until_listed(3)
            assert await names_of(survey) == [BROTHER["name"]]
            if not answered:
                assert (await post(client, once, COORDINATOR))[1]["state"] == "done"
                assert await names_of(survey) == [BROTHER["name"]]


async def _unanswered(erasing: Awaitable[bool]) -> bool:
    assert await erasing
    return False


async def test_nobody_goes_with_an_erased_person_when_the_household_cannot_be_read(survey: Survey) -> None:
    asked = asking("erasure", identity="card")
    async with survey.recorder(), survey.client() as client:
        await survey.accept(home())
        await survey.until_listed(1)
        await post(client, "/v1/subject-requests", COORDINATOR, asked)
        work = f"/v1/subject-requests/{asked['request_id']}"
        await post(client, f"{work}/decision", COORDINATOR, GRANTED | {"person": 0})
        whole = await survey.pool.fetchval("SELECT sealed FROM submission")
        await survey.pool.execute("UPDATE submission SET sealed = substr(sealed, 2)")
        assert (await post(client, f"{work}/execution", COORDINATOR))[0] == 503
        await survey.pool.execute("UPDATE submission SET sealed = $1", whole)
        assert (await post(client, f"{work}/execution", COORDINATOR))[0] == 200
        await survey.until_listed(2)
        assert await names_of(survey) == [CHILD]


async def test_tables_are_vacuumed_once_more_after_an_erasure_is_recorded(survey: Survey) -> None:
    keeper = Vacuuming(survey.pool, survey.clock)
    asked = asking("erasure", identity="card")

    async def vacuumed() -> bool:
        survey.clock.advance(EVERY)
        with capture_logs() as lines:
            await keeper.turn()
        return any(line["event"] == "erased_rows_vacuumed" for line in lines)

    async with survey.client() as client:
        async with survey.recorder():
            await survey.accept(home())
            await survey.until_listed(1)
        await post(client, "/v1/subject-requests", COORDINATOR, asked)
        assert (await decide_and_execute(client, asked))[0] == 200
        assert not await vacuumed()  # nothing has been ended yet
        async with survey.recorder():
            await survey.until_listed(2)
        assert await vacuumed()
        assert not await vacuumed()


async def test_who_was_decided_about_is_found_in_a_later_survey_or_asked_for(survey: Survey) -> None:
    asked = asking("erasure", identity="card")
    async with survey.recorder(), survey.client() as client:
        await survey.accept(home(persons=[BROTHER, {"age": 9}]))
        await survey.until_listed(1)
        await post(client, "/v1/subject-requests", COORDINATOR, asked)
        work = f"/v1/subject-requests/{asked['request_id']}"
        await post(client, f"{work}/decision", COORDINATOR, GRANTED | {"person": 1})
        await survey.accept(home(persons=[{"age": 9}, BROTHER], captured_at=NOW.isoformat()))
        await survey.until_listed(2)
        status, told = await post(client, f"{work}/execution", COORDINATOR)  # nobody knows which, without a name
        assert (status, told["errors"][0]["path"], told["errors"][0]["code"]) == (400, "person", "which")
        status, told = await post(client, f"{work}/execution", COORDINATOR, {"person": 2})
        assert (status, told["errors"][0]["code"]) == (400, "no_such_person")
        assert (await post(client, f"{work}/execution", COORDINATOR, {"person": 0}))[0] == 200
        await survey.until_listed(3)
        assert await names_of(survey) == [BROTHER["name"]]


async def test_who_asks_again_after_a_lost_answer_erases_nobody_else(survey: Survey) -> None:
    asked = asking("erasure", identity="card")
    async with survey.recorder(), survey.client() as client:
        await survey.accept(home(persons=[BROTHER, *home()["persons"]]))
        await survey.until_listed(1)
        await post(client, "/v1/subject-requests", COORDINATOR, asked)
        work = f"/v1/subject-requests/{asked['request_id']}"
        await post(client, f"{work}/decision", COORDINATOR, GRANTED | {"person": 0})
        household = await survey.pool.fetchval("SELECT household_id FROM household")
        async with survey.pool.acquire() as connection:
            standing = (await standing_submissions(connection, survey.sealing, [household]))[household]
        sent, left = UUID(asked["request_id"]), without(standing, 0)
        assert await survey.intake.erase(household, AREA, UUID(int=3), erasure_id=sent, left=left)  # and died
        await survey.until_listed(2)
        status, told = await post(client, f"{work}/execution", COORDINATOR)
        assert (status, told["state"]) == (200, "done")
        assert await names_of(survey) == [NAME, CHILD]
