"""The composition root: `python -m services.reporting.app http | projector | keeper | webhooks`."""

import gc

if __name__ == "__main__":
    gc.disable()  # until shared/web/process.py: what is loaded stays, and the search took a fifth of a start

import asyncio
import ssl
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final

import httpx
from fastapi import FastAPI

from services.reporting.ends import StreamEnds
from services.reporting.kept.answers import KeptAnswers
from services.reporting.live import LiveStream
from services.reporting.monitor.refresh import REFRESH_SECONDS, ResultsRefresh
from services.reporting.months import keeping
from services.reporting.months.closing import Months
from services.reporting.months.keeping import KeepingDuty
from services.reporting.months.schedule import ClosingDuty
from services.reporting.projector import TOPICS, VERSION, FiguresProjection
from services.reporting.rebuild import duty as rebuild
from services.reporting.rebuild.duty import Rebuilding
from services.reporting.rebuild.version import note_version
from services.reporting.receivers import places
from services.reporting.receivers.places import Places
from services.reporting.sealed import SEALED_TABLES
from services.reporting.settings import (
    LiveSettings,
    MonthSettings,
    OwnerSettings,
    PageSettings,
    StreamSettings,
    SubscriberSettings,
    TokenSettings,
    WebhookSettings,
)
from services.reporting.store import Pool
from services.reporting.streams import forgetting
from services.reporting.streams.forgetting import Forgetting
from services.reporting.streams.parts import Streams
from services.reporting.subscribers import duty as admitting
from services.reporting.subscribers.clients import Entrance, entrance_of
from services.reporting.subscribers.duty import admitting_of
from services.reporting.trust import reconcile
from services.reporting.trust.gaps import NotedGaps, heed_dismissals
from services.reporting.trust.reconcile import reconciling_of
from services.reporting.watcher import Watcher
from services.reporting.webhooks.addresses import Resolver
from services.reporting.webhooks.dispatcher import Dispatcher
from services.reporting.webhooks.endpoint import trusted
from shared.contracts.topics import Topic
from shared.kafka.consumer import PositionedConsumer
from shared.kafka.projection import ProjectionHandler
from shared.kafka.settings import KafkaSettings
from shared.kafka.standing import BarredVolunteers
from shared.observability.clock import Clock, SystemClock
from shared.postgres.keeper import Duty, Keeper
from shared.postgres.measuring import measure_database
from shared.postgres.pool import acquire, open_pool
from shared.postgres.rewrapping import Rewrapping
from shared.postgres.settings import PostgresSettings
from shared.security.issuers import verifier_over_http
from shared.security.sealing import KeyRing
from shared.web.allowance import crowd
from shared.web.app import create_app
from shared.web.authentication import Authentication
from shared.web.cors import WRITE
from shared.web.outcomes import add_outcomes
from shared.web.process import run
from shared.web.serve import HttpSettings, serve
from shared.web.worker import run_worker

GROUP: Final = "reporting-projector"

HTTP_CONNECTIONS: Final = 10
"""One listens for changes, one reads the live picture, eight answer requests of some 10 ms each, the rows of the
transfer log among them."""

LENIENCE_SECONDS: Final = 0.25
"""While events are applied at the highest rate the figures change some twenty times a second. Nobody reads so fast; an
answer is made four times a second at most, and the others are given the last one. Who has to know of every change
listens to the live stream."""

PROJECTOR_CONNECTIONS: Final = 3
"""One writes the batches, one the streams' ends, one is left for a take-over meanwhile, or to look for dismissals."""

KEEPER_CONNECTIONS: Final = 10
"""One holds the lock; the others are the duties'."""

WEBHOOK_CONNECTIONS: Final = 4
"""Each is held for the millisecond in which an outcome is written down."""

MAX_RECORDS: Final = 5_000
"""Events in one transaction: the more, the more of them fall into the same row. At the highest rate they are applied in
a tenth of a second."""


