"""Sealing keys are rotated while intake and recorder run, and a keeper that is ended in between costs nothing."""

import argparse
import asyncio
import base64
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from services.survey.intake import Intake
from services.survey.opening import submissions as opened
from services.survey.privacy.sealed import TABLES
from shared.kafka.producer import create_producer
from shared.postgres import rewrapping
from shared.postgres.key_administration import NotNow, administer
from shared.postgres.rewrapping import Rewrapping
from shared.security.sealing import KeyRing, rotate
from tests.integration.survey.conftest import Survey, submissions
from tests.integration.survey.privacy.conftest import superuser


@pytest.fixture
def ring_file(tmp_path: Path) -> Path:
    """A ring with one key."""
    path = tmp_path / "ring.json"
    key = base64.b64encode(os.urandom(32)).decode()
    path.write_text(json.dumps({"current": "k1", "keys": {"k1": key}}))
    return path


@asynccontextmanager
async def recording(survey: Survey, ring: KeyRing) -> AsyncIterator[None]:
    """Intake that seals under a ring, and a recorder."""
    producer = create_producer(survey.kafka, compression=None)
    await producer.start()
    try:
        survey.intake = Intake(
            producer, ring, survey.household_ids, survey.blind_index, survey.clock, survey.intake_topic
        )
        async with survey.recorder():
            yield
    finally:
        await producer.stop()


async def keys_of(survey: Survey) -> dict[str, int]:
    """How many submissions are under which key."""
    rows = await survey.pool.fetch("SELECT key_id, count(*) FROM submission WHERE wrapped_key IS NOT NULL GROUP BY 1")
    return {row[0]: row[1] for row in rows}


def command(name: str, **given: object) -> argparse.Namespace:
    """A command line."""
    return argparse.Namespace(command=name, **{"now": False} | given)


async def test_keys_are_rotated_under_load_with_the_keeper_ended_in_between(
    survey: Survey, ring_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rewrapping, "BLOCKS", 2)  # many stretches, so that it can be ended between two
    sealing = KeyRing.from_file(ring_file)
    async with recording(survey, sealing):
        await survey.accept(*submissions(61, 400, houses=100))
        await survey.until_recorded(400)
        assert await keys_of(survey) == {"k1": 400}
        erased = await survey.pool.fetchval(
            "UPDATE submission SET wrapped_key = NULL WHERE submission_id ="
            " (SELECT min(submission_id::text)::uuid FROM submission) RETURNING submission_id"
        )

        async def load() -> None:
            for part in range(10):
                sealing.reload()
                answers = await survey.accept(*submissions(70 + part, 40, houses=100))
                assert {one.status for one in answers} == {202}

        loading = asyncio.create_task(load())
        assert rotate(ring_file, survey.clock.now()) == "k2"
        first = asyncio.create_task(Rewrapping(survey.pool, KeyRing.from_file(ring_file), TABLES).turn())
        while (await keys_of(survey)).get("k2", 0) < 20:
            await asyncio.sleep(0)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        assert (await keys_of(survey)).get("k1", 0) > 0, "it was ended before its end"
        await loading
        await survey.until_recorded(800)
        await Rewrapping(survey.pool, KeyRing.from_file(ring_file), TABLES).turn()
    assert await keys_of(survey) == {"k2": 799}
    ids = [row[0] for row in await survey.pool.fetch("SELECT submission_id FROM submission")]
    async with survey.pool.acquire() as connection:
        assert len(await opened(connection, sealing, ids)) == 799
        assert erased not in await opened(connection, sealing, ids)


async def test_what_is_recorded_under_the_old_key_after_a_pass_is_taken_by_the_next(
    survey: Survey, ring_file: Path
) -> None:
    late = KeyRing.from_file(ring_file)  # of an intake that has not read the ring again
    keeper = Rewrapping(survey.pool, KeyRing.from_file(ring_file), TABLES)
    rotate(ring_file, survey.clock.now())
    async with recording(survey, late):
        for number in (1, 2):
            await survey.accept(*submissions(62 + number, 10, houses=10))
            await survey.until_recorded(10 * number)
            assert (await keys_of(survey))["k1"] == 10
            await keeper.turn()
            assert await keys_of(survey) == {"k2": 10 * number}


async def test_damaged_keys_are_told_in_one_line_and_hold_up_no_other(survey: Survey, ring_file: Path) -> None:
    async with recording(survey, KeyRing.from_file(ring_file)):
        await survey.accept(*submissions(65, 10, houses=10))
        await survey.until_recorded(10)
    await survey.pool.execute(
        "UPDATE submission SET wrapped_key = sha512(wrapped_key)"
        " WHERE submission_id IN (SELECT submission_id FROM submission LIMIT 3)"
    )
    rotate(ring_file, survey.clock.now())
    with capture_logs() as lines:
        await Rewrapping(survey.pool, KeyRing.from_file(ring_file), TABLES).turn()
    assert await keys_of(survey) == {"k1": 3, "k2": 7}
    told = [(line["table"], line["rows"]) for line in lines if line["event"] == "wrapped_keys_broken"]
    assert told == [("submission", 3)]


async def test_an_old_key_is_retired_when_nothing_needs_it_and_closes_every_copy(
    survey: Survey, ring_file: Path
) -> None:
    sealing = KeyRing.from_file(ring_file)
    week = timedelta(days=7)

    async def told(name: str, **given: object) -> dict[str, object]:
        return await administer(command(name, **given), survey.pool, ring_file, TABLES, survey.clock, held_for=week)

    async with recording(survey, sealing):
        await survey.accept(*submissions(62, 50, houses=50))
        await survey.until_recorded(50)
        backup = await survey.pool.fetch(
            "SELECT submission_id, household_id, key_id, wrapped_key, sealed FROM submission"
        )
        with pytest.raises(NotNow, match="current"):
            await told("retire", key="k1", now=True)
        assert (await told("rotate"))["current"] == "k2"
        with pytest.raises(NotNow, match="50 rows"):
            await told("retire", key="k1", now=True)
        assert (await told("status"))["rows"] == {"submission": {"k1": 50}} | {one.name: {} for one in TABLES[1:]}
        await Rewrapping(survey.pool, KeyRing.from_file(ring_file), TABLES).turn()
        with pytest.raises(NotNow, match="in five minutes"):
            await told("retire", key="k1", now=True)
        survey.clock.advance(timedelta(minutes=6))
        with pytest.raises(NotNow, match="on their way"):
            await told("retire", key="k1")
        survey.clock.advance(week)
        assert (await told("retire", key="k1"))["keys"] == ["k2"]
    sealing.reload()
    async with survey.pool.acquire() as connection:
        assert len(await opened(connection, sealing, [row["submission_id"] for row in backup])) == 50
    # A backup of before, put back as it was: nothing of it opens any more.
    async with superuser(survey) as anybody:
        for row in backup:
            await anybody.execute(
                "UPDATE submission SET key_id = $2, wrapped_key = $3 WHERE submission_id = $1",
                *(row["submission_id"], row["key_id"], row["wrapped_key"]),
            )
    async with survey.pool.acquire() as connection:
        assert await opened(connection, sealing, [row["submission_id"] for row in backup]) == {}


async def test_every_table_with_sealed_rows_is_named(survey: Survey) -> None:
    """A table that is forgotten would lose what it holds when an old key is retired."""
    found = await survey.pool.fetch(
        "SELECT table_name, column_name FROM information_schema.columns"
        " WHERE table_schema = 'public' AND column_name IN ('wrapped_key', 'note_wrapped')"
    )
    assert {(row[0], row[1]) for row in found} == {(table.name, table.wrapped) for table in TABLES}
