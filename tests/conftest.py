"""Fixtures for all layers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from xdist.remote import Producer

from deploy.local.stack import Stack
from tests import order
from tests.runtime import Runtime, bare, started


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Which test comes when: `tests/order.py`."""
    items[:] = order.in_order(items)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> order.Together | None:
    """Who runs which file, where two workers are given whole files."""
    return order.Together(config, log) if config.getoption("dist") == "loadfile" else None


@pytest.fixture(scope="session")
def runtime() -> Iterator[Runtime]:
    """A real Kafka and PostgreSQL, without services."""
    with bare() as stack:
        yield Runtime(stack)


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """Everything, in a home and on ports of its own. A test that breaks something leaves it ready again. Endpoints of
    webhooks are on this machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JITASA_WEBHOOK_ALLOW_LOOPBACK", "true")
        with started(services=True) as running:
            yield running