def create(
    pool: Pool,
    authentication: Authentication,
    clock: Clock,
    live: LiveStream,
    live_settings: LiveSettings,
    ready: Callable[[], list[str]],
    *,
    assets: Path,
    registration_url: str = "",
    survey_url: str = "",
    topics: Sequence[Topic] = TOPICS,
    lenience: float = 0.0,
    entrance: Entrance | None = None,
    streams: Streams | None = None,
    webhook_ring: KeyRing | None = None,
) -> FastAPI:
    """The service's application on what it needs, already open. lenience: see `KeptAnswers`; entrance: None where
    nobody is let into Kafka from outside; streams: None where there is no Kafka to be read from over HTTP;
    webhook_ring: seals the secrets of webhooks, None where nobody can have any."""
    # Which the other processes need not load.
    from services.reporting.documents.workshop import Workshop
    from services.reporting.http import ROUTERS
    from services.reporting.pages import page_routes

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield

    app = create_app(title="Jitasa reporting", lifespan=lifespan, ready=ready, page_methods=WRITE, allowance=crowd())
    add_outcomes(app)
    for router in ROUTERS:
        app.include_router(router)
    app.router.routes.extend(page_routes(assets, registration_url, survey_url))
    app.state.pool = pool
    app.state.authentication = authentication
    app.state.clock = clock
    app.state.live = live
    app.state.live_settings = live_settings
    app.state.topics = topics
    app.state.workshop = Workshop(assets, clock)
    app.state.kept = KeptAnswers(pool, topics, lenience=lenience)
    app.state.entrance = entrance
    app.state.streams = streams
    app.state.webhook_ring = webhook_ring
    return app


async def http(stopping: asyncio.Event) -> None:
    """The HTTP process: figures, the live stream, the map page, the streams for subscribers."""
    tokens = TokenSettings()
    pages = PageSettings()
    live_settings = LiveSettings()
    pool = await open_pool(PostgresSettings(), application="reporting-http", max_size=HTTP_CONNECTIONS)
    verifier = verifier_over_http(tokens.jwks_url, tokens.token_issuer)
    kafka = KafkaSettings()
    barred = BarredVolunteers(kafka)
    streams = Streams(kafka, pool, StreamSettings(), SystemClock())
    ring = _sealing_ring()
    live = LiveStream(live_settings.max_viewers)
    watcher = Watcher(pool, live, live_settings, TOPICS, SystemClock())

    def ready() -> list[str]:
        reasons = [] if verifier.ready else ["the token issuer's keys are not known yet"]
        return reasons if watcher.connected else [*reasons, "the database does not answer"]

    app = create(
        pool,
        Authentication(verifier, barred, barred),
        SystemClock(),
        live,
        live_settings,
        ready,
        assets=pages.assets,
        registration_url=pages.registration_url,
        survey_url=pages.survey_url,
        lenience=LENIENCE_SECONDS,
        entrance=entrance_of(SubscriberSettings(), ring),
        streams=streams,
        webhook_ring=ring,
    )
    following = None if ring is None else asyncio.create_task(ring.follow())
    try:
        await verifier.start()
        await barred.start()
        async with asyncio.TaskGroup() as group:
            group.create_task(watcher.run(stopping))
            group.create_task(streams.run(stopping))
            group.create_task(serve(app, HttpSettings(), stopping))
    finally:
        if following is not None:
            following.cancel()
        await streams.close()
        await app.state.workshop.close()
        await barred.stop()
        await verifier.close()
        pool.terminate()


async def projector(stopping: asyncio.Event) -> None:
    """The projector process: applies the public events to the figures."""
    kafka = KafkaSettings()
    pool = await open_pool(PostgresSettings(), application="reporting-projector", max_size=PROJECTOR_CONNECTIONS)
    handler = ProjectionHandler(FiguresProjection(), TOPICS, gaps=NotedGaps())
    consumer = PositionedConsumer(kafka, pool, group=GROUP, topics=TOPICS, handler=handler, max_records=MAX_RECORDS)
    ends = StreamEnds(kafka, pool, TOPICS, SystemClock())

    async def work(stopping: asyncio.Event) -> None:
        async with acquire(pool) as connection:
            await note_version(connection, VERSION)
        async with asyncio.TaskGroup() as group:
            group.create_task(consumer.run(stopping))
            group.create_task(heed_dismissals(pool, handler, consumer, stopping))
            group.create_task(ends.run(stopping))

    try:
        await run_worker(
            HttpSettings(), work, lambda: [] if consumer.connected else ["Kafka or the database is away"], stopping
        )
    finally:
        pool.terminate()


