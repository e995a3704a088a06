"""Dead letters and gaps: looked at, applied after all, given up; and what a rebuild makes of them."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from uuid import uuid4

import httpx
import pytest

from services.reporting.ends import StreamEnds
from services.reporting.projector import FiguresProjection
from services.reporting.rebuild import store as rebuilds
from services.reporting.rebuild.duty import Rebuilding
from services.reporting.store import Pool
from services.reporting.trust.gaps import DismissedGaps, NotedGaps, heed_dismissals
from shared.contracts.events import Role, SurveySubmitted
from shared.contracts.topics import Topic
from shared.kafka.consumer import PositionedConsumer
from shared.kafka.position import Position
from shared.kafka.projection import MOST_KEPT_BYTES, ProjectionHandler, TooMuchPoison
from shared.kafka.settings import KafkaSettings
from shared.observability.clock import MovableClock
from shared.postgres.pool import acquire
from shared.postgres.settings import PostgresSettings
from tests.integration.reporting.conftest import PATIENCE_SECONDS, Streams, as_role, eventually, lag
from tests.integration.reporting.test_figures import submitted
from tests.unit.reporting.campaigns import campaign

CENTRE = as_role(Role.CENTRAL_ADMINISTRATOR, "")
EXCLUSIVE = "AccessExclusiveLock"
REASON = {"reason": "ข้อมูลทดสอบ"}
FIRST = submitted(campaign(seed=3, length=1).events[0])
VALUE = FIRST.model_dump_json().encode()
NEWER = json.dumps(FIRST.model_dump(mode="json") | {"kind": "of a newer producer"}).encode()


class OlderProjection(FiguresProjection):
    """A projector whose decoder refuses every body with `mark` in it; that of today reads it."""

    def __init__(self, topics: Sequence[Topic], mark: bytes) -> None:
        super().__init__(topics)
        self.decoders: Mapping[str, Callable[[bytes], Any]] = {
            name: self._without(decode, mark) for name, decode in self.decoders.items()
        }

    @staticmethod
    def _without(decode: Callable[[bytes], Any], mark: bytes) -> Callable[[bytes], Any]:
        def read(value: bytes) -> Any:
            if mark in value:
                raise ValueError("not yet")
            return decode(value)

        return read


@asynccontextmanager
async def projecting(kafka: KafkaSettings, pool: Pool, topics: Sequence[Topic], mark: bytes) -> AsyncIterator[None]:
    """A projector that cannot read everything yet, and that notes gaps and heeds dismissals."""
    handler = ProjectionHandler(OlderProjection(topics, mark), topics, gaps=NotedGaps())
    consumer = PositionedConsumer(kafka, pool, group=f"reporting-{uuid4()}", topics=topics, handler=handler)
    stopping = asyncio.Event()
    tasks = [
        asyncio.create_task(consumer.run(stopping)),
        asyncio.create_task(heed_dismissals(pool, handler, consumer, stopping)),
    ]
    try:
        yield
    finally:
        stopping.set()
        await asyncio.gather(*tasks)


async def submissions(pool: Pool) -> int:
    """As everybody sees them."""
    return int(await pool.fetchval("SELECT coalesce(sum(submissions), 0) FROM survey_subdistrict"))


async def rebuilt(
    kafka: KafkaSettings, database: PostgresSettings, pool: Pool, clock: MovableClock, topics: Sequence[Topic]
) -> None:
    """Has everything made anew by today's code."""
    async with acquire(pool) as connection:
        assert await rebuilds.ask(connection, "operator", "to be sure", None, clock.now())
    await Rebuilding(pool, kafka, database, clock, topics=topics, group=f"rebuild-{uuid4()}").turn()
    async with acquire(pool) as connection:
        assert (await rebuilds.latest(connection, 1))[0].state == "done"


