"""The HTTP interface of the register of places: `python -m services.facilities.processes.http`."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

import asyncpg
from fastapi import Depends, FastAPI

from services.facilities.cached import Cache
from services.facilities.http import FILE_BODIES, MAX_BODY_BYTES, ROUTERS, STRICT, fhir
from services.facilities.http.dhis2 import Exports
from services.facilities.http.public import OpenToPages
from services.facilities.pages import page_routes
from services.facilities.reference import Reference
from services.facilities.settings import PageSettings, TokenSettings
from shared.kafka.settings import KafkaSettings
from shared.kafka.standing import BarredVolunteers
from shared.observability.clock import Clock, SystemClock
from shared.postgres.pool import open_pool
from shared.postgres.settings import PostgresSettings
from shared.security.issuers import verifier_over_http
from shared.tables.turns import Turns
from shared.web.app import create_app
from shared.web.authentication import Authentication
from shared.web.cors import WRITE
from shared.web.parameters import KnownParameters
from shared.web.process import run
from shared.web.serve import HttpSettings, serve

POOL_CONNECTIONS: Final = 10
"""Changes are short transactions of four statements: ten connections carry more than a thousand a second."""


def create(
    pool: "asyncpg.Pool[asyncpg.Record]",
    authentication: Authentication,
    clock: Clock,
    reference: Reference,
    ready: Callable[[], list[str]],
) -> FastAPI:
    """The service's application on what it needs, already open."""

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
    app.state.workbooks = Turns()
    return app


async def main(stopping: asyncio.Event) -> None:
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


if __name__ == "__main__":
    run(main, name="facilities-http")
