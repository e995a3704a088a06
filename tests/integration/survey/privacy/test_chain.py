"""The audit log: who reads cannot change it, every way of tampering is noticed, and commits in any order are linked."""

import asyncio
from datetime import timedelta
from uuid import UUID

import asyncpg
import pytest

from services.survey.audit import Purpose, note_reading
from services.survey.privacy import chain
from services.survey.privacy.chain import Head, Linking, Verification
from services.survey.privacy.retention import READINGS_KEPT
from shared.observability.metrics import READING_CHAIN_BROKEN, READING_CHAIN_LENGTH
from tests.integration.survey.conftest import NOW, VOLUNTEER, Survey
from tests.integration.survey.privacy.conftest import linked, read, superuser

COLUMNS = "position, reading_id, read_at, linked_at, content, hash"


async def verified(survey: Survey, noted: Head | None = None) -> Verification:
    """A walk along the chain."""
    async with survey.pool.acquire() as connection:
        return await chain.verify(connection, now=survey.clock.now(), noted=noted)


async def test_each_reading_is_linked_once_and_the_chain_is_whole(survey: Survey) -> None:
    await linked(survey, 25)
    await Linking(survey.pool, survey.clock).turn()  # another keeper goes on where the first one ended
    found = await verified(survey)
    assert (found.intact, found.head.position, found.late, found.faults) == (True, 25, 0, {})
    assert await survey.pool.fetchval("SELECT count(*) FROM reading_waiting") == 0
    assert (await verified(survey, found.head)).intact
    assert Head.read(str(found.head)) == found.head


async def test_a_lower_number_that_commits_later_is_linked_all_the_same(survey: Survey) -> None:
    """Numbers are given before transactions commit: the chain follows the commits."""
    async with survey.pool.acquire() as slow:
        late = slow.transaction()
        await late.start()
        await note_reading(slow, VOLUNTEER, Purpose.HOUSEHOLD, [UUID(int=1)], now=NOW)
        keeper = await linked(survey, 3)
        await late.commit()
    await keeper.turn()
    order = [row[0] for row in await survey.pool.fetch("SELECT reading_id FROM reading_link ORDER BY position")]
    assert order == [2, 3, 4, 1]
    assert (await verified(survey)).intact


async def test_readings_in_crowds_beside_the_keeper_leave_no_gap(survey: Survey) -> None:
    keeper = Linking(survey.pool, survey.clock)

    async def reader(number: int) -> None:
        for count in range(30):
            await read(survey, [UUID(int=1000 * number + count)])

    async def linking() -> None:
        for _ in range(20):
            await keeper.turn()

    await asyncio.gather(*(reader(number) for number in range(3)), linking())
    await keeper.turn()
    found = await verified(survey)
    assert (found.intact, found.head.position) == (True, 90)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE reading SET reader = gen_random_uuid()",
        "DELETE FROM reading",
        "TRUNCATE reading",
        "DROP TABLE reading CASCADE",
        "ALTER TABLE reading DISABLE TRIGGER ALL",
        "UPDATE reading_link SET hash = content",
        "DELETE FROM reading_link",
        "DROP TABLE reading_link",
        "CREATE OR REPLACE RULE none AS ON INSERT TO reading DO INSTEAD NOTHING",
    ],
)
async def test_the_service_s_role_can_only_add_and_read(survey: Survey, statement: str) -> None:
    await linked(survey, 2)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await survey.pool.execute(statement)
    assert (await verified(survey)).intact


