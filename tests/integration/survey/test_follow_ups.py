"""Follow-ups and erasures through the real Kafka and PostgreSQL: any order ends alike, everything is counted once."""

import json
import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from services.reporting.projector import FiguresProjection
from services.reporting.submissions import read_submission
from services.reporting.trust import reported
from services.reporting.trust.comparison import differing
from services.reporting.trust.owners import SURVEY_FIGURES, survey_cells
from services.survey.intake import SEALED_FIELD
from services.survey.records import IntakeRecord, decode
from services.survey.submission import Submission
from shared.contracts.events import SurveySubmitted
from shared.contracts.topics import SURVEY_SUBMITTED
from shared.kafka.projection import Event
from shared.postgres.pool import acquire
from shared.security.sealing import Sealed
from tests.integration.reporting.conftest import fresh_pool
from tests.integration.survey.conftest import NOW, VOLUNTEER, Survey, chained, submission
from tests.integration.survey.test_counts import rows
from tests.simulation.rule import FIGURES, standing

BEARER = {"Authorization": "Bearer volunteer@50@7"}
OUTCOMES = ("no_answer", "appointment", "vaccinated", "changed_mind", "moved", "not_found", "died", "reopened")
NUMBER = "1101700230708"


def wanting(chance: random.Random, house: str, **changes: Any) -> dict[str, Any]:
    """A survey of one house whose first person wants vaccine and has a national id."""
    person = {"national_id": NUMBER, "age": 71, "wants_vaccine": "yes", "reasons": ["cost"], "name": "นางสาวสมหญิง ใจดี"}
    found = submission(chance, house=house, area="500101")
    return found | {"persons": [person, *found["persons"]], "contact": {"phone": "0812345678"}} | changes


def a_time(chance: random.Random) -> datetime:
    """Some time in the last weeks."""
    return NOW - timedelta(minutes=chance.randrange(100_000))


def follow_up(chance: random.Random, household: UUID, person: UUID, **changes: Any) -> dict[str, Any]:
    """A follow-up, at a random time unless it is given."""
    at = datetime.fromisoformat(changes["captured_at"]) if "captured_at" in changes else a_time(chance)
    outcome = changes.get("outcome", chance.choice(OUTCOMES))
    appointment = {"facility_id": str(UUID(int=5)), "at": (at + timedelta(days=3)).isoformat()}
    return {
        "follow_up_id": str(UUID(int=chance.getrandbits(128))),
        "captured_at": at.isoformat(),
        "household_id": str(household),
        "person_id": str(person),
        "outcome": outcome,
        "contact": "visit",
        "appointment": appointment if outcome == "appointment" else None,
        "note": "โทรแล้วไม่รับสาย",
    } | changes


async def follow(survey: Survey, *follow_ups: dict[str, Any]) -> None:
    """Sends follow-ups as one batch."""
    answers = await survey.intake.accept_follow_ups([json.dumps(one).encode() for one in follow_ups], VOLUNTEER)
    assert {answer.status for answer in answers} == {202}, answers


async def reached(survey: Survey) -> tuple[UUID, UUID]:
    """The one household and its first person to reach."""
    row = await survey.pool.fetchrow("SELECT household_id, person_id FROM reach ORDER BY place")
    assert row is not None
    return row["household_id"], row["person_id"]


async def counts(survey: Survey) -> dict[str, Any]:
    """The counts of the one household."""
    text = await survey.pool.fetchval("SELECT counts FROM household")
    return {} if text is None else {name: value for name, value in json.loads(text).items() if value}


async def logged(survey: Survey) -> list[IntakeRecord]:
    """Everything in the intake log."""
    consumer = AIOKafkaConsumer(**survey.kafka.for_aiokafka(), auto_offset_reset="earliest")
    await consumer.start()
    try:
        partitions = [TopicPartition(survey.intake_topic.name, p) for p in range(survey.intake_topic.partitions)]
        consumer.assign(partitions)
        ends = await consumer.end_offsets(partitions)
        found: list[IntakeRecord] = []
        while len(found) < sum(ends.values()):
            for batch in (await consumer.getmany(timeout_ms=200)).values():
                found += [decode(record.value) for record in batch]
        return found
    finally:
        await consumer.stop()


