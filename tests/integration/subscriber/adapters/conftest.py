"""The sandbox as what adapters follow, and adapters as processes of their own."""

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path

import pytest

from deploy.local.home import CHECKOUT
from deploy.local.stack import Stack
from deploy.subscriber.sandbox import TOKEN, Sandbox, at_work
from tests.runtime import bare

PATIENCE_SECONDS = 60.0


@pytest.fixture(scope="package")
def broker() -> Iterator[Stack]:
    """A Kafka and a database with the streams under their real names, which those of other tests are not."""
    with bare() as stack:
        yield stack


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def free_port() -> int:
    """A port on which nobody listens."""
    return _free_port()


@pytest.fixture(scope="package")
async def sandbox(broker: Stack) -> AsyncIterator[Sandbox]:
    """The sandbox with some events in each stream."""
    async with at_work(broker, _free_port()) as sandbox:
        await sandbox.survey(400)
        await sandbox.tell_examples()
        yield sandbox


@pytest.fixture
def environment(sandbox: Sandbox) -> Mapping[str, str]:
    """What an adapter is told."""
    return {"PATH": os.environ["PATH"], "JITASA_URL": sandbox.url, "JITASA_TOKEN": TOKEN, "JITASA_LANGUAGE": "en"}


async def begin(module: str, environment: Mapping[str, str], *arguments: str | Path) -> asyncio.subprocess.Process:
    """Starts an adapter."""
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", f"deploy.subscriber.adapters.{module}", *map(str, arguments)),
        cwd=CHECKOUT,
        env=dict(environment),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def run(module: str, environment: Mapping[str, str], *arguments: str | Path) -> tuple[int, str]:
    """Runs an adapter to its end: exit code, and what it said."""
    process = await begin(module, environment, *arguments)
    said, errors = await asyncio.wait_for(process.communicate(), PATIENCE_SECONDS)
    assert process.returncode is not None
    return process.returncode, (said + errors).decode()