TAMPERING: dict[str, tuple[str, set[str]]] = {
    "a reader is exchanged": ("UPDATE reading SET reader = gen_random_uuid() WHERE id = 3", {"changed"}),
    "a household is left out": ("UPDATE reading SET households = '{}' WHERE id = 3", {"changed"}),
    "a time is moved": ("UPDATE reading SET read_at = read_at - interval '1 day' WHERE id = 3", {"changed"}),
    "two rows change places": (
        "UPDATE reading AS r SET households = o.households FROM reading AS o WHERE r.id + o.id = 7 AND r.id IN (3, 4)",
        {"changed"},
    ),
    "a row is deleted": ("DELETE FROM reading WHERE id = 3", {"deleted"}),
    "a row is deleted with its link": (
        "WITH gone AS (DELETE FROM reading_link WHERE reading_id = 3) DELETE FROM reading WHERE id = 3",
        {"missing_link", "hash"},
    ),
    "and the links behind it are moved up": (
        "DELETE FROM reading_link WHERE position = 3; DELETE FROM reading WHERE id = 3;"
        "UPDATE reading_link SET position = -position WHERE position > 3;"
        "UPDATE reading_link SET position = -position - 1 WHERE position < 0",
        {"hash"},
    ),
    "a link is forged": ("UPDATE reading_link SET content = sha256('x') WHERE position = 3", {"changed", "hash"}),
    "two links change places": (
        "UPDATE reading_link SET position = -position WHERE position IN (3, 4);"
        "UPDATE reading_link SET position = 7 + position WHERE position < 0",
        {"hash"},
    ),
    "a row comes in past the trigger": (
        "SET session_replication_role = replica;"
        "INSERT INTO reading (read_at, reader, role, area, purpose, households)"
        " VALUES (now(), gen_random_uuid(), 'volunteer', '50', 'reach', '{}')",
        {"not_linked"},
    ),
    "a link is put in": (
        "INSERT INTO reading_link VALUES (7, 99, now(), now(), sha256('x'), sha256('y'))",
        {"hash", "deleted"},
    ),
}


@pytest.mark.parametrize("what", TAMPERING)
async def test_tampering_is_noticed(survey: Survey, what: str) -> None:
    """By somebody with the server's own role, who may do everything."""
    await linked(survey, 6)
    statement, faults = TAMPERING[what]
    async with superuser(survey) as anybody:
        await anybody.execute(statement)
    found = await verified(survey)
    assert not found.intact
    assert set(found.faults) == faults, found.findings


async def test_an_end_that_was_cut_off_is_noticed_by_a_noted_head_and_by_the_keeper(survey: Survey) -> None:
    keeper = await linked(survey, 6)
    noted = (await verified(survey)).head
    async with superuser(survey) as anybody:
        await anybody.execute("DELETE FROM reading_link WHERE position > 4; DELETE FROM reading WHERE id > 4")
    assert (await verified(survey)).intact, "which is why a head has to be noted"
    assert set((await verified(survey, noted)).faults) == {"cut"}
    broken = READING_CHAIN_BROKEN._value.get
    READING_CHAIN_BROKEN.set(0)
    await keeper.turn()
    assert broken() == 1
    READING_CHAIN_BROKEN.set(0)
    for number in range(3):  # grown again beyond it: another hash stands there
        await read(survey, [UUID(int=50 + number)])
    await Linking(survey.pool, survey.clock).turn()
    assert set((await verified(survey, noted)).faults) == {"other_head"}


async def test_links_of_another_keeper_are_no_alarm(survey: Survey) -> None:
    """One that is the keeper again after another; it is the same with a commit whose answer was lost."""
    READING_CHAIN_BROKEN.set(0)
    first = await linked(survey, 2)
    second = Linking(survey.pool, survey.clock)
    for keeper in (second, first, second, first):
        await read(survey, [UUID(int=9)])
        await keeper.turn()
    assert (READING_CHAIN_BROKEN._value.get(), READING_CHAIN_LENGTH._value.get()) == (0, 6)
    first.let_go()
    assert READING_CHAIN_LENGTH._value.get() == 0, "which the other one tells of now"


async def test_a_reading_that_was_dated_back_is_remarked_upon(survey: Survey) -> None:
    await read(survey, [UUID(int=1)], at=NOW - timedelta(hours=2))
    await Linking(survey.pool, survey.clock).turn()
    found = await verified(survey)
    assert (found.intact, found.late) == (True, 1)


async def test_old_readings_are_forgotten_and_the_chain_is_still_followed(survey: Survey) -> None:
    """The database itself refuses to forget what is younger than two years, whoever asks."""
    real_now = await survey.pool.fetchval("SELECT now()")
    old, young = real_now - READINGS_KEPT - timedelta(days=3), real_now - timedelta(days=400)
    survey.clock.advance(real_now - survey.clock.now())
    for at in (old, old, young):
        await read(survey, [UUID(int=1)], at=at)
    await Linking(survey.pool, survey.clock).turn()
    assert await survey.pool.fetchval("SELECT forget_readings(now() + interval '10 years', 1000)") == 2
    assert await survey.pool.fetchval("SELECT count(*) FROM reading") == 1
    found = await verified(survey)
    assert (found.intact, found.forgotten, found.head.position) == (True, 2, 3)
