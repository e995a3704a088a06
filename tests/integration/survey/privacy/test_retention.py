"""What is kept for longer than its purpose needs ends by the clock, and nothing else does."""

import random
from datetime import timedelta
from uuid import UUID

from services.survey.help.domain import KEPT as HELP_KEPT
from services.survey.opening import submissions as opened
from services.survey.privacy.purposes import PERIODS, Purpose, period
from services.survey.privacy.retention import Retention, due
from tests.integration.survey.conftest import NOW, Survey, submission
from tests.integration.survey.privacy.test_requests import home


def days(purpose: Purpose) -> timedelta:
    """How long it is kept."""
    return period(purpose, NOW).kept


async def left(survey: Survey) -> set[str]:
    """The submissions that can still be opened."""
    ids = [row[0] for row in await survey.pool.fetch("SELECT submission_id FROM submission")]
    async with survey.pool.acquire() as connection:
        return {str(one) for one in await opened(connection, survey.sealing, ids)}


async def counted(survey: Survey) -> dict[Purpose, int]:
    """What the dry run says."""
    async with survey.pool.acquire() as connection:
        return dict(await due(connection, survey.clock.now()))


async def test_replaced_visits_end_after_their_time_and_standing_ones_after_theirs(survey: Survey) -> None:
    keeper = Retention(survey.pool, survey.clock)
    first, second = home(), home(captured_at=NOW.isoformat())
    other = submission(random.Random(5), house="7", area="500102") | {"captured_at": NOW.isoformat()}
    async with survey.recorder():
        await survey.accept(first, other)
        await survey.until_listed(2)
        survey.clock.advance(timedelta(days=60))
        await survey.accept(second | {"captured_at": survey.clock.now().isoformat()})
        await survey.until_listed(3)
    everything = {first["submission_id"], second["submission_id"], other["submission_id"]}
    survey.clock.advance(days(Purpose.SUPERSEDED) - timedelta(seconds=1))
    await keeper.turn()
    assert await left(survey) == everything, "it was replaced for a second less than its time"
    survey.clock.advance(timedelta(seconds=2))
    assert (await counted(survey))[Purpose.SUPERSEDED] == 1
    assert await left(survey) == everything, "a dry run changes nothing"
    await keeper.turn()
    assert await left(survey) == everything - {first["submission_id"]}
    assert (await counted(survey))[Purpose.SUPERSEDED] == 0
    counts = await survey.pool.fetchval("SELECT count(*) FROM household WHERE counts IS NOT NULL")

    survey.clock.advance(days(Purpose.SURVEY) - timedelta(days=120))
    await keeper.turn()
    assert await left(survey) == {second["submission_id"]}
    assert await survey.pool.fetchval("SELECT count(*) FROM person_index") == 1, "the later visit needs it"
    survey.clock.advance(timedelta(days=120))
    await keeper.turn()
    assert await left(survey) == set()
    for table in ("person_index", "reach", "follow_up"):
        assert await survey.pool.fetchval(f"SELECT count(*) FROM {table}") == 0, table  # noqa: S608
    assert await survey.pool.fetchval("SELECT count(*) FROM household WHERE counts IS NOT NULL") == counts == 2


async def test_sightings_and_requests_end_and_turns_are_repeatable(survey: Survey) -> None:
    keeper = Retention(survey.pool, survey.clock)
    insert = "INSERT INTO volunteer_sighting VALUES ($1, $2, 1, 1)"
    await survey.pool.execute(insert, UUID(int=1), NOW - days(Purpose.SIGHTING) - timedelta(seconds=1))
    await survey.pool.execute(insert, UUID(int=2), NOW - days(Purpose.SIGHTING) + timedelta(seconds=1))
    request = (
        "INSERT INTO subject_request (request_id, kind, state, area, household_id, subject, identity, asked_at, due_at,"
        " closed_at, key_id, wrapped_key, sealed)"
        " VALUES ($1, 'access', 'refused', '500101', $1, $1, 'phone', $2, $2, $2, 'k', 'x', 'y')"
    )
    await survey.pool.execute(request, UUID(int=1), NOW - days(Purpose.SUBJECT_REQUEST) - timedelta(seconds=1))
    await survey.pool.execute(request, UUID(int=2), NOW - days(Purpose.SUBJECT_REQUEST) + timedelta(seconds=1))
    told = await counted(survey)
    assert (told[Purpose.SIGHTING], told[Purpose.SUBJECT_REQUEST]) == (1, 1)
    for _ in range(2):
        await keeper.turn()
        assert [row[0] for row in await survey.pool.fetch("SELECT volunteer_id FROM volunteer_sighting")] == [
            UUID(int=2)
        ]
        kept = await survey.pool.fetch("SELECT request_id FROM subject_request WHERE wrapped_key IS NOT NULL")
        assert [row[0] for row in kept] == [UUID(int=2)]
        assert await survey.pool.fetchval("SELECT count(subject) FROM subject_request") == 1


def test_every_purpose_has_a_period_and_later_lines_take_their_day() -> None:
    assert {one.purpose for one in PERIODS} == {*Purpose}
    assert days(Purpose.HELP) == HELP_KEPT, "help ends its own"
    for purpose in Purpose:
        lines = [one.since for one in PERIODS if one.purpose is purpose]
        assert lines == sorted(lines)
        assert period(purpose, NOW).since <= NOW.date()
