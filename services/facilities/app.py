"""The composition root: `python -m services.facilities.app http | relay | importer`."""

import gc

if __name__ == "__main__":
    gc.disable()  # until shared/web/process.py: what is loaded stays, and the search took a fifth of a start

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

import asyncpg
from fastapi import Depends, FastAPI

from services.facilities.cached import Cache
from services.facilities.importer import Importer
from services.facilities.reference import Reference
from services.facilities.settings import PageSettings, TokenSettings
from shared.contracts.topics import FACILITY_UPDATED, FURTHER_FACILITY_UPDATED
from shared.kafka.adoption import Entity
from shared.kafka.relay import Relay
from shared.kafka.settings import KafkaSettings
from shared.kafka.standing import BarredVolunteers
from shared.observability.clock import Clock, SystemClock
from shared.postgres.measuring import measure_database
from shared.postgres.pool import open_pool
from shared.postgres.settings import PostgresSettings
from shared.security.issuers import verifier_over_http
from shared.web.app import create_app
from shared.web.authentication import Authentication
from shared.web.cors import WRITE
from shared.web.parameters import KnownParameters
from shared.web.process import run
from shared.web.serve import HttpSettings, serve
from shared.web.worker import run_worker

POOL_CONNECTIONS: Final = 10
"""Changes are short transactions of four statements: ten connections carry more than a thousand a second."""

IMPORTER_CONNECTIONS: Final = 2
"""One works on an import; one is left for looking whether it is still ours."""

RELAY_CONNECTIONS: Final = 2
"""One holds the advisory lock and does the work; by the other the database and the outbox are measured."""


def create(
    pool: "asyncpg.Pool[asyncpg.Record]",
    authentication: Authentication,
    clock: Clock,
    reference: Reference,
    ready: Callable[[], list[str]],
) -> FastAPI:
    """The service's application on what it needs, already open."""
    # Which the other processes need not load.
    from services.facilities.http import FILE_BODIES, MAX_BODY_BYTES, ROUTERS, STRICT, fhir
    from services.facilities.http.dhis2 import Exports
    from services.facilities.http.public import OpenToPages
    from services.facilities.pages import page_routes

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield

    app = create_app(
        title="Jitasa facilities",
        lifespan=lifespan,
        ready=ready,
        max_body_bytes=MAX_BODY_BYTES,
        larger_bodies=FILE_BODIES,
        page_methods=WRITE,  # the officer's week and his lists are pages of registration, where he is signed in
    )
    known = Depends(KnownParameters())
    for router in ROUTERS:
        app.include_router(router, dependencies=[known] if router in STRICT else [])
    fhir.add_outcomes(app)
    app.add_middleware(OpenToPages)
    app.router.routes.extend(page_routes(PageSettings().assets))
    app.state.pool = pool
    app.state.authentication = authentication
    app.state.clock = clock
    app.state.reference = reference
    app.state.cache = Cache()
    app.state.exports = Exports()
    return app


async def http(stopping: asyncio.Event) -> None:
    """The HTTP process: routes, token keys, the bar on suspended volunteers."""
    tokens = TokenSettings()
    pool = await open_pool(PostgresSettings(), application="facilities-http", max_size=POOL_CONNECTIONS)
    verifier = verifier_over_http(tokens.jwks_url, tokens.token_issuer)
    barred = BarredVolunteers(KafkaSettings())
    reference = Reference(pool)

    def ready() -> list[str]:
        reasons = [] if verifier.ready else ["the token issuer's keys are not known yet"]
        return reasons if reference.answers else [*reasons, "the database does not answer"]

    app = create(pool, Authentication(verifier, barred, barred), SystemClock(), reference, ready)
    try:
        await verifier.start()
        await barred.start()
        async with asyncio.TaskGroup() as group:
            group.create_task(reference.watch(stopping))
            group.create_task(serve(app, HttpSettings(), stopping))
    finally:
        await barred.stop()
        await verifier.close()
        pool.terminate()


PLACE: Final = Entity("facility", "facility_id", {"status": "closed", "change": "closed", "changed_by": None})
"""What its events tell of."""


async def relay(stopping: asyncio.Event) -> None:
    """The relay process: publishes the outbox."""
    pool = await open_pool(PostgresSettings(), application="facilities-relay", max_size=RELAY_CONNECTIONS)
    worker = Relay(pool, KafkaSettings(), (FACILITY_UPDATED, FURTHER_FACILITY_UPDATED), entity=PLACE)
    try:
        await run_worker(
            HttpSettings(),
            worker.run,
            lambda: [] if worker.connected else ["Kafka or the database is away"],
            stopping,
            beside=partial(measure_database, pool, outbox=True),
        )
    finally:
        pool.terminate()


async def importer(stopping: asyncio.Event) -> None:
    """The importer process: checks, applies and undoes lists of places."""
    pool = await open_pool(PostgresSettings(), application="facilities-importer", max_size=IMPORTER_CONNECTIONS)
    worker = Importer(pool, SystemClock())
    try:
        await run_worker(
            HttpSettings(), worker.run, lambda: [] if worker.connected else ["the database is away"], stopping
        )
    finally:
        pool.terminate()


PROCESSES: Final[dict[str, Callable[[asyncio.Event], Awaitable[None]]]] = {
    "http": http,
    "relay": relay,
    "importer": importer,
}


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in PROCESSES:
        sys.exit(f"usage: python -m services.facilities.app {' | '.join(PROCESSES)}")
    run(PROCESSES[sys.argv[1]], name=f"facilities-{sys.argv[1]}")
