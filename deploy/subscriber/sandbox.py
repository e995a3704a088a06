"""A sandbox for subscribers, with made-up events alone: `./jitasa sandbox --help`.

The very code that serves the real streams, on a Kafka and a database of its own that are thrown away in the end. So
nothing of it can lie among real events, and no token of one opens the other.
"""

import argparse
import asyncio
import logging
import os
import random
import secrets
import signal
import ssl
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID, uuid5

from aiokafka import AIOKafkaProducer

from deploy.local.ports import HOST
from deploy.local.stack import Stack
from deploy.subscriber.conformance import sandbox as broker
from deploy.subscriber.synthetic import SyntheticStream
from deploy.trouble import Trouble
from services.reporting.live import LiveStream
from services.reporting.processes.http import create
from services.reporting.projector import TOPICS
from services.reporting.settings import LiveSettings, StreamSettings, WebhookSettings
from services.reporting.streams.parts import Streams
from services.reporting.webhooks.addresses import Resolver
from services.reporting.webhooks.dispatcher import Dispatcher
from shared.contracts.envelope import Envelope, to_headers
from shared.contracts.events import Role
from shared.contracts.golden import examples
from shared.contracts.topics import SURVEY_SUBMITTED
from shared.kafka.producer import create_producer
from shared.kafka.settings import KafkaSettings
from shared.observability.clock import SystemClock, pause
from shared.postgres.pool import open_pool
from shared.postgres.settings import PostgresSettings
from shared.security.principal import Principal
from shared.security.sealing import KeyRing
from shared.security.tokens import InvalidToken
from shared.web.authentication import Authentication
from shared.web.serve import HttpSettings, serve

TOKEN: Final = "sandbox"  # noqa: S105 - it opens made-up events alone
PORT: Final = 8190
EVENTS: Final = 1_000
MOST_EVENTS: Final = 100_000
"""They are held in memory: 200 MB."""
AREAS: Final = ("100101", "500101", "500102", "500201", "830101")
EVERY_SECONDS: Final = 1.0
"""Between the events that go on coming: a day of them is as many as `MOST_EVENTS`."""


class SandboxAccounts:
    """Takes `sandbox`, or `sandbox@AREA` for a subscriber of one area, as a token, and no other."""

    async def verify(self, token: str) -> Principal:
        """The holder of `token`; raises `InvalidToken`."""
        name, _, area = token.partition("@")
        if name != TOKEN or (area and not (area.isdecimal() and area.isascii() and len(area) in (2, 4, 6))):
            raise InvalidToken("token_malformed")
        expires_at = datetime.now(UTC) + timedelta(hours=1)
        return Principal(uuid5(UUID(int=0), token), None, Role.EXTERNAL_SYSTEM, area, expires_at, "sandbox")

    def is_barred(self, subject: UUID) -> bool:
        """Nobody."""
        return False

    def moved_since(self, subject: UUID, moment: datetime) -> bool:
        """Nobody."""
        return False


@dataclass
class Sandbox:
    """Its streams, while it is at work. url: where reporting's routes are; kafka: the same streams as topics."""

    url: str
    kafka: KafkaSettings
    producer: AIOKafkaProducer
    surveys: SyntheticStream
    _last: dict[tuple[str, int], int] = field(default_factory=dict)

    async def survey(self, count: int) -> None:
        """Publish so many further surveys."""
        before = {partition: len(records) for partition, records in self.surveys.records.items()}
        for _ in range(count):
            self.surveys.make(self.surveys.dice.choice(AREAS))
        for partition in self.surveys.records:
            await self.surveys.publish(partition, before.get(partition, 0))

    async def tell_examples(self) -> None:
        """Publish the golden events of all other streams, in chains of their own."""
        for example in examples():
            topic = example.topic
            if topic.name == SURVEY_SUBMITTED.name:
                continue
            partition = topic.partition_of(example.key)
            previous = self._last.get((topic.name, partition))
            sequence = self._last[topic.name, partition] = (previous or 0) + 1
            given = example.envelope
            envelope = Envelope(
                given.id, given.source, given.type, given.subject, given.time, sequence, previous, given.dataschema
            )
            body = example.event.model_dump_json().encode()
            headers = to_headers(envelope)
            await self.producer.send(topic.name, body, key=example.key.encode(), partition=partition, headers=headers)
        await self.producer.flush()


