"""The four services' applications on real databases, without the processes around them, and tokens of all roles."""

import asyncio
import base64
import json
import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple, cast
from uuid import UUID, uuid4

import asyncpg
import pytest
from aiokafka import AIOKafkaProducer
from fastapi import FastAPI
from joserfc.jwk import ECKey
from starlette.datastructures import State
from starlette.types import ASGIApp, Message

from services.facilities.processes.http import create as facilities_app
from services.facilities.reference import Reference
from services.registration.processes.http import http_app
from services.registration.settings import RegistrationSettings
from services.registration.sms import TextMessage
from services.reporting.live import LiveStream
from services.reporting.processes.http import create as reporting_app
from services.reporting.settings import LiveSettings, StreamSettings
from services.reporting.streams.parts import Streams
from services.reporting.subscribers.clients import Entrance
from services.survey.help.parts import HelpParts
from services.survey.http import add_routes
from services.survey.intake import Intake
from services.survey.pages import page_routes as survey_pages
from services.survey.precedence import Precedence
from services.survey.settings import SurveySettings
from shared.contracts.events import Role
from shared.observability.clock import MovableClock
from shared.postgres.pool import open_pool
from shared.security.blind_index import BlindIndex
from shared.security.citizen_tokens import CitizenVerifier
from shared.security.keyed_ids import HouseholdIds
from shared.security.sealing import KeyRing
from shared.security.tokens import TokenSigner, TokenVerifier
from shared.web.access import Access, access_of
from shared.web.app import create_app
from shared.web.authentication import Authentication
from shared.web.direct import ShortCut
from shared.web.files import PageRoute
from tests.runtime import Runtime
from tests.unit.survey.test_intake import FakeProducer

NOW = datetime(2022, 2, 5, 3, 0, tzinfo=UTC)
ISSUER = "https://jitasa.example"
SUSPENDED = UUID(int=13)
ANSWER_SECONDS = 10.0

HOME: Mapping[Role, str] = {
    Role.CENTRAL_ADMINISTRATOR: "",
    Role.PROVINCE_ADMINISTRATOR: "50",
    Role.DISTRICT_COORDINATOR: "5001",
    Role.SUBDISTRICT_COORDINATOR: "500101",
    Role.VOLUNTEER: "500101",
    Role.PLACE_OFFICER: "5001",
    Role.EXTERNAL_SYSTEM: "",
}
"""Where the caller of each role holds it."""


@dataclass(frozen=True)
class Service:
    """A running application with its state and its database, its routes as they are, and the paths of its pages and
    their files."""

    app: ASGIApp
    state: State
    pool: "asyncpg.Pool[asyncpg.Record]"
    routes: Mapping[str, Access]
    files: Sequence[str]


class Bar:
    """One person is suspended."""

    def is_barred(self, subject: UUID) -> bool:
        """Whether it is him."""
        return subject == SUSPENDED


class Phones:
    """Nobody's."""

    async def send(self, message: TextMessage) -> None:
        """Nothing."""


Services = Mapping[str, Service]


def settings_in(folder: Path) -> RegistrationSettings:
    """Registration's settings, with keys of their own."""
    key = base64.b64encode(os.urandom(32)).decode()
    signing = ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"}, auto_kid=True)
    (folder / "signing").write_text(json.dumps({"keys": [signing.as_dict(private=True)]}))
    (folder / "sealing").write_text(json.dumps({"current": "k1", "keys": {"k1": key}}))
    (folder / "index").write_text(key)
    return RegistrationSettings(
        token_issuer=ISSUER,
        signing_keys_file=folder / "signing",
        sealing_keys_file=folder / "sealing",
        blind_index_key_file=folder / "index",
        sms_sink_file=folder / "sms",
        sms_url=None,
        sms_token_file=None,
    )


@asynccontextmanager
async def _nothing(_: FastAPI) -> AsyncIterator[None]:
    yield


@pytest.fixture(scope="session")
def signing(tmp_path_factory: pytest.TempPathFactory) -> tuple[RegistrationSettings, TokenSigner]:
    """Whose tokens all four services take."""
    settings = settings_in(tmp_path_factory.mktemp("signing"))
    return settings, TokenSigner.from_file(settings.signing_keys_file, issuer=ISSUER)


