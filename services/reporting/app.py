"""The composition root: `python -m services.reporting.app http | projector`."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from fastapi import FastAPI

from services.reporting.ends import StreamEnds
from services.reporting.http import ROUTERS
from services.reporting.kept.answers import KeptAnswers
from services.reporting.live import LiveStream
from services.reporting.pages import page_routes
from services.reporting.projector import TOPICS, FiguresProjection
from services.reporting.settings import LiveSettings, PageSettings, TokenSettings
from services.reporting.store import Pool
from services.reporting.watcher import Watcher
from shared.contracts.topics import Topic
from shared.kafka.consumer import PositionedConsumer
from shared.kafka.projection import ProjectionHandler
from shared.kafka.settings import KafkaSettings
from shared.kafka.standing import BarredVolunteers
from shared.observability.clock import Clock, SystemClock
from shared.postgres.pool import open_pool
from shared.postgres.settings import PostgresSettings
from shared.security.issuers import verifier_over_http
from shared.web.app import create_app
from shared.web.authentication import Authentication
from shared.web.outcomes import add_outcomes
from shared.web.process import run
from shared.web.serve import HttpSettings, serve
from shared.web.worker import run_worker

GROUP: Final = "reporting-projector"

HTTP_CONNECTIONS: Final = 10
"""One listens for changes, one reads the live picture, eight answer requests of some 10 ms each."""

LENIENCE_SECONDS: Final = 0.25
"""While events are applied at the highest rate the figures change some twenty times a second. Nobody reads so fast; an
answer is made four times a second at most, and the others are given the last one. Who has to know of every change
listens to the live stream."""

PROJECTOR_CONNECTIONS: Final = 3
"""One writes the batches, one the streams' ends, one is left for a take-over meanwhile."""

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
    topics: Sequence[Topic] = TOPICS,
    lenience: float = 0.0,
) -> FastAPI:
    """The service's application on what it needs, already open. lenience: see `KeptAnswers`."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield

    app = create_app(title="Jitasa reporting", lifespan=lifespan, ready=ready)
    add_outcomes(app)
    for router in ROUTERS:
        app.include_router(router)
    app.router.routes.extend(page_routes(assets))
    app.state.pool = pool
    app.state.authentication = authentication
    app.state.clock = clock
    app.state.live = live
    app.state.live_settings = live_settings
    app.state.topics = topics
    app.state.kept = KeptAnswers(pool, topics, lenience=lenience)
    return app


async def http(stopping: asyncio.Event) -> None:
    """The HTTP process: figures, the live stream, the map page."""
    tokens = TokenSettings()
    live_settings = LiveSettings()
    pool = await open_pool(PostgresSettings(), application="reporting-http", max_size=HTTP_CONNECTIONS)
    verifier = verifier_over_http(tokens.jwks_url, tokens.token_issuer)
    barred = BarredVolunteers(KafkaSettings())
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
        assets=PageSettings().assets,
        lenience=LENIENCE_SECONDS,
    )
    try:
        await verifier.start()
        await barred.start()
        async with asyncio.TaskGroup() as group:
            group.create_task(watcher.run(stopping))
            group.create_task(serve(app, HttpSettings(), stopping))
    finally:
        await barred.stop()
        await verifier.close()
        pool.terminate()


async def projector(stopping: asyncio.Event) -> None:
    """The projector process: applies the public events to the figures."""
    kafka = KafkaSettings()
    pool = await open_pool(PostgresSettings(), application="reporting-projector", max_size=PROJECTOR_CONNECTIONS)
    consumer = PositionedConsumer(
        kafka,
        pool,
        group=GROUP,
        topics=TOPICS,
        handler=ProjectionHandler(FiguresProjection(), TOPICS),
        max_records=MAX_RECORDS,
    )
    ends = StreamEnds(kafka, pool, TOPICS, SystemClock())

    async def work(stopping: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(consumer.run(stopping))
            group.create_task(ends.run(stopping))

    try:
        await run_worker(
            HttpSettings(), work, lambda: [] if consumer.connected else ["Kafka or the database is away"], stopping
        )
    finally:
        pool.terminate()


PROCESSES: Final[dict[str, Callable[[asyncio.Event], Awaitable[None]]]] = {"http": http, "projector": projector}


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in PROCESSES:
        sys.exit(f"usage: python -m services.reporting.app {' | '.join(PROCESSES)}")
    run(PROCESSES[sys.argv[1]], name=f"reporting-{sys.argv[1]}")
