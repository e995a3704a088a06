"""What the simulation leans on, on the simulated servers and on the real ones: one suite for both."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, TypeAlias
from uuid import UUID

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from pydantic import BaseModel

from services.survey import store
from services.survey.domain import Visit
from services.survey.household import FollowUp, Household, Reached
from services.survey.quality import Sighting
from services.survey.reach import store as reach_store
from services.survey.records import IntakeRecord
from shared.contracts.topics import SURVEY_SUBMITTED, VOLUNTEER_REGISTERED, Topic
from shared.kafka import relay
from shared.kafka.identity import TopicIdentities
from shared.kafka.position import Fenced, move, take_over
from shared.kafka.producer import OrderedPublisher, OutgoingRecord
from shared.postgres.outbox import append
from shared.postgres.pool import UNREACHABLE, open_pool
from tests.runtime import Runtime
from tests.simulation.database import Database, Pool
from tests.simulation.kafka import Cluster, Consumer, Identities, Producer
from tests.simulation.processes import SETTINGS
from tests.simulation.scheduler import Process, World

AT = datetime(2022, 2, 5, tzinfo=UTC)
DEADLINE_SECONDS = 30.0
HOUSE = UUID(int=1)


class Ground(Protocol):
    """Where a behaviour is looked at."""

    topic: Topic

    def connection(self, service: str = "survey") -> Any:
        """A session of its own, for an `async with`."""

    async def cut(self, connection: Any) -> None:
        """Ends a session from the server's side."""

    def consumer(self, group: str) -> Any:
        """A consumer of a group."""

    def publisher(self) -> OrderedPublisher:
        """A publisher."""

    def identities(self) -> Any:
        """Asks for topics' identities."""

    async def make_anew(self) -> None:
        """Deletes the topic and makes it again."""


class Simulated:
    """On the simulated servers, as one process of a world."""

    def __init__(self, world: World, process: Process) -> None:
        self._world = world
        self._process = process
        self._cluster = Cluster(world)
        self._databases = {name: Database(world, name) for name in ("survey", "registration")}
        self.topic = replace(SURVEY_SUBMITTED, partitions=4)
        self._cluster.create(self.topic.name, self.topic.partitions)

    def connection(self, service: str = "survey") -> Any:
        return Pool(self._databases[service], self._process).acquire()

    async def cut(self, connection: Any) -> None:
        connection.database.terminate(connection.session)

    def consumer(self, group: str) -> Any:
        return Consumer(self._cluster, self._process, group)

    def publisher(self) -> OrderedPublisher:
        return OrderedPublisher(SETTINGS, lambda _: Producer(self._cluster, self._process))

    def identities(self) -> Any:
        return Identities(self._cluster, self._process)

    async def make_anew(self) -> None:
        self._cluster.delete(self.topic.name)
        self._cluster.create(self.topic.name, self.topic.partitions)


class Real:
    """On the real servers."""

    def __init__(self, runtime: Runtime, pools: dict[str, Any]) -> None:
        self._runtime = runtime
        self._pools = pools
        self.topic = runtime.create_topic(SURVEY_SUBMITTED, partitions=4)

    def connection(self, service: str = "survey") -> Any:
        return self._pools[service].acquire()

    async def cut(self, connection: Any) -> None:
        pid = connection.get_server_pid()
        async with self._pools["survey"].acquire() as other:
            await other.fetchval("SELECT pg_terminate_backend($1)", pid)
        await asyncio.sleep(0.2)

    def consumer(self, group: str) -> Any:
        return AIOKafkaConsumer(
            **self._runtime.kafka_settings().for_aiokafka(),
            group_id=f"{group}-{self.topic.name}",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            heartbeat_interval_ms=500,
        )

    def publisher(self) -> OrderedPublisher:
        return OrderedPublisher(self._runtime.kafka_settings())

    def identities(self) -> Any:
        return TopicIdentities(self._runtime.kafka_settings())

    async def make_anew(self) -> None:
        self._runtime.delete_topic(self.topic)
        async with asyncio.timeout(DEADLINE_SECONDS):
            while self.topic.name in self._runtime.admin.list_topics(timeout=5).topics:
                await asyncio.sleep(0.05)
        suffix = self.topic.name.removeprefix(f"{SURVEY_SUBMITTED.name}-")
        self._runtime.create_topic(SURVEY_SUBMITTED, suffix, partitions=self.topic.partitions)