@pytest.fixture(scope="session")
async def services(
    runtime: Runtime, signing: tuple[RegistrationSettings, TokenSigner], organisation: UUID
) -> AsyncIterator[Services]:
    """All four, on real databases."""
    (settings, signer), clock = signing, MovableClock(NOW)
    authentication = Authentication(
        TokenVerifier("", ISSUER, source=signer, now=lambda: clock.now().timestamp()), Bar()
    )
    assets = runtime.stack.tools.assets
    async with AsyncExitStack() as stack:
        stack.enter_context(pytest.MonkeyPatch.context()).setenv("JITASA_ASSETS", str(assets))

        async def pool_of(service: str) -> "asyncpg.Pool[asyncpg.Record]":
            pool = await open_pool(runtime.create_database(service), application="test", max_size=4)
            stack.callback(pool.terminate)
            return pool

        database = runtime.create_database("registration")
        registration = http_app(settings, database, bar=Bar(), clock=clock, gateway=Phones())
        await stack.enter_async_context(registration.router.lifespan_context(registration))
        await registration.state.parts.pool.execute(
            "INSERT INTO organisation VALUES ($1, 'ส่วนกลาง', 'agency', '', NULL, $2, $1)", organisation, NOW
        )

        survey = create_app(title="survey", lifespan=_nothing, ready=list)
        add_routes(survey)
        survey.router.routes.extend(survey_pages(SurveySettings.model_construct(assets=assets)))
        survey.state.pool = survey.state.lists = await pool_of("survey")
        survey.state.authentication = authentication
        sealing, key = KeyRing("k", {"k": os.urandom(32)}), os.urandom(32)
        producer = cast(AIOKafkaProducer, FakeProducer())
        survey.state.precedence = Precedence()
        survey.state.help = HelpParts.of(survey.state.pool, sealing, BlindIndex(key), clock)
        survey.state.citizens = CitizenVerifier("", ISSUER, source=signer, now=lambda: clock.now().timestamp())
        ids = HouseholdIds(key)
        survey.state.blind_index = BlindIndex(key)
        survey.state.intake = Intake(producer, sealing, ids, survey.state.blind_index, clock)
        survey.state.sealing, survey.state.household_ids, survey.state.clock = sealing, ids, clock

        facilities_pool = await pool_of("facilities")
        facilities = facilities_app(facilities_pool, authentication, clock, Reference(facilities_pool), ready=list)
        live = LiveSettings()
        reporting_pool = await pool_of("reporting")
        streams = Streams(runtime.kafka_settings("reporting"), reporting_pool, StreamSettings(), clock)
        stack.push_async_callback(streams.close)
        reporting = reporting_app(
            reporting_pool,
            authentication,
            clock,
            LiveStream(live.max_viewers),
            live,
            ready=list,
            assets=assets,
            entrance=Entrance("localhost:8151", runtime.stack.kafka.certificates.authority, sealing),
            webhook_ring=sealing,
            streams=streams,
        )
        apps = {"registration": registration, "survey": survey, "facilities": facilities, "reporting": reporting}
        yield {
            name: Service(
                ShortCut(app) if app is survey else app,
                app.state,
                registration.state.parts.pool if app is registration else app.state.pool,
                {f"{one.method} {one.path}": one for one in access_of(app)},
                [route.path for route in app.routes if isinstance(route, PageRoute)],
            )
            for name, app in apps.items()
        }


@pytest.fixture(scope="session")
def organisation() -> UUID:
    """An agency of the whole country."""
    return uuid4()


@pytest.fixture(scope="session")
def token_of(signing: tuple[RegistrationSettings, TokenSigner]) -> Callable[..., str]:
    """Makes the token of a role."""
    _, signer = signing

    def token(role: Role, area: str | None = None, subject: UUID | None = None) -> str:
        return signer.sign(
            subject=subject or uuid4(),
            organisation=None,
            role=role,
            area=HOME[role] if area is None else area,
            issued_at=NOW,
            expires_at=NOW + timedelta(minutes=15),
        )

    return token


class Head(NamedTuple):
    """Of an answer; the headers' names in small letters."""

    status: int
    headers: Mapping[str, str]


async def status_of(service: Service, route: Access, token: str | None, **more: Any) -> int:
    """The status of an answer."""
    return (await head_of(service, route, token, **more)).status


async def head_of(
    service: Service,
    route: Access,
    token: str | None,
    *,
    query: str = "",
    body: Any = None,
    match: bool = False,
    scheme: str = "http",
    client: str | None = None,
) -> Head:
    """The head of an answer. What comes after it is not waited for: a live stream has no end.

    client: the address that asks, by default one of many.
    """
    path = route.path
    while "{" in path:
        before, _, rest = path.partition("{")
        path = f"{before}{uuid4()}{rest.partition('}')[2]}"
    headers = [(b"host", b"test"), (b"content-type", b"application/json")]
    if token is not None:
        headers.append((b"authorization", f"Bearer {token}".encode()))
    if match:
        headers.append((b"if-match", b'"1"'))
    content = b"" if body is None else json.dumps(body).encode()
    if content:
        headers.append((b"content-length", str(len(content)).encode()))
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": route.method,
        "scheme": scheme,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": headers,
        "client": (client or f"10.9.{os.urandom(1)[0]}.{os.urandom(1)[0]}", 1),
        "server": ("test", 80),
        "root_path": "",
    }
    head: asyncio.Future[Head] = asyncio.get_running_loop().create_future()
    sent = False

    async def receive() -> Message:
        nonlocal sent
        if sent:
            await asyncio.Event().wait()  # the client stays
        sent = True
        return {"type": "http.request", "body": content, "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start" and not head.done():
            headers = {name.decode().lower(): value.decode() for name, value in message["headers"]}
            head.set_result(Head(message["status"], headers))

    answering = asyncio.ensure_future(service.app(scope, receive, send))
    either: set[asyncio.Future[Any]] = {answering, head}
    await asyncio.wait(either, timeout=ANSWER_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    if not head.done():
        await answering  # raises what went wrong
    answering.cancel()
    await asyncio.wait({answering})
    return head.result()


def each(services: Services) -> Iterator[tuple[str, Service, str, Access]]:
    for name, service in services.items():
        for key, route in service.routes.items():
            yield name, service, key, route
