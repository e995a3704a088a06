"""Webhooks on streams of their own: the service that is asked for them, and the process that sends them."""

import ssl
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from services.reporting.store import Pool
from shared.contracts.topics import Topic
from shared.kafka.settings import KafkaSettings
from shared.observability.clock import MovableClock
from tests.integration.reporting.streams.service import Service, at_work
from tests.integration.reporting.webhooks.receiver import Receiver, receiving
from tests.integration.reporting.webhooks.sending import RING, Accounts, Sending


@pytest.fixture(scope="module")
def clock() -> MovableClock:
    """The present: the published library takes no signatures from another time."""
    return MovableClock(datetime.now(UTC))


@pytest.fixture(autouse=True)
def present(clock: MovableClock) -> None:
    """Each test begins in the present."""
    clock.advance(datetime.now(UTC) - clock.now())


@pytest.fixture(scope="module", autouse=True)
def loopback() -> Iterator[None]:
    """Receivers of the tests are on this machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JITASA_WEBHOOK_ALLOW_LOOPBACK", "true")
        yield


@pytest.fixture(scope="module")
async def service(
    kafka: KafkaSettings, pool: Pool, clock: MovableClock, topics: tuple[Topic, ...], assets: Path
) -> AsyncIterator[Service]:
    """The module's service. Tokens of the tests end by a clock of their own."""
    async with at_work(kafka, pool, clock, topics, assets, webhook_ring=RING) as service:
        yield service


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """Somebody's endpoint."""
    async with receiving() as receiver:
        yield receiver


@pytest.fixture
async def sending(
    kafka: KafkaSettings, pool: Pool, clock: MovableClock, topics: Sequence[Topic]
) -> AsyncIterator[Sending]:
    """The process that sends, at work in this one."""
    sending = Sending(kafka, pool, clock, tuple(topics), Accounts(), ssl.create_default_context())
    sending.start()
    yield sending
    await sending.stop()
