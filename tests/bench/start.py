"""How long `./jitasa up` takes until everything is ready: with a fresh home, and with one that has run before."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from deploy.local import ports
from deploy.local.home import CHECKOUT, Home
from tests.bench.report import Figure
from tests.runtime import started, temporary_home


async def run(seconds: float, show: Callable[[Figure], None], *, cold_setup: bool = False) -> None:
    """Starts the whole stack cold and warm, whatever `seconds` says; a start lasts as long as it lasts.

    cold_setup: also with nothing set up, so that packages and programs are fetched first.
    """
    raw = {"Kafka and PostgreSQL alone, cold": await asyncio.to_thread(_infrastructure)}
    with temporary_home() as home:
        if cold_setup:
            async with _up(Home(home.root, home.root / "tools")) as (took, stages):
                show(Figure("start", "cold, everything to be fetched", took, "s", raw, notes={"stages, s": stages}))
    with temporary_home() as home:
        for case in ("cold", "warm"):
            async with _up(home) as (took, stages):
                show(Figure("start", case, took, "s", raw, notes={"stages, s": stages}))


def _infrastructure() -> float:
    """Seconds until a new Kafka and a new PostgreSQL have their topics, rights and tables, without any service."""
    began = time.perf_counter()
    with started(services=False):
        return time.perf_counter() - began


@asynccontextmanager
async def _up(home: Home) -> AsyncIterator[tuple[float, Mapping[str, float]]]:
    """A stack brought up by its command, and down again; gives the seconds in all and when each stage began."""
    environment = os.environ | {
        "JITASA_HOME": str(home.root),
        "JITASA_TOOLS": str(home.tools),
        "JITASA_PORT_BASE": str(ports.free_base()),
    }
    stages: dict[str, float] = {}
    began = time.perf_counter()
    try:
        starting = await asyncio.create_subprocess_exec(
            _PROGRAM, "up", "--detach", env=environment, stdout=asyncio.subprocess.PIPE
        )
        assert starting.stdout is not None
        async for line in starting.stdout:
            if not line.startswith(b" "):  # addresses are indented
                stages[line.decode().strip()] = round(time.perf_counter() - began, 2)
        if await starting.wait():
            raise RuntimeError(f"`jitasa up` ended with {starting.returncode}")
        yield time.perf_counter() - began, stages
    finally:
        stopping = await asyncio.create_subprocess_exec(
            _PROGRAM, "down", env=environment, stdout=asyncio.subprocess.DEVNULL
        )
        await stopping.wait()


_PROGRAM = Path(CHECKOUT / "jitasa")