async def test_letters_are_looked_at_replayed_dismissed_and_rebuilt(
    kafka: KafkaSettings,
    database: PostgresSettings,
    pool: Pool,
    topics: tuple[Topic, ...],
    streams: Streams,
    ends: StreamEnds,
    client: httpx.AsyncClient,
    clock: MovableClock,
) -> None:
    survey = streams.of(SurveySubmitted)
    key = str(FIRST.household_id)
    again = VALUE.replace(b"{", b'{"mark": "x", ', 1)
    for body in (VALUE, again, again, b"{}", b"{" + b" " * MOST_KEPT_BYTES, NEWER):
        await streams.put(survey, *streams.numbers(survey, key), body, key=key)
    await streams.put_raw(survey, survey.partition_of(key), b"foreign matter \0", key=key)

    async def applied() -> bool:
        await ends.measure()
        return await lag(pool) == 0

    async with projecting(kafka, pool, topics, b'"mark"'):
        await eventually(applied, "everything has been applied or put aside")
        assert await submissions(pool) == 1
        assert (await client.get("/v1/dead-letters")).status_code == 401
        elsewhere = as_role(Role.PROVINCE_ADMINISTRATOR, "50")
        assert (await client.get("/v1/dead-letters", headers=elsewhere)).status_code == 403
        first = (await client.get("/v1/dead-letters", headers=CENTRE, params={"limit": 2})).json()
        rest = (await client.get("/v1/dead-letters", headers=CENTRE, params={"cursor": first["cursor"]})).json()
        assert rest["cursor"] is None
        one, other, empty, large, newer, foreign = [letter["id"] for letter in first["items"] + rest["items"]]

        looked = (await client.get(f"/v1/dead-letters/{one}", headers=CENTRE)).json()
        assert looked["body"] == again.decode()
        assert looked["headers"]["ce_type"] == survey.event_type
        assert looked["faults"] == []
        assert (await client.get(f"/v1/dead-letters/{empty}", headers=CENTRE)).json()["faults"]
        assert "\0" not in (await client.get(f"/v1/dead-letters/{foreign}", headers=CENTRE)).json()["body"]
        assert (await client.get("/v1/dead-letters/999999", headers=CENTRE)).status_code == 404

        async def step(number: int, what: str, **body: Any) -> httpx.Response:
            return await client.post(f"/v1/dead-letters/{number}/{what}", headers=CENTRE, **body)

        assert (await step(one, "replay")).status_code == 204
        assert await submissions(pool) == 2
        refused = await step(one, "replay")
        assert (refused.status_code, refused.json()["code"]) == (409, "already_resolved")
        assert await submissions(pool) == 2
        causes = [
            (await step(number, "replay")).json()["errors"][0]["code"] for number in (empty, large, newer, foreign)
        ]
        assert causes == ["unreadable_body", "not_kept_whole", "unreadable_body", "no_sequence"]
        assert (await step(foreign, "dismissal", json={"reason": ""})).status_code == 400
        assert (await step(foreign, "dismissal", json=REASON)).status_code == 204
        assert (await step(foreign, "dismissal", json=REASON)).status_code == 409

        await rebuilt(kafka, database, pool, clock, topics)
        assert await submissions(pool) == 3  # what was replayed is counted once, and what was not is read in its place
    every = (await client.get("/v1/dead-letters", headers=CENTRE, params={"resolved": True})).json()["items"]
    became = {letter["id"]: (letter["resolution"], letter["reason"]) for letter in every}
    assert became == {
        one: ("replayed", None),
        other: ("rebuilt", None),
        empty: (None, None),
        large: (None, None),
        newer: (None, None),
        foreign: ("dismissed", REASON["reason"]),
    }
    told = (await client.get("/v1/trust")).json()
    assert [(each["cause"], each["letters"]) for each in told["dead_letters"]] == [("unreadable_body", 3)]


async def test_a_dismissed_gap_is_passed_over_now_and_by_every_rebuild(
    kafka: KafkaSettings,
    database: PostgresSettings,
    pool: Pool,
    topics: tuple[Topic, ...],
    streams: Streams,
    client: httpx.AsyncClient,
    clock: MovableClock,
) -> None:
    """Exactly that one; the next gap waits again, and closes by itself when what is missing comes. A rebuild that is
    under way at a gap heeds its dismissal, too."""
    survey = streams.of(SurveySubmitted)
    partition = (survey.partition_of(str(FIRST.household_id)) + 1) % survey.partitions
    before = await submissions(pool)
    await streams.put(survey, partition, 2, None, VALUE)
    await streams.put(survey, partition, 6, 4, VALUE)

    async def gaps() -> list[tuple[Any, ...]]:
        items = (await client.get("/v1/gaps", headers=CENTRE)).json()["items"]
        return [(gap["topic"], gap["partition"], gap["last"], gap["previous"]) for gap in items]

    async def counted(number: int, waiting: list[tuple[Any, ...]]) -> None:
        async def so() -> bool:
            return await submissions(pool) == before + number and await gaps() == waiting

        await eventually(so, f"{number} more submissions, and these gaps: {waiting}")

    async def dismiss(last: int, previous: int) -> int:
        gap = {"topic": survey.name, "partition": partition, "last": last, "previous": previous}
        return (await client.post("/v1/gaps/dismissals", headers=CENTRE, json=gap | REASON)).status_code

    async with projecting(kafka, pool, topics, b"\0"):
        await counted(1, [(survey.name, partition, 2, 4)])
        assert (await client.get("/v1/trust")).json()["gaps"][0]["previous"] == 4
        assert await dismiss(2, 5) == 404
        assert await dismiss(2, 4) == 204
        await counted(2, [])
        await streams.put(survey, partition, 10, 8, VALUE)
        await counted(2, [(survey.name, partition, 6, 8)])
        await streams.put(survey, partition, 8, 6, VALUE)
        await counted(4, [])
        await rebuilt(kafka, database, pool, clock, topics)
        await counted(4, [])

        await streams.put(survey, partition, 14, 12, VALUE)
        await counted(4, [(survey.name, partition, 10, 12)])

        async def wants_to_swap() -> bool:
            return bool(await pool.fetchval("SELECT count(*) FROM pg_locks WHERE mode = $1 AND NOT granted", EXCLUSIVE))

        async with acquire(pool) as reader, reader.transaction():
            await reader.execute("LOCK TABLE facility IN ACCESS SHARE MODE")  # keeps the swap waiting
            rebuilding = asyncio.create_task(rebuilt(kafka, database, pool, clock, topics))
            await eventually(wants_to_swap, "the builder is up to the gap")
            assert await dismiss(10, 12) == 204
            await counted(5, [])
        await asyncio.wait_for(rebuilding, PATIENCE_SECONDS)  # it has passed the gap as well
        await counted(5, [])