async def test_a_person_is_followed_from_wanting_vaccine_to_vaccinated(survey: Survey) -> None:
    chance = random.Random(1)
    alone = wanting(chance, "1", captured_at=(NOW - timedelta(days=9)).isoformat())
    alone["persons"] = alone["persons"][:1]
    async with survey.client() as client, survey.recorder():
        assert (await client.post("/v1/submissions", json=alone, headers=BEARER)).status_code == 202
        await survey.until_listed(1)
        household, person = await reached(survey)
        row = await survey.pool.fetchrow("SELECT * FROM reach")
        assert row is not None
        assert (row["status"], row["dose"], row["at_risk"], row["rank"], len(row["tokens"])) == ("open", 0, True, 3, 3)
        assert await counts(survey) == {
            "persons": 1,
            "dose_0": 1,
            "wanting": 1,
            "wanting_608": 1,
            "reasons": {"cost": 1},
        }
        at = (NOW - timedelta(days=2)).isoformat()
        booked = follow_up(chance, household, person, outcome="appointment", captured_at=at)
        given = {"outcome": "vaccinated", "captured_at": NOW.isoformat(), "dose": {"number": 1}}
        done = follow_up(chance, household, person, **given)
        answer = await client.post("/v1/follow-ups", json=booked, headers=BEARER)
        assert (answer.status_code, answer.json()) == (202, {"follow_up_id": booked["follow_up_id"], "status": 202})
        await survey.until_listed(2)
        row = await survey.pool.fetchrow("SELECT * FROM reach")
        assert row is not None
        assert (row["status"], row["facility_id"]) == ("appointed", UUID(int=5))
        assert row["due_at"] == datetime.fromisoformat(booked["appointment"]["at"])
        bad = done | {"follow_up_id": str(UUID(int=3)), "outcome": "gone"}
        batch = {"follow_ups": [done, bad, done, done | {"note": "x"}]}
        answer = await client.post("/v1/follow-ups:batch", json=batch, headers=BEARER | {"Accept-Language": "en"})
        assert answer.status_code == 207
        told = answer.json()["results"]
        assert [one["status"] for one in told] == [202, 400, 202, 409]
        assert told[1] == {
            "follow_up_id": None,
            "status": 400,
            "errors": [{"path": "outcome", "code": "not_a_choice", "message": "This is not one of the choices"}],
        }
        assert told[3]["errors"][0]["path"] == "follow_up_id"
        await follow(survey, done)  # the answer was lost
        await survey.until_listed(4)
        assert await counts(survey) == {"persons": 1, "dose_1": 1}
        fate = (await client.get(f"/v1/submissions/{done['follow_up_id']}", headers=BEARER)).json()
        assert (fate["status"], fate["kind"], fate["revision"]) == ("recorded", "follow_up", 3)
        assert [one["status"] for one in fate["repeats"]] == ["duplicate"]
        stranger = follow_up(chance, household, UUID(int=404), outcome="moved")
        await follow(survey, stranger)
        await survey.until_listed(5)
        fate = (await client.get(f"/v1/submissions/{stranger['follow_up_id']}", headers=BEARER)).json()
        assert (fate["status"], fate["reasons"][0]["code"]) == ("superseded", "not_to_reach")
        own = (await client.get("/v1/submissions", headers=BEARER)).json()["items"]
        assert [one["kind"] for one in own] == ["follow_up", None, "follow_up", "follow_up", "survey"]
    for body in chained(await survey.published()):
        SurveySubmitted.model_validate(body)


async def test_any_order_of_arrival_ends_in_the_same_state(survey: Survey) -> None:
    """Two surveys and follow-ups about their person arrive in five orders, cut into batches at random."""
    chance = random.Random(2)
    surveys = [wanting(chance, "1") for _ in range(3)]
    async with survey.recorder():
        await survey.accept(surveys[0])
        await survey.until_listed(1)
        household, person = await reached(survey)
    history: list[dict[str, Any]] = [*surveys, *(follow_up(chance, household, person) for _ in range(7))]
    taken, states = 1, []
    for _ in range(5):
        await survey.pool.execute("TRUNCATE household, reach, follow_up, submission, repeated_submission, person_index")
        taken = 0
        chance.shuffle(history)
        async with survey.recorder():
            for one in history:
                await (survey.accept(one) if "persons" in one else follow(survey, one))
                taken += 1
                if chance.random() < 0.5:
                    await survey.until_listed(taken)
            await survey.until_listed(taken)
        reach = await survey.pool.fetch("SELECT * FROM reach WHERE household_id = $1 ORDER BY place", household)
        house = await survey.pool.fetchrow("SELECT submission_id, captured_at, counts, followed_at FROM household")
        states.append((house, [{**row, "submission_id": None} for row in map(dict, reach)]))
        records = {record.submission_id: record for record in await logged(survey)}
        _, figures, reasons, persons = standing(list(records.values()))
        assert house is not None
        found = json.loads(house["counts"])
        assert {name: found[name] for name in FIGURES} == figures
        assert found["reasons"] == reasons
        names = ("status", "dose", "due_at", "facility_id", "wanting_since")
        assert {row["person_id"]: tuple(row[name] for name in names) for row in reach} == persons
    assert all(state == states[0] for state in states)


