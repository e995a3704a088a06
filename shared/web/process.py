"""The outermost frame of every process: event loop, logs, signals, exit code."""

import asyncio
import gc
import os
import signal
import sys
from collections.abc import Awaitable, Callable

import uvloop

from shared.observability.logs import configure_logs, log
from shared.observability.tracing import configure_tracing, end_tracing


def run(main: Callable[[asyncio.Event], Awaitable[None]], *, name: str) -> None:
    """Runs `main(stopping)` as the process `name`, or JITASA_PROCESS_NAME where there are several of its kind.

    SIGTERM and SIGINT set `stopping`; `main` then ends in its own order and the exit code is 0. An exception that
    leaves `main` is logged and the exit code is 1: the supervisor starts the process again, and all state is in Kafka
    and PostgreSQL.
    """
    name = os.environ.get("JITASA_PROCESS_NAME", name)
    configure_logs(name)
    configure_tracing(name)
    try:
        uvloop.run(_supervised(main))
    except Exception:
        log(__name__).exception("process_failed")
        sys.exit(1)
    finally:
        end_tracing()


async def _supervised(main: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    # What start-up allocated lives as long as the process: the collector need not visit it, neither from now on nor, in
    # processes that turn it off before they load anything, until now. A worker's batch is some 100,000 objects that end
    # by themselves; a collection amid each would visit them all and find nothing.
    gc.freeze()
    gc.set_threshold(200_000, 20, 20)
    gc.enable()
    await main(stopping)