Behaviour: TypeAlias = Callable[[Ground], Coroutine[Any, Any, None]]
BEHAVIOURS: list[Behaviour] = []


def behaviour(body: Behaviour) -> Behaviour:
    """Adds a behaviour to the suite."""
    BEHAVIOURS.append(body)
    return body


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every behaviour, on both grounds."""
    if "body" in metafunc.fixturenames:
        metafunc.parametrize("body", BEHAVIOURS, ids=[body.__name__ for body in BEHAVIOURS])


def test_simulated(body: Behaviour) -> None:
    for seed in range(20):
        world = World(seed)
        process = Process(world, "test")
        task = process.create_task(body(Simulated(world, process)))
        try:
            world.run(task.done, 50_000)
        finally:
            world.end()
        task.result()


async def test_real(body: Behaviour, runtime: Runtime) -> None:
    async with AsyncExitStack() as stack:
        pools = {}
        for service in ("survey", "registration"):
            pool = await open_pool(runtime.create_database(service), application="test", max_size=5)
            pools[service] = await stack.enter_async_context(pool)
        async with asyncio.timeout(60):
            await body(Real(runtime, pools))


@behaviour
async def a_take_over_raises_the_owner_epoch_and_keeps_the_position(ground: Ground) -> None:
    async with ground.connection() as connection:
        (first,) = await take_over(connection, "intake", "id-1", {3: 7})
        assert (first.position.owner_epoch, first.position.topic_epoch, first.position.next_offset) == (1, 1, 7)
        await move(connection, [(first.position, first.position.moved(next_offset=9, last_sequence=8))])
        (second,) = await take_over(connection, "intake", "id-1", {3: 0})
        assert (second.position.owner_epoch, second.position.topic_epoch, second.position.next_offset) == (2, 1, 9)
        assert second.position.last_sequence == 8
        assert second.former_next_offset is None


@behaviour
async def another_identity_begins_a_new_epoch_at_the_beginning(ground: Ground) -> None:
    async with ground.connection() as connection:
        (first,) = await take_over(connection, "intake", "id-1", {0: 0})
        await move(connection, [(first.position, first.position.moved(next_offset=9, last_sequence=8, published=9))])
        (anew,) = await take_over(connection, "intake", "id-2", {0: 0})
        position = anew.position
        assert (position.topic_epoch, position.owner_epoch, position.next_offset) == (2, 2, 0)
        assert (position.last_sequence, position.published, anew.former_next_offset) == (8, 9, 9)


@behaviour
async def who_was_taken_over_cannot_move(ground: Ground) -> None:
    async with ground.connection() as connection:
        former = [one.position for one in await take_over(connection, "intake", "id-1", {0: 0, 1: 0})]
        (heir,) = await take_over(connection, "intake", "id-1", {1: 0})
        with pytest.raises(Fenced):
            async with connection.transaction():
                await move(connection, [(position, position.moved(next_offset=1)) for position in former])
        heir_then, other = await take_over(connection, "intake", "id-1", {1: 0, 0: 0}), heir
        assert sorted(one.position.next_offset for one in heir_then) == [0, 0]
        with pytest.raises(Fenced):
            await move(connection, [(replace(other.position, owner_epoch=3, next_offset=5), other.position)])


@behaviour
async def a_move_waits_for_a_take_over_and_then_finds_no_row(ground: Ground) -> None:
    async with ground.connection() as zombie, ground.connection() as heir:
        (position,) = [one.position for one in await take_over(zombie, "intake", "id-1", {0: 0})]
        async with heir.transaction():
            await take_over(heir, "intake", "id-1", {0: 0})
            moving = asyncio.ensure_future(_moved(zombie, position))
            await asyncio.sleep(0.3)
            assert not moving.done()
        with pytest.raises(Fenced):
            await moving


async def _moved(connection: Any, position: Any) -> None:
    async with connection.transaction():
        await move(connection, [(position, position.moved(next_offset=1))])


@behaviour
async def what_is_not_committed_nobody_sees_and_a_lost_session_takes_with_it(ground: Ground) -> None:
    async with ground.connection() as other:

        async def losing() -> None:
            async with ground.connection() as connection, connection.transaction():
                await store.add_submissions(connection, [_submission(1)])
                assert await store.known_submissions(other, [UUID(int=1)]) == {}
                await ground.cut(connection)
                await store.known_submissions(connection, [UUID(int=1)])

        with pytest.raises(UNREACHABLE):
            await losing()
        assert await store.known_submissions(other, [UUID(int=1)]) == {}
        await store.add_submissions(other, [_submission(1)])
        assert await store.known_submissions(other, [UUID(int=1), UUID(int=2)]) == {UUID(int=1): b"digest"}


@behaviour
async def the_same_id_waits_for_the_first_and_is_refused_after_its_commit(ground: Ground) -> None:
    async with ground.connection() as first, ground.connection() as second:
        async with first.transaction():
            await store.add_submissions(first, [_submission(1)])
            adding = asyncio.ensure_future(_added(second, _submission(1, sequence=2)))
            await asyncio.sleep(0.3)
            assert not adding.done()
        with pytest.raises(asyncpg.UniqueViolationError):
            await adding
        with pytest.raises(asyncpg.UniqueViolationError):
            await store.add_submissions(second, [_submission(2, sequence=1)])


@behaviour
async def the_same_id_is_taken_after_the_first_is_rolled_back(ground: Ground) -> None:
    async with ground.connection() as first, ground.connection() as second:
        with suppress(ZeroDivisionError):
            async with first.transaction():
                await store.add_submissions(first, [_submission(1)])
                adding = asyncio.ensure_future(_added(second, _submission(1, sequence=2)))
                await asyncio.sleep(0.3)
                assert not adding.done()
                raise ZeroDivisionError
        await adding
        rows = await store.recorded_from(first, 0, 0, 10)
        assert [row["sequence"] for row in rows] == [2]


async def _added(connection: Any, row: tuple[Any, ...]) -> None:
    async with connection.transaction():
        await store.add_submissions(connection, [row])


def _submission(number: int, *, sequence: int = 1) -> tuple[Any, ...]:
    given = dict.fromkeys(store.SUBMISSION_COLUMNS)
    given |= {"submission_id": UUID(int=number), "household_id": HOUSE, "volunteer_id": UUID(int=7), "area": "500101"}
    given |= {"captured_at": AT, "received_at": AT, "recorded_at": AT, "kind": "survey", "outcome": "recorded"}
    given |= {"revision": 1, "digest": b"digest", "partition": 0, "sequence": sequence, "key_id": "k", "sealed": b""}
    return tuple(given.values())


@behaviour
async def recorded_submissions_come_in_their_order_and_households_are_changed(ground: Ground) -> None:
    async with ground.connection() as connection:
        await store.add_submissions(connection, [_submission(number, sequence=9 - number) for number in range(5)])
        rows = await store.recorded_from(connection, 0, 6, 3)
        assert [row["sequence"] for row in rows] == [6, 7, 8]
        added, unknown = _household(HOUSE, 1), _household(UUID(int=2), 1, stored=True)
        await store.put_households(connection, [added])
        changed = _household(HOUSE, 2, stored=True)
        changed.village, changed.followed_at, changed.erased_at, changed.erased_by = "50010101", AT, AT, UUID(int=9)
        await store.put_households(connection, [changed, unknown])
        with pytest.raises(asyncpg.UniqueViolationError):
            await store.put_households(connection, [added])
        [state] = (await store.households(connection, [HOUSE, UUID(int=2)])).values()
        assert (state.revision, state.visit, state.counts) == (2, Visit(AT, UUID(int=1)), "{}")
        assert (state.followed_at, state.erased_at, state.erased_by, state.stored) == (AT, AT, UUID(int=9), True)


def _household(household_id: UUID, revision: int, *, stored: bool = False) -> Household:
    household = Household(household_id, revision, Visit(AT, UUID(int=1)), "{}", stored=stored)
    household.area, household.changed = "500101", True
    return household


def _person(number: int, *, status: str = "open") -> Reached:
    return Reached(UUID(int=number), 0, 3, AT, 1, at_risk=True, reasons=("cost",), status=status, tokens=(-(2**63), 5))


def _follow_up(number: int, person: int, hours: int) -> FollowUp:
    at = AT + timedelta(hours=hours)
    return FollowUp(at, UUID(int=number), UUID(int=person), "appointment", None, AT, UUID(int=8))


@behaviour
async def persons_to_reach_are_read_with_the_follow_ups_that_may_still_count(ground: Ground) -> None:
    async with ground.connection() as connection:
        house = _household(HOUSE, 1)
        house.followed_at = AT
        house.reach = {UUID(int=n): _person(n) for n in (1, 2)}
        house.new_follow_ups = [_follow_up(5, 1, 2), _follow_up(4, 2, 1), _follow_up(3, 1, -1)]
        await store.put_households(connection, [house])
        await reach_store.put_follow_ups(connection, [house])
        earlier = dict(zip(store.SUBMISSION_COLUMNS, _submission(1), strict=True))
        earlier |= {"reach": [UUID(int=3)], "captured_at": AT - timedelta(days=9)}
        await store.add_submissions(connection, [tuple(earlier.values())])
        found = await store.households(connection, [HOUSE])
        named = [(HOUSE, UUID(int=1)), (HOUSE, UUID(int=3)), (UUID(int=2), UUID(int=3))]
        await reach_store.bring_follow_ups(connection, found, named)
        read = found[HOUSE]
        assert read.reach == house.reach
        assert read.follow_ups == [_follow_up(4, 2, 1), _follow_up(5, 1, 2)]
        assert read.heard == {UUID(int=1): AT, UUID(int=2): AT, UUID(int=3): AT - timedelta(days=9)}
        read.reach, read.changed = {UUID(int=1): _person(1, status="moved")}, True
        await store.put_households(connection, [read])
        again = await store.households(connection, [HOUSE])
        assert again[HOUSE].reach == read.reach


@behaviour
async def an_erasure_leaves_what_came_after_it_and_those_who_stay(ground: Ground) -> None:
    async with ground.connection() as connection:
        house = _household(HOUSE, 1)
        house.followed_at = AT
        house.new_follow_ups = [_follow_up(5, 1, 2), _follow_up(4, 2, 1)]
        await store.put_households(connection, [house])
        await reach_store.put_follow_ups(connection, [house])
        for number, person in ((1, b"a"), (2, b"b")):
            row = dict(zip(store.SUBMISSION_COLUMNS, _submission(number, sequence=number), strict=True))
            row |= {"persons": [person], "reach": [UUID(int=3)], "wrapped_key": b"key"}
            await store.add_submissions(connection, [tuple(row.values())])
        await store.first_households(connection, {b"a": HOUSE, b"b": HOUSE, b"c": HOUSE})
        house.left = {UUID(int=2)}
        house.kept = [_left(2, b"b")]
        await reach_store.forget(connection, [house, _household(UUID(int=2), 1)])
        found = await store.households(connection, [HOUSE])
        await reach_store.bring_follow_ups(connection, found, [(HOUSE, UUID(int=3))])
        assert found[HOUSE].follow_ups == [_follow_up(4, 2, 1)]
        assert found[HOUSE].heard == {UUID(int=3): AT}  # of the submission that is kept
        other = UUID(int=9)
        assert await store.first_households(connection, dict.fromkeys([b"a", b"b", b"c"], other)) == {
            b"a": other,
            b"b": HOUSE,
            b"c": HOUSE,
        }


def _left(number: int, person: bytes) -> IntakeRecord:
    return IntakeRecord(
        submission_id=UUID(int=number),
        household_id=HOUSE,
        volunteer_id=None,
        organisation_id=None,
        area="500101",
        village=None,
        captured_at=AT,
        received_at=AT,
        kind="follow_up",
        counts=None,
        digest=b"",
        key_id="",
        wrapped_key=b"",
        sealed=b"",
        persons=(person,),
    )


@behaviour
async def a_new_person_belongs_to_whoever_commits_first(ground: Ground) -> None:
    async with ground.connection() as first, ground.connection() as second:
        async with first.transaction():
            assert await store.first_households(first, {b"a": HOUSE}) == {b"a": HOUSE}
            meeting = asyncio.ensure_future(store.first_households(second, {b"a": UUID(int=2), b"b": UUID(int=2)}))
            await asyncio.sleep(0.3)
            assert not meeting.done()
        assert await meeting == {b"a": HOUSE, b"b": UUID(int=2)}


@behaviour
async def sightings_move_forward_alone(ground: Ground) -> None:
    async with ground.connection() as connection:
        late, early = Sighting(AT, 1878, 9898), Sighting(AT - timedelta(hours=1), 1375, 10050)
        for seen in (late, early):
            await store.put_sightings(connection, {HOUSE: seen})
        assert await store.last_sightings(connection, [HOUSE, UUID(int=2)]) == {HOUSE: late}


@behaviour
async def two_who_wait_for_each_other_are_parted(ground: Ground) -> None:
    async with ground.connection() as connection:
        await take_over(connection, "intake", "id-1", {0: 0, 1: 0})

    async def taking(partitions: Sequence[int]) -> None:
        async with ground.connection() as connection, connection.transaction():
            for partition in partitions:
                await take_over(connection, "intake", "id-1", {partition: 0})
                await asyncio.sleep(0.3)

    ends = await asyncio.gather(taking([0, 1]), taking([1, 0]), return_exceptions=True)
    assert sorted(type(end).__name__ for end in ends) == ["DeadlockDetectedError", "NoneType"]


class _Change(BaseModel):
    number: int


@behaviour
async def the_outbox_is_numbered_by_partition_in_its_order(ground: Ground) -> None:
    topic = replace(VOLUNTEER_REGISTERED, partitions=1)
    async with ground.connection("registration") as connection, ground.connection("registration") as slow:
        transaction = slow.transaction()
        await transaction.__aenter__()
        await _append(slow, topic, 0)
        for number in (1, 2):
            await _append(connection, topic, number)
        assert await connection.execute(relay.NUMBER_ROWS, 1000) == "UPDATE 2"
        await transaction.__aexit__(None, None, None)
        assert await connection.execute(relay.NUMBER_ROWS, 1000) == "UPDATE 1"
        assert await connection.execute(relay.NUMBER_ROWS, 1000) == "UPDATE 0"
        rows = await connection.fetch(relay.UNPUBLISHED_ROWS, 10)
        numbers = [(row["sequence"], row["previous"], _Change.model_validate_json(row["body"]).number) for row in rows]
        assert numbers == [(1, None, 1), (2, 1, 2), (3, 2, 0)]
        await connection.execute(relay.MARK_PUBLISHED, [rows[0]["id"]])
        assert len(await connection.fetch(relay.UNPUBLISHED_ROWS, 10)) == 2
        for identity in ("id-1", "id-2"):
            await connection.execute(relay.NOTE_IDENTITY, topic.name, identity)
            assert [tuple(row) for row in await connection.fetch(relay.PUBLISHED_IN)] == [(topic.name, identity)]
        await connection.execute(relay.FORGET_PUBLISHED, topic.name)
        assert len(await connection.fetch(relay.UNPUBLISHED_ROWS, 10)) == 3


async def _append(connection: Any, topic: Topic, number: int) -> None:
    event_id = UUID(int=number)
    await append(connection, topic, key="1", event=_Change(number=number), event_id=event_id, time=AT)


@behaviour
async def the_relays_lock_ends_with_its_session(ground: Ground) -> None:
    async with ground.connection() as second:
        async with ground.connection() as first:
            assert await first.fetchval(relay.LOCK, relay.LOCK_KEY)
            assert not await second.fetchval(relay.LOCK, relay.LOCK_KEY)
            await ground.cut(first)
        assert await second.fetchval(relay.LOCK, relay.LOCK_KEY)


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    def __init__(self) -> None:
        self.told: list[tuple[str, int]] = []

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        self.told.append(("revoked", len(revoked)))

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        self.told.append(("assigned", len(assigned)))


@asynccontextmanager
async def _member(ground: Ground, group: str) -> AsyncIterator[tuple[Any, _Listener]]:
    consumer, listener = ground.consumer(group), _Listener()
    consumer.subscribe([ground.topic.name], listener=listener)
    await consumer.start()
    try:
        yield consumer, listener
    finally:
        await consumer.stop()


async def _until(true: Callable[[], bool], meanwhile: Callable[[], Awaitable[object]]) -> None:
    async with asyncio.timeout(DEADLINE_SECONDS):
        while not true():
            await meanwhile()


@behaviour
async def partitions_are_shared_and_come_back(ground: Ground) -> None:
    async with _member(ground, "sharing") as (first, told):
        await _until(lambda: len(first.assignment()) == 4, lambda: first.getmany(timeout_ms=50, max_records=1))
        async with _member(ground, "sharing") as (second, _):
            await _until(
                lambda: len(first.assignment()) == len(second.assignment()) == 2,
                lambda: asyncio.gather(
                    first.getmany(timeout_ms=50, max_records=1), second.getmany(timeout_ms=50, max_records=1)
                ),
            )
            assert not first.assignment() & second.assignment()
        await _until(lambda: len(first.assignment()) == 4, lambda: first.getmany(timeout_ms=50, max_records=1))
        assert ("revoked", 4) in told.told
        assert told.told[-1] == ("assigned", 4)


@behaviour
async def records_keep_their_order_and_are_read_from_where_one_seeks(ground: Ground) -> None:
    records = [OutgoingRecord(b"key", b"%d" % number, [("n", b"%d" % number)], 1_000) for number in range(20)]
    async with ground.publisher() as publisher:
        await publisher.publish(ground.topic.name, {1: records[:15]})
        await publisher.publish(ground.topic.name, {1: records[15:]})
    place = TopicPartition(ground.topic.name, 1)
    async with _member(ground, "reading") as (consumer, _):
        await _until(lambda: place in consumer.assignment(), lambda: consumer.getmany(timeout_ms=50, max_records=1))
        assert await consumer.beginning_offsets([place]) == {place: 0}
        assert await consumer.end_offsets([place]) == {place: 20}
        consumer.pause(place)
        consumer.seek(place, 6)
        assert place not in await consumer.getmany(timeout_ms=300, max_records=100)
        consumer.resume(place)
        consumer.seek(place, 6)
        found: list[Any] = []

        async def read() -> None:
            found.extend((await consumer.getmany(timeout_ms=200, max_records=4)).get(place, []))

        await _until(lambda: len(found) >= 14, read)
        assert [(record.offset, record.value) for record in found] == [(n, b"%d" % n) for n in range(6, 20)]
        assert [dict(record.headers)["n"] for record in found] == [b"%d" % n for n in range(6, 20)]


@behaviour
async def a_topic_made_anew_has_another_identity(ground: Ground) -> None:
    identities = ground.identities()
    before = await identities.of([ground.topic.name])
    assert await identities.of([ground.topic.name]) == before
    await ground.make_anew()
    async with asyncio.timeout(DEADLINE_SECONDS):
        while (after := await _identity(identities, ground.topic.name)) is None:
            await asyncio.sleep(0.1)
    assert after != before[ground.topic.name]
    with pytest.raises(LookupError):
        await identities.of(["there-is-no-such-topic"])


async def _identity(identities: Any, name: str) -> str | None:
    try:
        return str((await identities.of([name]))[name])
    except LookupError:
        return None