SEALED = "SELECT key_id, wrapped_key, sealed FROM submission WHERE submission_id = $1"


async def test_an_erased_household_is_gone_and_what_comes_late_is_not_kept(survey: Survey) -> None:
    chance = random.Random(3)
    first, late, new = (wanting(chance, "1") for _ in range(3))
    new["captured_at"] = (NOW + timedelta(minutes=5)).isoformat()
    async with survey.recorder():
        await survey.accept(first)
        await survey.until_listed(1)
        household, person = await reached(survey)
        await survey.accept(wanting(chance, "2"))
        await survey.until_listed(2)
        other = await survey.pool.fetchval("SELECT household_id FROM household WHERE household_id <> $1", household)
        await follow(survey, follow_up(chance, household, person), follow_up(chance, other, person))
        await survey.until_listed(4)
        erasure = UUID(int=99)
        for _ in range(2):  # the answer was lost, and it is another moment
            assert await survey.intake.erase(household, "500101", UUID(int=9), erasure_id=erasure)
            survey.clock.advance(timedelta(seconds=1))
        await survey.until_listed(6)
        await survey.accept(late)
        await follow(survey, follow_up(chance, household, person, outcome="vaccinated"))
        await survey.until_listed(8)
        pool = survey.pool
        row = await pool.fetchrow("SELECT * FROM household WHERE household_id = $1", household)
        assert row is not None
        assert (row["counts"], row["submission_id"], row["erased_by"]) == (None, erasure, UUID(int=9))
        for table in ("reach", "follow_up", "person_index"):
            left = await pool.fetchval(f"SELECT count(*) FROM {table} WHERE household_id = $1", household)  # noqa: S608
            assert left == 0, table
            kept = await pool.fetchval(f"SELECT count(*) FROM {table} WHERE household_id = $1", other)  # noqa: S608
            assert kept or table == "person_index", table
        told = await pool.fetch(
            "SELECT kind, outcome, wrapped_key, persons, reach FROM submission WHERE household_id = $1 "
            "ORDER BY sequence",
            household,
        )
        assert [tuple(row) for row in told] == [
            ("survey", "recorded", None, None, None),
            ("follow_up", told[1]["outcome"], None, None, None),
            ("erasure", "recorded", None, None, None),
            ("survey", "superseded", None, None, None),
            ("follow_up", "superseded", None, None, None),
        ]
        assert await pool.fetchval("SELECT count(wrapped_key) FROM submission WHERE household_id = $1", other) == 2
        await survey.accept(new)
        await survey.until_listed(9)
        assert await pool.fetchval("SELECT counts FROM household WHERE household_id = $1", household) is not None
    events = [body for body in chained(await survey.published()) if body["household_id"] == str(household)]
    for body in events:
        SurveySubmitted.model_validate(body)
    gone = events[2]
    assert (gone["kind"], gone["volunteer_id"], gone["after"]) == ("erasure", None, None)
    assert gone["before"] is not None
    assert (events[-1]["before"], events[-1]["outcome"]) == (None, "recorded")


async def test_one_person_is_erased_and_the_rest_of_the_household_stays(survey: Survey) -> None:
    chance = random.Random(4)
    whole = wanting(chance, "1", captured_at=(NOW - timedelta(days=3)).isoformat())
    other = {"name": "สมชาย ใจดี", "age": 40, "wants_vaccine": "yes", "national_id": "3100600451236"}
    whole |= {"persons": [whole["persons"][0], other], "position": {"lat": 18.79, "lon": 98.99}}
    known = survey.blind_index.of("surveyed-person", "3100600451236")[:16]
    await survey.pool.execute("INSERT INTO person_index VALUES ($1, $2)", known, UUID(int=1))  # in another household
    async with survey.recorder():
        await survey.accept(whole)
        await survey.until_listed(1)
        household, _ = await reached(survey)
        stays = await survey.pool.fetchval("SELECT person_id FROM reach WHERE place = 1")
        at = (NOW - timedelta(days=1)).isoformat()
        await follow(survey, follow_up(chance, household, stays, outcome="vaccinated", captured_at=at))
        await survey.until_listed(2)
        left = as_submission(whole | {"persons": [other]})
        assert await survey.intake.erase(household, "500101", UUID(int=9), erasure_id=UUID(int=98), left=left)
        await survey.until_listed(3)
    assert await counts(survey) == {"persons": 1, "dose_1": 1}
    row = await survey.pool.fetchrow("SELECT person_id, place, status, dose, submission_id FROM reach")
    assert row is not None
    assert tuple(row) == (stays, 0, "vaccinated", 1, UUID(int=98))
    assert await survey.pool.fetchval("SELECT cell_row FROM reach") is not None, "the house stands where it stood"
    flagged = await survey.pool.fetch("SELECT submission_id, flags FROM submission WHERE flags IS NOT NULL")
    expected = [(UUID(whole["submission_id"]), ["same_person"])]
    assert list(map(tuple, flagged)) == expected, "what nobody visited is not odd"
    keys = await survey.pool.fetch("SELECT submission_id, wrapped_key IS NULL AS destroyed FROM submission")
    assert {row["submission_id"]: row["destroyed"] for row in keys}[UUID(int=98)] is False
    assert sum(row["destroyed"] for row in keys) == 2
    assert await survey.pool.fetchval("SELECT count(*) FROM person_index") == 1
    sealed = await survey.pool.fetchrow(SEALED, UUID(int=98))
    assert sealed is not None
    opened = survey.intake._sealing.open_sealed(Sealed(*sealed), household=str(household), field=SEALED_FIELD)
    assert [one["name"] for one in json.loads(opened)["persons"]] == ["สมชาย ใจดี"]
    *_, event = [SurveySubmitted.model_validate(body) for body in chained(await survey.published())]
    assert (event.kind, event.outcome, event.volunteer_id, event.revision) == ("follow_up", "recorded", None, 3)
    assert event.before is not None
    assert event.after is not None
    assert (event.before.persons, event.after.persons) == (2, 1)


