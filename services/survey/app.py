"""Puts the survey's processes together: `python -m services.survey.app http | recorder`."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from services.survey.http import add_routes
from services.survey.intake import Intake
from services.survey.recorder import Recorder
from services.survey.settings import SurveySettings
from shared.contracts.topics import SURVEY_INTAKE
from shared.kafka.consumer import PositionedConsumer
from shared.kafka.identity import TopicIdentities
from shared.kafka.producer import OrderedPublisher, create_producer
from shared.kafka.settings import KafkaSettings
from shared.kafka.standing import BarredVolunteers
from shared.observability.clock import SystemClock
from shared.postgres.pool import open_pool
from shared.postgres.settings import PostgresSettings
from shared.security.keyed_ids import HouseholdIds
from shared.security.sealing import KeyRing
from shared.security.tokens import TokenVerifier
from shared.web.app import create_app
from shared.web.authentication import Authentication
from shared.web.process import run
from shared.web.serve import HttpSettings, serve
from shared.web.worker import run_worker

LINGER_MILLISECONDS = 2
"""Singles that arrive within it share a produce batch; it is little beside a phone's round trip."""
DRAIN_SECONDS = 10.0
"""At a stop, what was committed is still published; when Kafka is away it is published at the next take-over."""


async def http(stopping: asyncio.Event) -> None:
    """Intake and the survey's other routes."""
    settings, kafka = SurveySettings(), KafkaSettings()
    verifier = TokenVerifier(settings.jwks_url, settings.token_issuer)
    barred = BarredVolunteers(kafka)
    intakes: list[Intake] = []

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        producer = create_producer(kafka, linger_ms=LINGER_MILLISECONDS)
        await producer.start()
        pool = await open_pool(PostgresSettings(), application="survey-http")
        await verifier.start()
        await barred.start()
        sealing = KeyRing.from_file(settings.sealing_keys_file)
        household_ids = HouseholdIds.from_file(settings.household_key_file)
        intake = Intake(producer, sealing, household_ids, SystemClock())
        intakes.append(intake)
        failure = asyncio.create_task(_stop_at(intake.failed, stopping))
        app.state.intake = intake
        app.state.pool = pool
        app.state.authentication = Authentication(verifier, barred)
        try:
            yield
        finally:
            failure.cancel()
            await barred.stop()
            await verifier.close()
            await pool.close()
            await producer.stop()

    app = create_app(
        title="Jitasa survey", lifespan=lifespan, ready=lambda: [] if intakes else ["Kafka or PostgreSQL is away"]
    )
    add_routes(app)
    await serve(app, HttpSettings(), stopping)


async def _stop_at(failed: asyncio.Event, stopping: asyncio.Event) -> None:
    await failed.wait()
    stopping.set()


async def recorder(stopping: asyncio.Event) -> None:
    """Records what intake accepted and publishes it."""
    kafka = KafkaSettings()
    pool = await open_pool(PostgresSettings(), application="survey-recorder")
    async with OrderedPublisher(kafka) as publisher:
        handler = Recorder(publisher, TopicIdentities(kafka), SystemClock())
        consumer = PositionedConsumer(kafka, pool, group="survey-recorder", topics=[SURVEY_INTAKE], handler=handler)

        async def work(stopping: asyncio.Event) -> None:
            await consumer.run(stopping)
            await asyncio.wait_for(handler.drain(), timeout=DRAIN_SECONDS)

        try:
            await run_worker(
                HttpSettings(), work, lambda: [] if consumer.connected else ["not in the consumer group"], stopping
            )
        finally:
            await pool.close()


PROCESSES = {"http": http, "recorder": recorder}

if __name__ == "__main__":
    process = sys.argv[1]
    run(PROCESSES[process], name=f"survey-{process}")
