"""Puts the survey's processes together: `python -m services.survey.app http | recorder | lister | relay | keeper`."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Final

import asyncpg
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from fastapi import FastAPI

from services.survey.desk.http.imports import LARGER_BODIES
from services.survey.help.keeping import EVERY_SECONDS, HelpKeeping
from services.survey.help.parts import HelpParts
from services.survey.http import add_routes
from services.survey.intake import Intake
from services.survey.openrosa.keys import FORGET_SECONDS, KeyKeeping
from services.survey.pages import page_routes
from services.survey.privacy.chain import LINK_SECONDS, Linking
from services.survey.privacy.retention import EVERY_SECONDS as RETENTION_SECONDS
from services.survey.privacy.retention import Retention
from services.survey.privacy.sealed import TABLES as SEALED_TABLES
from services.survey.privacy.vacuuming import Vacuuming
from services.survey.reach.lister import COLLECT_MILLISECONDS as LIST_COLLECT_MILLISECONDS
from services.survey.reach.lister import GROUP as LISTER_GROUP
from services.survey.reach.lister import MAX_RECORDS as LISTED_AT_ONCE
from services.survey.reach.lister import Lister
from services.survey.recorder import COLLECT_MILLISECONDS, Recorder
from services.survey.settings import SurveySettings
from services.survey.visits.keeping import EndingClaims, VaccinationPoints
from shared.areas import districts
from shared.contracts.topics import HELP_UPDATED, SURVEY_INTAKE, SURVEY_SUBMITTED
from shared.kafka.adoption import Entity
from shared.kafka.consumer import PositionedConsumer
from shared.kafka.identity import TopicIdentities
from shared.kafka.producer import OrderedPublisher, create_producer
from shared.kafka.relay import Relay
from shared.kafka.settings import METADATA_MILLISECONDS, KafkaSettings
from shared.kafka.standing import BarredVolunteers
from shared.observability.clock import Clock, SystemClock
from shared.observability.logs import log
from shared.postgres.keeper import Duty, Keeper
from shared.postgres.measuring import measure_database
from shared.postgres.pool import open_pool
from shared.postgres.rewrapping import Rewrapping
from shared.postgres.settings import PostgresSettings
from shared.security.blind_index import BlindIndex
from shared.security.citizens import CitizenVerifier
from shared.security.issuers import verifier_over_http
from shared.security.keyed_ids import HouseholdIds
from shared.security.sealing import KeyRing
from shared.web.allowance import crowd
from shared.web.app import create_app
from shared.web.authentication import Authentication
from shared.web.cors import WRITE
from shared.web.direct import ShortCut
from shared.web.process import run
from shared.web.serve import HttpSettings, serve
from shared.web.worker import run_worker

_log = log(__name__)

DRAIN_SECONDS = 10.0
"""At a stop, what was committed is still published; when Kafka is away it is published at the next take-over."""
KEEPER_CONNECTIONS = 9
"""One holds the lock; the others are the duties', each of which uses one at a time, and the vaccination points'."""
KAFKA_RETRY_SECONDS = 0.5
"""Intake that starts while Kafka is away tries again this often, and answers 503 meanwhile."""
LEARN_SECONDS = METADATA_MILLISECONDS / 1000
"""How often intake looks how many partitions there are: as often as what is looked at is new."""


async def http(stopping: asyncio.Event) -> None:
    """Intake and the survey's other routes."""
    settings, kafka = SurveySettings(), KafkaSettings()
    verifier = verifier_over_http(settings.jwks_url, settings.token_issuer)
    citizens = CitizenVerifier(settings.jwks_url, settings.token_issuer)
    barred = BarredVolunteers(kafka)
    sealing = KeyRing.from_file(settings.sealing_keys_file)
    household_ids = HouseholdIds.from_file(settings.household_key_file)
    blind_index = BlindIndex.from_file(settings.blind_index_key_file)
    districts.load()

    def intake_on(producer: AIOKafkaProducer) -> Intake:
        return Intake(producer, sealing, household_ids, blind_index, SystemClock())

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        # No connection is made yet: intake needs no database, and takes submissions while it is away.
        pool = await open_pool(PostgresSettings(), application="survey-http", min_size=0)
        await verifier.start()
        await citizens.start()
        following = asyncio.create_task(sealing.follow())
        await barred.start()
        app.state.pool = pool
        app.state.authentication = Authentication(verifier, barred, barred)
        app.state.help = help_parts = HelpParts.of(pool, sealing, blind_index, SystemClock())
        help_parts.live.start()
        taking = asyncio.create_task(_take_submissions(app, intake_on, kafka, stopping))
        taking.add_done_callback(lambda _: stopping.set())
        try:
            yield
        finally:
            taking.cancel()
            with suppress(asyncio.CancelledError):
                await taking
            following.cancel()
            await help_parts.live.close()
            await barred.stop()
            await citizens.close()
            await verifier.close()
            pool.terminate()  # every request has been answered; closing would wait for a database that may be away

    def ready() -> list[str]:
        reasons = [] if verifier.ready else ["the token issuer's keys are not known yet"]
        return reasons if app.state.intake is not None else [*reasons, "Kafka is away"]

    app = create_app(
        title="Jitasa survey",
        lifespan=lifespan,
        ready=ready,
        larger_bodies=LARGER_BODIES,
        page_methods=WRITE,
        allowance=crowd(),  # phones with ODK Collect show their key in the path, as nobody's
    )
    app.state.intake = None
    app.state.citizens, app.state.blind_index = citizens, blind_index
    app.state.sealing, app.state.household_ids, app.state.clock = sealing, household_ids, SystemClock()
    add_routes(app)
    app.router.routes.extend(page_routes(settings))
    await serve(ShortCut(app), HttpSettings(), stopping)