def as_submission(body: dict[str, Any]) -> Submission:
    """A submission as intake reads it."""
    return msgspec.json.decode(json.dumps(body), type=Submission)


async def test_reporting_agrees_with_the_surveys_own_counts_about_every_kind(survey: Survey) -> None:
    """Surveys, follow-ups, an erasure and the erasure of one person: compared as reconciliation compares."""
    chance = random.Random(5)
    sent = [wanting(chance, str(chance.randrange(12))) for _ in range(60)]
    async with survey.recorder():
        await survey.accept(*sent)
        await survey.until_listed(60)
        people = await survey.pool.fetch("SELECT household_id, person_id FROM reach ORDER BY 1, 2")
        await follow(survey, *(follow_up(chance, *chance.choice(people)) for _ in range(80)))
        await survey.until_listed(140)
        found = await survey.pool.fetch("SELECT household_id FROM household ORDER BY 1 LIMIT 2")
        houses = [row["household_id"] for row in found]
        assert await survey.intake.erase(houses[0], "500101", UUID(int=9))
        left = as_submission(submission(chance, house="x", area="500101"))
        assert await survey.intake.erase(houses[1], "500101", UUID(int=9), left=left)
        await survey.accept(*sent[:1], wanting(chance, "3"))
        await survey.until_listed(144)
    bodies = chained(await survey.published())
    assert {body["kind"] for body in bodies} == {"survey", "follow_up", "erasure"}
    async with fresh_pool(survey.runtime) as pool, survey.client() as client:
        async with acquire(pool) as connection, connection.transaction():
            await FiguresProjection().apply(connection, events_of(bodies))
        async with acquire(pool) as connection:
            shown = await reported.survey(connection, "50")
            days = await reported.days(connection, "500101")
        owned = dict(cell for row in await rows(client, "/v1/counts", "50") for cell in survey_cells(row))
        assert differing(owned, shown) == {}
        told = await rows(client, "/v1/counts/days", "500101")
        by_day = {(row["day"], name): row[name] for row in told for name in SURVEY_FIGURES}
        assert {(day.isoformat(), name): count for day, name, count in days} == by_day
        assert sum(count for (_, name), count in by_day.items() if name == "submissions") == 141  # of 60, 80 and 1


def events_of(bodies: Sequence[dict[str, Any]]) -> list[Event]:
    """The bodies as the projector reads them."""
    return [Event(SURVEY_SUBMITTED.name, 1, 0, read_submission(json.dumps(body).encode())) for body in bodies]


async def test_the_order_is_explained_to_who_works_by_it(survey: Survey) -> None:
    async with survey.client() as client:
        path = "/v1/need-to-reach/priorities"
        thai, english = [
            (await client.get(path, headers=BEARER | {"Accept-Language": language})).json() for language in ("th", "en")
        ]
        assert (await client.get(path)).status_code == 401
        officer = {"Authorization": "Bearer place_officer@50@7"}
        assert (await client.get(path, headers=officer)).status_code == 403
    assert [one["now"] for one in english["priorities"]] == [True, False]
    assert [one["now"] for one in english["complete"]] == [True, False]
    first, second = (told["priorities"][0]["ranks"][2] for told in (thai, english))
    assert first == second | {"meaning": "กลุ่ม 608 อายุ 80 ปีขึ้นไป"}
    assert second == {
        "rank": 2,
        "meaning": "608, 80 years or older",
        "home_visit": False,
        "at_risk": True,
        "least_age": 80,
    }
    assert [one["doses"] for one in english["complete"]] == [3, 2]
