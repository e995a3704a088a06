"""Fixtures for all layers."""

from __future__ import annotations

import gc
from collections.abc import Generator, Iterator
from contextlib import ExitStack
from typing import Final

import pytest
from xdist.remote import Producer

from deploy.local.stack import Stack
from tests import order
from tests.runtime import Runtime, bare, started

LONG: Final = 80
"""Characters: of those who write a case by hand, few write more, and a line of a report shows no more."""


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Without looking for garbage: all that is loaded for tests stays, and the search took half of the time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Generator[None]:
    """Which test comes when, and with which others: `tests/order.py`."""
    order.group(items)  # before xdist looks for groups
    yield
    items[:] = order.in_order(items)  # after pytest has ordered them by their fixtures


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Files and forms are named by their argument: each worker makes its own, and all must name a test alike."""
    return argname if isinstance(val, bytes | str) and len(val) > LONG else None


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> order.Together | None:
    """Who runs which tests, where workers are given groups."""
    return order.Together(config, log) if config.getoption("dist") == "loadgroup" else None


@pytest.fixture(scope="session")
def runtime() -> Iterator[Runtime]:
    """A real Kafka and PostgreSQL, without services."""
    with bare() as stack:
        yield Runtime(stack)


class Common:
    """The stack that files share: started for the first of them, and ended behind the last."""

    def __init__(self, opened: ExitStack) -> None:
        self._opened = opened
        self._stack: Stack | None = None

    def running(self) -> Stack:
        """The stack. Endpoints of webhooks are on this machine."""
        if self._stack is None:
            patch = self._opened.enter_context(pytest.MonkeyPatch.context())
            patch.setenv("JITASA_WEBHOOK_ALLOW_LOOPBACK", "true")
            self._stack = self._opened.enter_context(started(services=True))
        return self._stack

    def end(self) -> None:
        """Nobody needs it any more."""
        self._stack = None
        self._opened.close()


@pytest.fixture(scope="session")
def common() -> Iterator[Common]:
    """The stack that files share, or none so far."""
    with ExitStack() as opened:
        yield Common(opened)


@pytest.fixture(scope="module")
def stack(common: Common, request: pytest.FixtureRequest) -> Iterator[Stack]:
    """Everything, in a home and on ports of its own. A test that breaks something leaves it ready again."""
    yield common.running()
    if request.node.nodeid == order.last_file(request.session.items):
        common.end()
