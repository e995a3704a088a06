"""Fixtures for all layers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from deploy.local.stack import Stack
from tests.runtime import Runtime, started


@pytest.fixture(scope="session")
def runtime() -> Iterator[Runtime]:
    """A real Kafka and PostgreSQL, without services."""
    with started(services=False) as stack:
        yield Runtime(stack)


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """Everything, in a home and on ports of its own. A test that breaks something leaves it ready again."""
    with started(services=True) as running:
        yield running
