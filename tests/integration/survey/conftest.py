"""The survey's parts on a real Kafka and PostgreSQL, with a database and topics of their own."""

import asyncio
import json
import os
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.structs import ConsumerRecord
from fastapi import FastAPI

from services.survey.desk.http.imports import LARGER_BODIES
from services.survey.http import add_routes
from services.survey.intake import Answer, Intake
from services.survey.precedence import Precedence
from services.survey.reach.lister import Lister
from services.survey.recorder import Recorder
from shared.contracts.chain import Verdict, judge
from shared.contracts.envelope import from_headers
from shared.contracts.events import Role
from shared.contracts.topics import SURVEY_INTAKE, SURVEY_SUBMITTED, Topic
from shared.kafka.consumer import PositionedConsumer
from shared.kafka.identity import TopicIdentities
from shared.kafka.producer import OrderedPublisher, create_producer
from shared.kafka.settings import KafkaSettings
from shared.observability.clock import MovableClock
from shared.postgres.pool import open_pool
from shared.security.blind_index import BlindIndex
from shared.security.citizens import Citizen
from shared.security.keyed_ids import HouseholdIds
from shared.security.principal import Principal
from shared.security.sealing import KeyRing
from shared.security.tokens import InvalidToken
from shared.web.app import create_app
from shared.web.authentication import Authentication
from shared.web.direct import ShortCut
from tests.lists import NOT_LISTED
from tests.runtime import Runtime

NOW = datetime(2022, 2, 5, 3, 0, tzinfo=UTC)
VOLUNTEER = Principal(UUID(int=7), UUID(int=8), Role.VOLUNTEER, "50", NOW + timedelta(hours=1), "token")
DEADLINE_SECONDS = 30.0


class Tokens:
    """Takes `role@area@subject` as a token: proving tokens is tested elsewhere."""

    async def verify(self, token: str) -> Principal:
        """The holder of `token`."""
        role, area, subject = token.split("@")
        return Principal(UUID(int=int(subject)), UUID(int=8), Role(role), area, NOW + timedelta(hours=1), "t")

    def is_barred(self, subject: UUID) -> bool:
        """Nobody."""
        return False


class Citizens:
    """Takes `citizen@SUBJECT` as a token."""

    async def verify(self, token: str) -> Citizen:
        """The citizen of `token`."""
        kind, _, subject = token.partition("@")
        if kind != "citizen":
            raise InvalidToken("token_malformed")
        return Citizen(UUID(subject), NOW + timedelta(hours=1))


@asynccontextmanager
async def _nothing(_: FastAPI) -> AsyncIterator[None]:
    yield


