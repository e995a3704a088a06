"""The sender of the tests, in this process or in one of its own that can be killed: `python -m MODULE TOPIC...`."""

import asyncio
import contextlib
import ssl
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import httpx

from services.reporting.projector import TOPICS
from services.reporting.settings import WebhookSettings
from services.reporting.store import Pool
from services.reporting.webhooks.addresses import Resolve, Resolver
from services.reporting.webhooks.dispatcher import Dispatcher
from shared.contracts.topics import Topic
from shared.kafka.settings import KafkaSettings
from shared.observability.clock import Clock, SystemClock
from shared.postgres.pool import open_pool
from shared.postgres.settings import PostgresSettings
from shared.security.sealing import KeyRing
from tests.integration.reporting.conftest import eventually
from tests.integration.reporting.webhooks.receiver import Receiver

RING = KeyRing("k1", {"k1": bytes(range(32))})
SETTINGS = WebhookSettings(allow_loopback=True, delivery_seconds=1.0, lease_seconds=3.0)


@dataclass
class Accounts:
    """Whose standing has changed."""

    barred: set[UUID] = field(default_factory=set)

    def is_barred(self, subject: UUID) -> bool:
        """Whether the account is suspended."""
        return subject in self.barred

    def moved_since(self, subject: UUID, moment: datetime) -> bool:
        """Nobody."""
        return False


class Sending:
    """A dispatcher at work."""

    def __init__(
        self,
        kafka: KafkaSettings,
        pool: Pool,
        clock: Clock,
        topics: tuple[Topic, ...],
        accounts: Accounts,
        tls: ssl.SSLContext,
    ) -> None:
        self.accounts = accounts
        self.resolver = Resolver()
        self.resolve: Resolve = self.resolver

        async def resolve(host: str, port: int) -> Sequence[str]:
            return await self.resolve(host, port)

        self._stopping = asyncio.Event()
        self._dispatcher = Dispatcher(pool, kafka, SETTINGS, clock, RING, accounts, topics, resolve, tls)
        self._running: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins."""
        self._running = asyncio.create_task(self._dispatcher.run(self._stopping))

    async def stop(self) -> None:
        """Ends in order."""
        self._stopping.set()
        if self._running is not None:
            await self._running
        self.resolver.close()

    async def abort(self) -> None:
        """Ends at once."""
        if self._running is not None:
            self._running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._running


async def subscribe(client: httpx.AsyncClient, receiver: Receiver, streams: Sequence[str], **more: Any) -> str:
    """The id of a subscription, whose secret the receiver has."""
    answer = await client.post("/v1/subscriptions", json={"url": receiver.url, "streams": list(streams)} | more)
    assert answer.status_code == 201, answer.text
    receiver.secrets = [answer.json()["secret"]]
    return str(answer.json()["subscription"]["subscription_id"])


async def look(client: httpx.AsyncClient, subscription_id: str) -> dict[str, Any]:
    """The subscription as it is."""
    answer = await client.get(f"/v1/subscriptions/{subscription_id}")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def half_sent(pool: Pool, subscription_id: str) -> None:
    """Leaves it as a process that is killed does: of its first stream three events are delivered and not noted, the
    next is to come, and one behind it is delivered."""
    stream = await pool.fetchval(
        "UPDATE webhook_position SET events = 3, began_at = now() WHERE (subscription_id, stream) = "
        "(SELECT subscription_id, min(stream) FROM webhook_position WHERE subscription_id = $1 GROUP BY 1) "
        "RETURNING stream",
        subscription_id,
    )
    await pool.execute(
        "INSERT INTO webhook_message (subscription_id, stream, place, event_id, body, position, is_event, delivered) "
        "SELECT subscription_id, stream, place, place::text, '{}', position, true, place = 1 "
        "FROM webhook_position, generate_series(0, 1) AS place WHERE subscription_id = $1 AND stream = $2",
        subscription_id,
        stream,
    )


async def comes_to(client: httpx.AsyncClient, subscription_id: str, state: str) -> dict[str, Any]:
    """Waits until it is in this state."""

    async def is_there() -> bool:
        return bool((await look(client, subscription_id))["state"] == state)

    await eventually(is_there, f"the subscription is {state}")
    return await look(client, subscription_id)


async def _main(names: Sequence[str]) -> None:
    topics = tuple(replace(topic, name=name, partitions=3) for topic, name in zip(TOPICS, names, strict=True))
    pool = await open_pool(PostgresSettings(), application="webhooks", max_size=4)
    tls = ssl.create_default_context()
    Sending(KafkaSettings(), pool, SystemClock(), topics, Accounts(), tls).start()
    print("started", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1:]))