async def webhooks(stopping: asyncio.Event) -> None:
    """The webhooks process: sends the streams to whoever has subscribed."""
    ring = _sealing_ring()
    if ring is None:
        raise ValueError("JITASA_SUBSCRIBER_SEALING_KEYS_FILE is not set: the secrets of webhooks cannot be opened")
    kafka, resolve, settings = KafkaSettings(), Resolver(), WebhookSettings()
    pool = await open_pool(PostgresSettings(), application="reporting-webhooks", max_size=WEBHOOK_CONNECTIONS)
    barred = BarredVolunteers(kafka)
    dispatcher = Dispatcher(
        pool,
        kafka,
        settings,
        SystemClock(),
        ring,
        barred,
        tuple(TOPICS),
        resolve,
        trusted(settings),
    )
    try:
        await barred.start()
        await run_worker(
            HttpSettings(),
            dispatcher.run,
            lambda: [] if dispatcher.connected else ["the database is away"],
            stopping,
        )
    finally:
        await barred.stop()
        resolve.close()
        pool.terminate()


def _sealing_ring() -> KeyRing | None:
    path = SubscriberSettings().sealing_keys_file
    return None if path is None else KeyRing.from_file(path)


async def keeper(stopping: asyncio.Event) -> None:
    """The keeper process: what is done by the clock."""
    postgres = PostgresSettings()
    pool = await open_pool(postgres, application="reporting-keeper", max_size=KEEPER_CONNECTIONS)
    try:
        async with httpx.AsyncClient(trust_env=False, verify=ssl.create_default_context()) as client:
            worker = Keeper(pool, duties(pool, postgres, client))
            await run_worker(
                HttpSettings(),
                worker.run,
                lambda: [] if worker.connected else ["the database is away"],
                stopping,
                beside=partial(measure_database, pool),
            )
    finally:
        pool.terminate()


def duties(pool: Pool, postgres: PostgresSettings, client: httpx.AsyncClient) -> list[Duty]:
    """Everything that the keeper does."""
    clock = SystemClock()
    rebuilding = Rebuilding(pool, KafkaSettings(), postgres, clock)
    closing = ClosingDuty(pool, Months(pool, TOPICS), clock, MonthSettings(), TOPICS)
    found = [
        Duty("results", ResultsRefresh(pool, clock).turn, REFRESH_SECONDS),
        Duty("rebuild", rebuilding.turn, rebuild.EVERY_SECONDS),
        Duty("close_month", closing.turn),
        Duty("sum_months", KeepingDuty(pool, clock, TOPICS).turn, keeping.EVERY_SECONDS),
        Duty("forget_transfers", Forgetting(pool, clock).turn, forgetting.EVERY_SECONDS),
    ]
    if (reconciling := reconciling_of(pool, client, OwnerSettings(), clock)) is not None:
        found.append(Duty("reconcile", reconciling.turn, reconcile.EVERY_SECONDS))
    if (subscribers := admitting_of(pool, clock)) is not None:
        found.append(Duty("subscribers", subscribers.turn, admitting.EVERY_SECONDS))
        found.append(Duty("subscribers_places", Places(pool, KafkaSettings(), clock).turn, places.EVERY_SECONDS))
    if (ring := _sealing_ring()) is not None:
        found.append(Duty("rewrapping", Rewrapping(pool, ring, SEALED_TABLES, clock).turn))
    return found


PROCESSES: Final[dict[str, Callable[[asyncio.Event], Awaitable[None]]]] = {
    "http": http,
    "projector": projector,
    "keeper": keeper,
    "webhooks": webhooks,
}


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in PROCESSES:
        sys.exit(f"usage: python -m services.reporting.app {' | '.join(PROCESSES)}")
    run(PROCESSES[sys.argv[1]], name=f"reporting-{sys.argv[1]}")
