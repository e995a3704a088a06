"""Quality flags on a real Kafka and PostgreSQL: in the row, both answers and the event, and published again alike."""

import json
import random
from collections import Counter
from datetime import timedelta
from typing import Any

from shared.contracts.events import QualityFlag, SurveySubmitted
from shared.observability.clock import BANGKOK
from tests.integration.survey.conftest import NOW, Survey, chained, submission
from tests.integration.survey.test_fates import LIST, OWN, by

HOME, BANGKOK_CITY = {"lat": 18.7883, "lon": 98.9853}, {"lat": 13.7563, "lon": 100.5018}
RIGHT, WRONG = "1101700230708", "1101700230704"


def visit(chance: random.Random, minutes: float, **changes: Any) -> dict[str, Any]:
    """A visit to a house of its own, `minutes` after a day before now."""
    captured_at = (NOW - timedelta(days=1) + timedelta(minutes=minutes)).astimezone(BANGKOK).isoformat()
    house = str(chance.getrandbits(32))
    return submission(chance, house=house, area="500101") | {"captured_at": captured_at, "persons": []} | changes


async def test_flags_are_recorded_told_published_and_published_again(survey: Survey) -> None:
    chance = random.Random(31)
    person = {"national_id": RIGHT, "age": 40}
    ordinary = [visit(chance, number, position=HOME) for number in range(5)]
    first = visit(chance, 0, persons=[person])
    batches = [
        [*ordinary, first],
        [
            visit(chance, 20, position=BANGKOK_CITY),
            visit(chance, 0, persons=[person | {"national_id": "1-1017-00230-70-8"}]),
            visit(chance, 0, persons=[{"national_id": WRONG, "national_id_as_shown": True}]),
            first | {"submission_id": visit(chance, 0)["submission_id"]},  # the same household once more
        ],
    ]
    flags = [("implausible_speed", "position_elsewhere"), ("same_person",), ("check_digit",), ()]
    expected = dict.fromkeys((one["submission_id"] for one in batches[0]), ()) | {
        one["submission_id"]: of_it for one, of_it in zip(batches[1], flags, strict=True)
    }
    async with survey.recorder(), survey.client() as client:
        recorded = 0
        for batch in batches:  # one after the other, so that what came before is known
            assert {answer.status for answer in await survey.accept(*batch)} == {202}
            recorded += len(batch)
            await survey.until_recorded(recorded)
        listed = (await client.get(LIST, headers=OWN)).json()["items"]
        assert {one["submission_id"]: tuple(flag["code"] for flag in one["flags"]) for one in listed} == expected
        for one in batches[1][:3]:
            english = (await client.get(f"{LIST}/{one['submission_id']}", headers=OWN)).json()["flags"]
            thai = (await client.get(f"{LIST}/{one['submission_id']}", headers=by("volunteer", "50", 7, "th"))).json()
            assert tuple(flag["code"] for flag in english) == expected[one["submission_id"]]
            assert all(flag["message"].isascii() for flag in english)
            assert not any(flag["message"].isascii() for flag in thai["flags"])

    rows = await survey.pool.fetch("SELECT submission_id::text, flags FROM submission")
    assert {row[0]: row[1] for row in rows} == {key: list(of_it) or None for key, of_it in expected.items()}
    before = await survey.published()
    bodies = chained(before)
    assert {body["submission_id"]: tuple(body["flags"]) for body in bodies} == expected
    assert {flag for body in bodies for flag in SurveySubmitted.model_validate(body).flags} == {*QualityFlag} - {
        QualityFlag.ON_BEHALF
    }, "which no volunteer's has"

    await survey.pool.execute("UPDATE consumer_position SET published = 0")
    async with survey.recorder():
        await survey.accept(visit(chance, 0))
        await survey.until_recorded(recorded + 1)
    again = Counter((record.key, record.value) for of_one in await survey.published() for record in of_one)
    assert all(again[record.key, record.value] == 2 for of_one in before for record in of_one)

    texts = [json.dumps(dict(row), default=str) for row in await survey.pool.fetch("SELECT * FROM volunteer_sighting")]
    assert len(texts) == 1  # one volunteer, one row
    assert "98.98" not in texts[0]


async def test_one_household_is_remembered_and_an_erasure_finds_it(survey: Survey) -> None:
    chance = random.Random(32)
    sent = [visit(chance, 0, persons=[{"national_id": RIGHT}]) for _ in range(40)]
    async with survey.recorder():
        async with survey.recorder():  # two at once: the second of two waits for the first one's commit
            await survey.accept(*sent)
            await survey.until_recorded(40)
        [row] = await survey.pool.fetch("SELECT household_id, blind_index FROM person_index")
        assert RIGHT.encode() not in row["blind_index"]
        unflagged = await survey.pool.fetch("SELECT household_id FROM submission WHERE flags IS NULL")
        assert [one["household_id"] for one in unflagged] == [row["household_id"]]
        erased = await survey.pool.execute(
            "DELETE FROM person_index USING submission WHERE submission.household_id = $1"
            " AND person_index.household_id = $1 AND blind_index = ANY (submission.persons)",
            row["household_id"],
        )
        assert erased == "DELETE 1"
        await survey.accept(visit(chance, 0, persons=[{"national_id": RIGHT}]))
        await survey.until_recorded(41)
    assert await survey.pool.fetchval("SELECT count(*) FROM submission WHERE flags IS NULL") == 2