@asynccontextmanager
async def at_work(stack: Stack, port: int) -> AsyncIterator[Sandbox]:
    """A sandbox without any events on a stack's Kafka and database, for the time of a block."""
    kafka = KafkaSettings(
        bootstrap=stack.kafka.bootstrap, username="admin", password_file=stack.secrets.kafka_password_file("admin")
    )
    database = PostgresSettings(
        host=stack.postgres.host,
        port=stack.postgres.port,
        database="reporting",
        user="reporting",
        password_file=stack.secrets.postgres_password_file("reporting"),
    )
    accounts, live, clock, stopping = SandboxAccounts(), LiveSettings(), SystemClock(), asyncio.Event()
    pool, resolve = await open_pool(database, application="sandbox"), Resolver()
    ring = KeyRing("sandbox", {"sandbox": secrets.token_bytes(32)})
    webhooks = Dispatcher(
        pool, kafka, WebhookSettings(), clock, ring, accounts, tuple(TOPICS), resolve, ssl.create_default_context()
    )
    producer = create_producer(kafka)
    await producer.start()
    streams = Streams(kafka, pool, StreamSettings(), clock)
    viewers = LiveStream(live.max_viewers)
    app = create(
        pool,
        Authentication(accounts, accounts),
        clock,
        viewers,
        live,
        ready=list,
        assets=stack.tools.assets,
        streams=streams,
        webhook_ring=ring,
    )
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(streams.run(stopping))
            group.create_task(webhooks.run(stopping))
            group.create_task(serve(app, HttpSettings(host=HOST, port=port), stopping))
            dice = random.Random(1)  # noqa: S311 - the same made-up events each time
            yield Sandbox(f"http://{HOST}:{port}", kafka, producer, SyntheticStream(producer, SURVEY_SUBMITTED, dice))
            stopping.set()
    finally:
        await streams.close()
        await app.state.workshop.close()
        await producer.stop()
        resolve.close()
        pool.terminate()


def _settings_for(sandbox: Sandbox) -> str:
    told = sandbox.kafka.for_librdkafka()
    return f"""\
แซนด์บ็อกซ์พร้อมแล้ว มีแต่เหตุการณ์สมมุติ · The sandbox is ready, with made-up events alone

HTTP    export JITASA_URL={sandbox.url} JITASA_TOKEN={TOKEN}
        ({TOKEN}@50: of one area)
Kafka   export KAFKA_BOOTSTRAP={sandbox.kafka.bootstrap} KAFKA_PROTOCOL={told["security.protocol"]} \\
          KAFKA_MECHANISM={told["sasl.mechanism"]} KAFKA_USERNAME={sandbox.kafka.username} \\
          KAFKA_PASSWORD_FILE={sandbox.kafka.password_file} KAFKA_TOPIC={SURVEY_SUBMITTED.name}

Ctrl-C ends it. (กด Ctrl-C เพื่อจบ)"""


async def run(stack: Stack, port: int, events: int, ready: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM. ready: is told how to connect."""
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    async with at_work(stack, port) as sandbox:
        await sandbox.survey(events)
        await sandbox.tell_examples()
        ready(_settings_for(sandbox))
        for _ in range(MOST_EVENTS - events):
            await pause(stopping, EVERY_SECONDS)
            if stopping.is_set():
                return
            await sandbox.survey(1)
        await stopping.wait()


def _count(text: str) -> int:
    number = int(text)
    if not 0 <= number <= MOST_EVENTS:
        raise ValueError
    return number


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(
        prog="jitasa sandbox",
        description="Made-up events over HTTP and Kafka, on this machine alone (docs/subscribers-adapters.md).",
    )
    parser.add_argument("--port", type=int, default=PORT, help=f"of HTTP ({PORT})")
    parser.add_argument(
        "--events", type=_count, default=EVENTS, metavar="N", help=f"surveys in the beginning ({EVENTS})"
    )
    chosen = parser.parse_args(arguments)
    os.environ["JITASA_WEBHOOK_ALLOW_LOOPBACK"] = "true"  # the receiver that somebody writes is on this machine
    logging.getLogger("aiokafka").setLevel(logging.ERROR)  # a topic just made has no leader for a moment, and says so
    try:
        with broker() as stack:
            asyncio.run(run(stack, chosen.port, chosen.events, lambda text: print(text, flush=True)))
    except Trouble as trouble:
        trouble.show()
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