async def test_a_gap_that_has_closed_cannot_be_given_up(pool: Pool, client: httpx.AsyncClient) -> None:
    """Though it is still noted: a rebuild, which may meet what lies behind it first, would lose what has come since."""
    at = ("survey-submitted", 99)
    gap = {"topic": at[0], "partition": at[1], "last": 3, "previous": 4}
    await pool.execute("INSERT INTO gap VALUES ($1, $2, 1, 3, 4)", *at)
    await pool.execute("INSERT INTO consumer_position VALUES ($1, $2, 't', 1, 1, 1, 5)", *at)
    assert (await client.post("/v1/gaps/dismissals", headers=CENTRE, json=gap | REASON)).status_code == 404
    await pool.execute("UPDATE consumer_position SET last_sequence = 3 WHERE topic = $1 AND partition = $2", *at)
    assert (await client.post("/v1/gaps/dismissals", headers=CENTRE, json=gap | REASON)).status_code == 204
    for table in ("gap", "gap_dismissal", "consumer_position"):
        await pool.execute(f"DELETE FROM {table} WHERE topic = $1 AND partition = $2", *at)  # noqa: S608 - as above


async def test_a_gap_that_is_behind_is_forgotten_at_the_next_take_over(pool: Pool) -> None:
    """As when a rebuild has passed it, or when the topic was made anew; one that is still there stays."""
    at = Position("survey-submitted", 0, "t", 1, 1, 9, 6, 0, None)
    gaps = NotedGaps()

    async def noted() -> bool:
        return bool(await pool.fetchval("SELECT count(*) FROM gap WHERE topic = $1", at.topic))

    async with acquire(pool) as connection:
        for further in (at.moved(last_sequence=8), replace(at, topic_epoch=2)):
            await gaps.note(connection, [(at, (6, 8))])
            await gaps.dismissed(connection, at)
            assert await noted()
            await gaps.dismissed(connection, further)
            assert not await noted()


async def test_a_rebuild_passes_a_gap_of_a_topic_that_was_made_anew(pool: Pool) -> None:
    """It begins with the first epoch, whichever the topic is in."""
    place = ("survey-submitted", 98)
    await pool.execute("INSERT INTO gap_dismissal VALUES ($1, $2, 2, 3, 4, 'gone', $3, now())", *place, uuid4())
    anew = Position(*place, "t", 1, 1, 0, None, 0, None)
    async with acquire(pool) as connection:
        for gaps in (DismissedGaps(), NotedGaps()):
            assert await gaps.dismissed(connection, anew) == {(3, 4)}
            assert await gaps.dismissed(connection, replace(anew, partition=97)) == set()


async def test_a_broken_producer_stops_the_line(
    kafka: KafkaSettings, pool: Pool, topics: tuple[Topic, ...], streams: Streams
) -> None:
    """More than a few unreadable records end the process, whose supervisor tells of it; they are not drained."""
    place = streams.topics[2]
    for _ in range(4):
        await streams.put(place, *streams.numbers(place, "k"), b"{", key="k")
    handler = ProjectionHandler(FiguresProjection(topics), topics, most_dead_letters=3)
    consumer = PositionedConsumer(
        kafka, pool, group=f"reporting-{uuid4()}", topics=topics, handler=handler, max_records=1
    )
    with pytest.raises(TooMuchPoison):
        await asyncio.wait_for(consumer.run(asyncio.Event()), 30)
    found = await pool.fetchval("SELECT count(*) FROM dead_letter WHERE topic = $1", place.name)
    taken = await pool.fetchval("SELECT sum(next_offset)::int FROM consumer_position WHERE topic = $1", place.name)
    assert (found, taken) == (3, 3)
