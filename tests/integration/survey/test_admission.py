"""One organisation's flood, over HTTP into intake on a real Kafka, and another organisation beside it."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import pytest
from fastapi import FastAPI

from services.survey.http import add_routes
from shared.contracts.events import Role
from shared.observability.clock import SystemClock
from shared.security.principal import Principal
from shared.web.app import create_app
from shared.web.authentication import Authentication
from shared.web.direct import ShortCut
from shared.web.serve import HttpSettings, serve
from tests.bench.flood import Flood, Order
from tests.integration.survey.conftest import NOW, Survey

FLOOD_CONNECTIONS = 120
"""With 50 households each they ask for more than the room."""
SECONDS = 1.5


@dataclass
class Tokens:
    """Takes the number of an organisation for a token of one of its volunteers; nobody is barred."""

    async def verify(self, token: str) -> Principal:
        """The volunteer."""
        return Principal(UUID(int=1), UUID(int=int(token)), Role.VOLUNTEER, "", NOW + timedelta(days=1), token)

    def is_barred(self, subject: UUID) -> bool:
        """Nobody."""
        return False


@pytest.fixture
async def port(survey: Survey) -> AsyncIterator[int]:
    """Where the survey's intake is served."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield

    survey.intake._clock = SystemClock()  # the flood's submissions are of today
    app = create_app(title="survey", lifespan=lifespan, ready=list)
    app.state.intake = survey.intake
    app.state.authentication = Authentication(Tokens(), Tokens())
    add_routes(app)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        number = probe.getsockname()[1]
    stopping = asyncio.Event()
    serving = asyncio.create_task(serve(ShortCut(app), HttpSettings(port=number), stopping))
    async with asyncio.timeout(10):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", number)
                writer.close()
                break
            except OSError:
                await asyncio.sleep(0.02)
    yield number
    stopping.set()
    await serving


async def test_a_flood_leaves_room_for_the_other_organisation(survey: Survey, port: int) -> None:
    flood = Flood(Order(port, "1", FLOOD_CONNECTIONS, 50, SECONDS, seed=1))
    modest = Flood(Order(port, "2", 8, 1, SECONDS, seed=2, rate=100))
    of_flood, of_modest = await asyncio.gather(flood.run(), modest.run())
    assert of_flood.statuses["202"] > 0
    assert of_flood.statuses["429"] > 0
    assert of_flood.statuses.keys() <= {"202", "429", "207 with others"}
    assert of_flood.statuses["207 with others"] == 0
    assert set(of_modest.statuses) == {"202"}
    assert (await survey.intake.accept([b"{}"], await Tokens().verify("1")))[0].status == 400  # there is room again
    assert survey.intake.admission.records_held == survey.intake.admission.bytes_held == 0
