"""Figures, the live stream, pages and streams for subscribers: `python -m services.reporting.processes.http`."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from fastapi import FastAPI

from services.reporting.documents.workshop import Workshop
from services.reporting.http import ROUTERS
from services.reporting.kept.answers import KeptAnswers
from services.reporting.live import LiveStream
from services.reporting.pages import page_routes
from services.reporting.projector import TOPICS
from services.reporting.sealed import sealing_ring
from services.reporting.settings import (
    LiveSettings,
    PageSettings,
    StreamSettings,
    SubscriberSettings,
    TokenSettings,
)
from services.reporting.store import Pool
from services.reporting.streams.parts import Streams
from services.reporting.subscribers.clients import Entrance, entrance_of
from services.reporting.watcher import Watcher
from shared.contracts.topics import Topic
from shared.kafka.settings import KafkaSettings
from shared.kafka.standing import BarredVolunteers
from shared.observability.clock import Clock, SystemClock
from shared.postgres.pool import open_pool
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

HTTP_CONNECTIONS: Final = 10
"""One listens for changes, one reads the live picture, eight answer requests of some 10 ms each, the rows of the
transfer log among them."""

LENIENCE_SECONDS: Final = 0.25
"""While events are applied at the highest rate the figures change some twenty times a second. Nobody reads so fast; an
answer is made four times a second at most, and the others are given the last one. Who has to know of every change
listens to the live stream."""


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


async def main(stopping: asyncio.Event) -> None:
    """The HTTP process: figures, the live stream, the map page, the streams for subscribers."""
    tokens = TokenSettings()
    pages = PageSettings()
    live_settings = LiveSettings()
    pool = await open_pool(PostgresSettings(), application="reporting-http", max_size=HTTP_CONNECTIONS)
    verifier = verifier_over_http(tokens.jwks_url, tokens.token_issuer)
    kafka = KafkaSettings()
    barred = BarredVolunteers(kafka)
    streams = Streams(kafka, pool, StreamSettings(), SystemClock())
    ring = sealing_ring()
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


if __name__ == "__main__":
    run(main, name="reporting-http")
