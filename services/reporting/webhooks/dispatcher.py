"""All subscriptions of a process: takes those that are due and nobody's, and gives each a task of its own."""

import asyncio
import ssl
from contextlib import suppress
from datetime import datetime
from typing import Final, Protocol
from uuid import UUID

from aiokafka.errors import KafkaError

from services.reporting.settings import WebhookSettings
from services.reporting.store import Pool
from services.reporting.streams.cursors import Seals
from services.reporting.streams.extents import Extents
from services.reporting.streams.readers import NoReader, Readers
from services.reporting.subscribers.grants import Grants
from services.reporting.webhooks.addresses import Resolve
from services.reporting.webhooks.domain import MOST_SUBSCRIPTIONS, Reason
from services.reporting.webhooks.endpoint import Endpoint
from services.reporting.webhooks.leases import Lease, Lost, measure_queue, take
from services.reporting.webhooks.sender import Sender, Sources
from shared.contracts.topics import Topic
from shared.kafka.settings import KafkaSettings
from shared.observability.clock import Clock, pause
from shared.observability.logs import log
from shared.observability.metrics import WEBHOOK_DELIVERIES, WEBHOOKS_AT_WORK
from shared.postgres.pool import UNREACHABLE
from shared.security.sealing import KeyRing

LOOK_SECONDS: Final = 0.5
"""Between two looks for subscriptions that are due, and at what is granted: two small statements."""
MEASURE_SECONDS: Final = 5.0
"""As often as metrics are usually fetched; one small statement."""
RETRY_SECONDS: Final = 2.0
"""Kafka or the database is away."""
READERS: Final = 4
"""Fetches from Kafka at once, as with HTTP; lent for one piece, never while somebody's endpoint is waited for."""
FAILURES: Final = (NoReader, KafkaError, LookupError, *UNREACHABLE)

_log = log(__name__)


class Standing(Protocol):
    """Who may no longer act, or no longer in his role."""

    def is_barred(self, subject: UUID) -> bool:
        """Whether the account is suspended or withdrawn."""

    def moved_since(self, subject: UUID, moment: datetime) -> bool:
        """Whether the account's role or area was changed after that moment."""


class Dispatcher:
    """Works on as many subscriptions as there may be."""

    def __init__(
        self,
        pool: Pool,
        kafka: KafkaSettings,
        settings: WebhookSettings,
        clock: Clock,
        ring: KeyRing,
        standing: Standing,
        topics: tuple[Topic, ...],
        resolve: Resolve,
        tls: ssl.SSLContext,
    ) -> None:
        self._pool = pool
        self._settings = settings
        self._clock = clock
        self._ring = ring
        self._standing = standing
        self._topics = topics
        self._resolve = resolve
        self._tls = tls
        self._extents = Extents(kafka)
        self._readers = Readers(kafka, READERS)
        self._grants = Grants(pool)
        self._working: set[asyncio.Task[None]] = set()
        self._connected = False

    @property
    def connected(self) -> bool:
        """True while the database answers."""
        return self._connected

    async def run(self, stopping: asyncio.Event) -> None:
        """Works until `stopping` is set; then what is on its way is waited for, for the time of a delivery."""
        WEBHOOK_DELIVERIES.labels("delivered")  # there from the beginning, so that none is told apart from unknown
        seals = Seals(self._pool)
        clock = asyncio.get_running_loop().time
        measured = -MEASURE_SECONDS
        try:
            while not stopping.is_set():
                try:
                    await self._grants.refresh()
                    seal = await seals.get()
                    sources = Sources(self._topics, self._extents, self._readers, seal, self._reason)
                    await self._take(sources, stopping)
                    if clock() - measured >= MEASURE_SECONDS:
                        measured = clock()
                        await measure_queue(self._pool, self._clock.now())
                    self._connected, seconds = True, LOOK_SECONDS
                except UNREACHABLE as error:
                    _log.warning("webhooks_wait", cause=type(error).__name__)
                    self._connected, seconds = False, RETRY_SECONDS
                await pause(stopping, seconds)
            if self._working:
                await asyncio.wait(self._working, timeout=self._settings.delivery_seconds)
        finally:
            for task in self._working:
                task.cancel()
            await asyncio.gather(*self._working, return_exceptions=True)
            await asyncio.gather(self._readers.close(), self._extents.close())

    async def _take(self, sources: Sources, stopping: asyncio.Event) -> None:
        room = MOST_SUBSCRIPTIONS - len(self._working)
        taken = await take(self._pool, self._ring, self._clock.now(), room, self._settings.lease_seconds)
        for lease in taken:
            task = asyncio.create_task(self._work(lease, sources, stopping))
            self._working.add(task)
            task.add_done_callback(self._done)
        WEBHOOKS_AT_WORK.set(len(self._working))

    def _done(self, task: "asyncio.Task[None]") -> None:
        self._working.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            # The lease ends by itself; nobody else is concerned.
            _log.error("webhook_failed", cause=type(error).__name__)

    async def _work(self, lease: Lease, sources: Sources, stopping: asyncio.Event) -> None:
        settings = self._settings
        endpoint = Endpoint(
            lease.subscription.url,
            self._resolve,
            self._tls,
            seconds=settings.delivery_seconds,
            allow_loopback=settings.allow_loopback,
            at_once=lease.subscription.at_once,
        )
        try:
            await Sender(lease, endpoint, sources, self._clock, settings.lease_seconds).run(stopping)
        except Lost:
            pass
        except FAILURES as error:
            _log.warning("webhook_waits", cause=type(error).__name__)
            await pause(stopping, RETRY_SECONDS)
        finally:
            await endpoint.close()
            with suppress(*UNREACHABLE):
                await lease.release()

    def _reason(self, lease: Lease) -> Reason | None:
        one = lease.subscription
        if self._standing.is_barred(one.subscriber):
            return Reason.ACCOUNT_BARRED
        if self._standing.moved_since(one.subscriber, one.created_at):
            return Reason.ACCOUNT_MOVED
        if not all(self._grants.permits(one.subscriber, stream) for stream in one.streams):
            return Reason.STREAM_NOT_GRANTED
        return None
