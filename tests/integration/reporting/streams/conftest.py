"""Streams with events of several areas, and the service that hands them on."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.reporting.store import Pool
from shared.contracts.topics import Topic
from shared.kafka.settings import KafkaSettings
from shared.observability.clock import MovableClock
from tests.integration.reporting.streams.service import Service, at_work


@pytest.fixture(scope="module")
async def service(
    kafka: KafkaSettings, pool: Pool, clock: MovableClock, topics: tuple[Topic, ...], assets: Path
) -> AsyncIterator[Service]:
    """The module's service."""
    async with at_work(kafka, pool, clock, topics, assets) as service:
        yield service