async def _take_submissions(
    app: FastAPI,
    intake_on: Callable[[AIOKafkaProducer], Intake],
    kafka: KafkaSettings,
    stopping: asyncio.Event,
) -> None:
    """Opens intake as soon as Kafka answers, and stops the process when Kafka refuses it for good."""
    producer = await _started_producer(kafka)
    try:
        intake = intake_on(producer)
        while not intake.failed.is_set():
            if learned := await _learned(intake):
                app.state.intake = intake
            with suppress(TimeoutError):
                await asyncio.wait_for(intake.failed.wait(), LEARN_SECONDS if learned else KAFKA_RETRY_SECONDS)
        stopping.set()
        await asyncio.Event().wait()  # until the process ends: open requests still use the producer
    finally:
        await producer.stop()


async def _learned(intake: Intake) -> bool:
    try:
        await intake.learn()
    except KafkaError as error:
        _log.warning("partitions_unknown", cause=type(error).__name__)
        return False
    return True


async def _started_producer(kafka: KafkaSettings) -> AIOKafkaProducer:
    while True:
        producer = create_producer(kafka, compression=None)
        try:
            await producer.start()
        except KafkaError as error:
            await producer.stop()
            _log.warning("kafka_away", cause=type(error).__name__)
            await asyncio.sleep(KAFKA_RETRY_SECONDS)
        else:
            return producer


async def recorder(stopping: asyncio.Event) -> None:
    """Records what intake accepted and publishes it."""
    kafka = KafkaSettings()
    pool = await open_pool(PostgresSettings(), application="survey-recorder")
    async with OrderedPublisher(kafka) as publisher:
        handler = Recorder(publisher, TopicIdentities(kafka), SystemClock())
        consumer = PositionedConsumer(
            kafka,
            pool,
            group="survey-recorder",
            topics=[SURVEY_INTAKE],
            watched=[SURVEY_SUBMITTED],
            handler=handler,
            collect_milliseconds=COLLECT_MILLISECONDS,
        )

        async def work(stopping: asyncio.Event) -> None:
            await consumer.run(stopping)
            await asyncio.wait_for(handler.drain(), timeout=DRAIN_SECONDS)

        try:
            await run_worker(
                HttpSettings(), work, lambda: [] if consumer.connected else ["not in the consumer group"], stopping
            )
        finally:
            await pool.close()


async def lister(stopping: asyncio.Event) -> None:
    """Keeps the lists of whom to reach behind what was recorded."""
    pool = await open_pool(PostgresSettings(), application="survey-lister", max_size=2)
    consumer = PositionedConsumer(
        KafkaSettings(),
        pool,
        group=LISTER_GROUP,
        topics=[SURVEY_SUBMITTED],
        handler=Lister(),
        max_records=LISTED_AT_ONCE,
        collect_milliseconds=LIST_COLLECT_MILLISECONDS,
    )
    try:
        await run_worker(
            HttpSettings(), consumer.run, lambda: [] if consumer.connected else ["not in the consumer group"], stopping
        )
    finally:
        await pool.close()


HELP_REQUEST: Final = Entity("help_request", "request_id", {"status": "cancelled", "deadline": None})
"""What its relay's events tell of."""


async def relay(stopping: asyncio.Event) -> None:
    """Publishes the outbox: what became of requests for help."""
    pool = await open_pool(PostgresSettings(), application="survey-relay", max_size=2)
    publishing = Relay(pool, KafkaSettings(), (HELP_UPDATED,), entity=HELP_REQUEST)

    def ready() -> list[str]:
        return [] if publishing.connected else ["Kafka or the database is away"]

    try:
        await run_worker(
            HttpSettings(), publishing.run, ready, stopping, beside=partial(measure_database, pool, outbox=True)
        )
    finally:
        pool.terminate()


async def keeper(stopping: asyncio.Event) -> None:
    """What is done by the clock."""
    pool = await open_pool(PostgresSettings(), application="survey-keeper", max_size=KEEPER_CONNECTIONS)
    worker = Keeper(pool, duties(pool, KeyRing.from_file(SurveySettings().sealing_keys_file), SystemClock()))
    points = VaccinationPoints(KafkaSettings(), pool)

    async def work(stopping: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(worker.run(stopping))
            group.create_task(points.run(stopping))

    def ready() -> list[str]:
        reasons = [] if worker.connected else ["the database is away"]
        return reasons if points.connected else [*reasons, "not in the consumer group of the vaccination points"]

    try:
        await run_worker(HttpSettings(), work, ready, stopping)
    finally:
        pool.terminate()


def duties(pool: "asyncpg.Pool[asyncpg.Record]", ring: KeyRing, clock: Clock) -> list[Duty]:
    """Everything that the keeper does."""
    return [
        Duty("audit-chain", Linking(pool, clock).turn, LINK_SECONDS),
        Duty("retention", Retention(pool, clock).turn, RETENTION_SECONDS),
        Duty("rewrapping", Rewrapping(pool, ring, SEALED_TABLES, clock).turn),
        Duty("vacuuming", Vacuuming(pool, clock).turn),
        Duty("end-claims", EndingClaims(pool, clock).turn),
        Duty("help", HelpKeeping(pool, clock).turn, every_seconds=EVERY_SECONDS),
        Duty("openrosa_keys", KeyKeeping(pool, clock).turn, every_seconds=FORGET_SECONDS),
    ]


PROCESSES = {"http": http, "recorder": recorder, "lister": lister, "relay": relay, "keeper": keeper}

if __name__ == "__main__":
    process = sys.argv[1]
    run(PROCESSES[process], name=f"survey-{process}")
