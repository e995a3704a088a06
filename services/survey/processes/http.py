"""Intake and all other routes of the survey: `python -m services.survey.processes.http`."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from fastapi import FastAPI

from services.survey.desk.http.imports import LARGER_BODIES
from services.survey.help.parts import HelpParts
from services.survey.http import add_routes
from services.survey.intake import Intake
from services.survey.pages import page_routes
from services.survey.precedence import Precedence
from services.survey.settings import SurveySettings
from services.survey.visits import lists
from shared.areas import districts
from shared.kafka.producer import create_producer
from shared.kafka.settings import METADATA_MILLISECONDS, KafkaSettings
from shared.kafka.standing import BarredVolunteers
from shared.observability.clock import SystemClock, pause
from shared.observability.logs import log
from shared.postgres.pool import fill, open_pool
from shared.postgres.settings import PostgresSettings
from shared.security.blind_index import BlindIndex
from shared.security.citizen_tokens import CitizenVerifier
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

_log = log(__name__)

CONNECTIONS = 10 - lists.CONNECTIONS
"""For all but lists: ten in all, as in every process, by which the server's limit is reckoned."""
KAFKA_RETRY_SECONDS = 0.5
"""Intake that starts while Kafka is away tries again this often, and answers 503 meanwhile."""
LEARN_SECONDS = METADATA_MILLISECONDS / 1000
"""How often intake looks how many partitions there are: as often as what is looked at is new."""


async def main(stopping: asyncio.Event) -> None:
    """Intake and the survey's other routes."""
    settings, kafka = SurveySettings(), KafkaSettings()
    verifier = verifier_over_http(settings.jwks_url, settings.token_issuer)
    citizens = CitizenVerifier(settings.jwks_url, settings.token_issuer)
    barred = BarredVolunteers(kafka)
    sealing = KeyRing.from_file(settings.sealing_keys_file)
    household_ids = HouseholdIds.from_file(settings.household_key_file)
    blind_index = BlindIndex.from_file(settings.blind_index_key_file)
    districts.load()
    precedence = Precedence()

    def intake_on(producer: AIOKafkaProducer) -> Intake:
        return Intake(producer, sealing, household_ids, blind_index, SystemClock(), precedence=precedence)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        # No connection is made yet: intake needs no database, and takes submissions while it is away.
        pool = await open_pool(PostgresSettings(), application="survey-http", min_size=0, max_size=CONNECTIONS)
        listing = await open_pool(
            PostgresSettings(),
            application="survey-lists",
            min_size=0,
            max_size=lists.CONNECTIONS,
            prepare=lists.prepare,
        )
        filling = asyncio.create_task(fill(listing))
        await verifier.start()
        await citizens.start()
        following = asyncio.create_task(sealing.follow())
        await barred.start()
        app.state.pool, app.state.lists = pool, listing
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
            filling.cancel()
            await help_parts.live.close()
            await barred.stop()
            await citizens.close()
            await verifier.close()
            listing.terminate()
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
    app.state.intake, app.state.precedence = None, precedence
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
            await pause(intake.failed, LEARN_SECONDS if learned else KAFKA_RETRY_SECONDS)
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


if __name__ == "__main__":
    run(main, name="survey-http")