@dataclass
class Survey:
    """One survey with its own topics and database."""

    runtime: Runtime
    kafka: KafkaSettings
    pool: "asyncpg.Pool[asyncpg.Record]"
    intake_topic: Topic
    submitted_topic: Topic
    intake: Intake
    clock: MovableClock
    sealing: KeyRing
    household_ids: HouseholdIds
    blind_index: BlindIndex

    async def accept(self, *submissions: dict[str, Any], by: Principal = VOLUNTEER) -> list[Answer]:
        """Sends submissions as one batch."""
        return await self.intake.accept([json.dumps(one).encode() for one in submissions], by)

    @asynccontextmanager
    async def client(self) -> AsyncIterator[httpx.AsyncClient]:
        """The survey's routes over this database; a token is `role@area@subject`, the subject as a small number."""
        app = create_app(title="test", lifespan=_nothing, ready=list, larger_bodies=LARGER_BODIES)
        add_routes(app)
        app.state.pool = app.state.lists = self.pool
        app.state.intake, app.state.precedence = self.intake, Precedence()
        app.state.blind_index, app.state.citizens = self.blind_index, Citizens()
        app.state.sealing, app.state.household_ids, app.state.clock = self.sealing, self.household_ids, self.clock
        app.state.authentication = Authentication(Tokens(), Tokens())
        transport = httpx.ASGITransport(ShortCut(app))
        async with httpx.AsyncClient(transport=transport, base_url="http://survey") as client:
            yield client

    @asynccontextmanager
    async def recorder(
        self, publisher: OrderedPublisher | None = None, group: str = "recorder"
    ) -> AsyncIterator[Recorder]:
        """A recorder at work, and a lister behind it."""
        stopping = asyncio.Event()
        async with OrderedPublisher(self.kafka) as real:
            handler = Recorder(publisher or real, TopicIdentities(self.kafka), self.clock, self.submitted_topic)
            consumer = PositionedConsumer(
                self.kafka,
                self.pool,
                group=f"{group}-{self.intake_topic.name}",
                topics=[self.intake_topic],
                watched=[self.submitted_topic],
                handler=handler,
            )
            listing = PositionedConsumer(
                self.kafka,
                self.pool,
                group=f"{group}-{self.submitted_topic.name}",
                topics=[self.submitted_topic],
                handler=Lister(),
            )
            running = [asyncio.create_task(one.run(stopping)) for one in (consumer, listing)]
            try:
                yield handler
            finally:
                stopping.set()
                await asyncio.gather(*running)
                if publisher is None:
                    await handler.drain()

    async def until_recorded(self, records: int) -> None:
        """Waits until so many records of intake are taken, in whatever way."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            while await self.pool.fetchval(TAKEN) < records:
                await asyncio.sleep(0.02)

    async def until_listed(self, records: int) -> None:
        """Waits until so many records of intake are taken, all that came of them is published, and the lister has been
        through it."""
        await self.until_recorded(records)
        name, places = self.submitted_topic.name, range(self.submitted_topic.partitions)
        async with AIOKafkaConsumer(**self.kafka.for_aiokafka()) as consumer, asyncio.timeout(DEADLINE_SECONDS):
            while True:
                events = await self.pool.fetchval("SELECT count(*) FROM submission")
                listed = await self.pool.fetchval(LISTED, name)
                published = sum((await consumer.end_offsets([TopicPartition(name, p) for p in places])).values())
                if events <= published == listed:
                    break
                await asyncio.sleep(0.02)
        assert await self.pool.fetchval(NOT_LISTED) == 0

    async def published(self) -> list[list[ConsumerRecord]]:
        """Everything in the public topic, by partition."""
        consumer = AIOKafkaConsumer(**self.kafka.for_aiokafka(), auto_offset_reset="earliest")
        await consumer.start()
        try:
            partitions = [TopicPartition(self.submitted_topic.name, p) for p in range(self.submitted_topic.partitions)]
            consumer.assign(partitions)
            ends = await consumer.end_offsets(partitions)
            records: dict[TopicPartition, list[ConsumerRecord]] = {partition: [] for partition in partitions}
            async with asyncio.timeout(DEADLINE_SECONDS):
                while any(len(records[p]) < ends[p] for p in partitions):
                    for partition, more in (await consumer.getmany(timeout_ms=200)).items():
                        records[partition] += more
            return list(records.values())
        finally:
            await consumer.stop()


TAKEN = """
SELECT (SELECT count(*) FROM submission) + (SELECT count(*) FROM repeated_submission) + (SELECT count(*) FROM
dead_letter)
"""


LISTED = "SELECT coalesce(sum(next_offset), 0) FROM consumer_position WHERE topic = $1"


@pytest.fixture
async def survey(runtime: Runtime) -> AsyncIterator[Survey]:
    """A survey of four partitions."""
    kafka = runtime.kafka_settings()
    intake_topic = runtime.create_topic(SURVEY_INTAKE, partitions=4)
    submitted_topic = runtime.create_topic(SURVEY_SUBMITTED, partitions=4)
    pool = await open_pool(runtime.create_database("survey"), application="test", max_size=4)
    producer = create_producer(kafka, compression=None)
    await producer.start()
    clock = MovableClock(NOW)
    sealing, key = KeyRing("k", {"k": os.urandom(32)}), os.urandom(32)
    ids = HouseholdIds(key)
    index = BlindIndex(key)
    intake = Intake(producer, sealing, ids, index, clock, intake_topic)
    try:
        yield Survey(runtime, kafka, pool, intake_topic, submitted_topic, intake, clock, sealing, ids, index)
    finally:
        await producer.stop()
        await pool.close()


def submissions(seed: int, number: int, houses: int) -> list[dict[str, Any]]:
    """Believable submissions of `houses` houses, so that some are visited again, before or after."""
    chance = random.Random(seed)
    return [submission(chance, house=str(chance.randrange(houses))) for _ in range(number)]


def submission(chance: random.Random, **address: str) -> dict[str, Any]:
    """One submission at a house."""
    return {
        "submission_id": str(UUID(int=chance.getrandbits(128))),
        "captured_at": (NOW - timedelta(minutes=chance.randrange(100_000))).isoformat(),
        "address": {"area": chance.choice(["500101", "500102"])} | {"house": "1"} | address,
        "persons": [
            {
                "age": chance.randrange(100),
                "doses": [{"number": n + 1} for n in range(chance.randrange(5))],
                "wants_vaccine": chance.choice(["yes", "undecided", "no", None]),
                "reasons": chance.sample(["side_effects", "cost", "other"], chance.randrange(3)),
                "home_visit": chance.random() < 0.1,
            }
            for _ in range(chance.randrange(6))
        ],
    }


def chained(partitions: Sequence[Sequence[ConsumerRecord]]) -> list[dict[str, Any]]:
    """The bodies in the order in which a subscriber applies them; fails where one is missing."""
    bodies = []
    for records in partitions:
        last: int | None = None
        for record in records:
            envelope = from_headers(record.headers)
            verdict = judge(last, envelope.sequence, envelope.previous)
            assert verdict is not Verdict.GAP, (last, envelope.sequence, envelope.previous)
            if verdict is Verdict.APPLY:
                last = envelope.sequence
                bodies.append(json.loads(record.value))
    return bodies
