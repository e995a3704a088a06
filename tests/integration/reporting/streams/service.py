"""Reporting at work on a port of its own, to be asked, stopped and started again."""

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid5

import httpx

from services.reporting.live import LiveStream
from services.reporting.processes.http import create
from services.reporting.settings import LiveSettings, StreamSettings
from services.reporting.store import Pool
from services.reporting.streams.parts import Streams
from shared.contracts.events import Role
from shared.contracts.topics import Topic
from shared.kafka.settings import KafkaSettings
from shared.observability.clock import MovableClock
from shared.security.principal import Principal
from shared.security.sealing import KeyRing
from shared.web.authentication import Authentication
from shared.web.serve import HttpSettings, serve
from tests.integration.reporting.conftest import NOW, eventually

SETTINGS = StreamSettings(readers=2, most_open=12, most_open_of_one=6, heartbeat_seconds=0.3, send_seconds=2.0)


class Accounts:
    """Takes `role@area` or `role@area@name` as a token; some accounts are suspended."""

    def __init__(self) -> None:
        self.suspended: set[UUID] = set()

    @staticmethod
    def subject(token: str) -> UUID:
        """The account of a token."""
        return uuid5(UUID(int=0), token)

    async def verify(self, token: str) -> Principal:
        """The holder of `token`."""
        role, area, *_ = token.split("@")
        expires_at = NOW + timedelta(minutes=15)
        return Principal(self.subject(token), UUID(int=7), Role(role), area, expires_at, "t")

    def is_barred(self, subject: UUID) -> bool:
        """Whether the account is suspended."""
        return subject in self.suspended


@dataclass
class Service:
    """The service at work."""

    url: str
    port: int
    streams: Streams
    accounts: Accounts
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    serving: "asyncio.Task[None] | None" = None

    def client(self, account: str = "external_system@", **headers: str) -> httpx.AsyncClient:
        """A subscriber's."""
        headers = {"Authorization": f"Bearer {account}", "Accept-Language": "en", **headers}
        return httpx.AsyncClient(base_url=self.url, timeout=30, headers=headers)

    async def stop(self) -> None:
        """Ends it as a restart does."""
        self.stopping.set()
        if self.serving is not None:
            await self.serving


async def start(
    kafka: KafkaSettings,
    pool: Pool,
    clock: MovableClock,
    topics: Sequence[Topic],
    assets: Path,
    *,
    port: int | None = None,
    settings: StreamSettings = SETTINGS,
    webhook_ring: KeyRing | None = None,
) -> Service:
    """Starts the service."""
    if port is None:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
    accounts, live = Accounts(), LiveSettings()
    streams = Streams(kafka, pool, settings, clock)
    app = create(
        pool,
        Authentication(accounts, accounts),
        clock,
        LiveStream(live.max_viewers),
        live,
        ready=list,
        assets=assets,
        topics=topics,
        streams=streams,
        webhook_ring=webhook_ring,
    )
    service = Service(f"http://127.0.0.1:{port}", port, streams, accounts)

    async def work() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(streams.run(service.stopping))
            group.create_task(serve(app, HttpSettings(host="127.0.0.1", port=port), service.stopping))
        await streams.close()

    service.serving = asyncio.create_task(work())

    async def answers() -> bool:
        try:
            async with httpx.AsyncClient() as client:
                return (await client.get(f"{service.url}/healthz")).status_code == 200
        except httpx.TransportError:
            return False

    await eventually(answers, "the service answers")
    return service


@asynccontextmanager
async def at_work(
    kafka: KafkaSettings,
    pool: Pool,
    clock: MovableClock,
    topics: Sequence[Topic],
    assets: Path,
    settings: StreamSettings = SETTINGS,
    webhook_ring: KeyRing | None = None,
) -> AsyncIterator[Service]:
    """The service, for the time of a block."""
    service = await start(kafka, pool, clock, topics, assets, settings=settings, webhook_ring=webhook_ring)
    try:
        yield service
    finally:
        await service.stop()
