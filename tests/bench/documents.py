"""How long the month's documents take with all volunteers of the country in two closed months, and how little the
service's own loop is held up meanwhile."""

import asyncio
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Final

import psutil

from services.reporting.documents.orders import Order
from services.reporting.documents.workshop import Document, Workshop
from services.reporting.months.closing import Months
from services.reporting.projector import TOPICS
from services.reporting.store import Pool
from shared.observability.clock import SystemClock
from shared.postgres.pool import open_pool
from shared.postgres.settings import PostgresSettings
from tests.bench.closing import DECEMBER, JANUARY, LATER, SECONDS, fill
from tests.bench.report import Figure
from tests.runtime import Runtime, started

MONTHS: Final = (DECEMBER, JANUARY)
LOOK_SECONDS: Final = 0.02
LOOK_AT_DATABASE_SECONDS: Final = 0.25
BACKENDS: Final = "SELECT pid FROM pg_stat_activity WHERE application_name = 'reporting-documents'"


async def run(_: float, show: Callable[[Figure], None]) -> None:
    """Makes each document once; how long that takes does not depend on the seconds asked for."""
    with started(services=False) as stack:
        runtime = Runtime(stack)
        database = runtime.create_database("reporting")
        pool = await open_pool(database, application="bench", max_size=1)
        try:
            for month in MONTHS:
                await fill(pool, month)
                await Months(pool, TOPICS).close(month, now=LATER, by="bench")
            await pool.execute("VACUUM (ANALYZE) month_row", timeout=SECONDS)
            workshop = Workshop(stack.tools.assets, SystemClock(), environment_of(database))
            for what, order in _orders():
                show(await measured(what, workshop, order, pool))
            await workshop.close()
        finally:
            pool.terminate()


def _orders() -> list[tuple[str, Order]]:
    month, made_on = MONTHS[-1], date(2022, 2, 10)
    return [
        ("country by province, PDF", Order(month, 1, "", "province", "pdf", "th", made_on)),
        ("the same, fonts being there", Order(month, 1, "", "province", "pdf", "en", made_on)),
        ("country by district, PDF", Order(month, 1, "", "district", "pdf", "th", made_on)),
        ("all volunteers, XLSX", Order(month, 1, "", "volunteer", "xlsx", "th", made_on)),
        ("all volunteers, CSV", Order(month, 1, "", "volunteer", "csv", "th", made_on)),
    ]


async def measured(what: str, workshop: Workshop, order: Order, pool: Pool) -> Figure:
    """Makes one document."""
    begun = time.perf_counter()
    document = workshop.order(order)
    watching = asyncio.create_task(_database_seconds(document, pool))
    memory, work, pause = await _watch(document)
    database = await watching
    seconds = time.perf_counter() - begun
    if document.state != "ready":
        raise RuntimeError(f"{what}: {document.failure}")
    return Figure(
        "documents",
        what,
        1 / seconds,
        "a second",
        notes={
            "seconds": round(seconds, 2),
            "rows": document.rows,
            "MB": round(document.size / 1e6, 1),
            "seconds of the process's own work": round(work, 1),
            "seconds of the database's": round(database, 1),
            "MB of memory at most": round(memory / 1e6),
            "longest pause of the service, ms": round(pause * 1e3, 1),
        },
    )


async def _watch(document: Document) -> tuple[int, float, float]:
    """The most memory that the maker had, the seconds that it worked, and by how much this loop was late at the
    worst."""
    memory, work, pause = 0, 0.0, 0.0
    while not document.ended.is_set():
        before = time.perf_counter()
        await asyncio.sleep(LOOK_SECONDS)
        pause = max(pause, time.perf_counter() - before - LOOK_SECONDS)
        for process in psutil.Process().children():
            try:
                if "services.reporting.documents.maker" in process.cmdline():
                    memory = max(memory, process.memory_info().rss)
                    work = max(work, sum(process.cpu_times()[:2]))
            except psutil.NoSuchProcess:
                continue
    return memory, work, pause


async def _database_seconds(document: Document, pool: Pool) -> float:
    """How long the database worked for the maker, as far as was seen."""
    seconds = 0.0
    while not document.ended.is_set():
        for row in await pool.fetch(BACKENDS):
            try:
                seconds = max(seconds, sum(psutil.Process(row["pid"]).cpu_times()[:2]))
            except psutil.NoSuchProcess:
                continue
        await asyncio.sleep(LOOK_AT_DATABASE_SECONDS)
    return seconds


def environment_of(database: PostgresSettings) -> dict[str, str]:
    file: Path = database.password_file
    return {
        "JITASA_POSTGRES_HOST": database.host,
        "JITASA_POSTGRES_PORT": str(database.port),
        "JITASA_POSTGRES_DATABASE": database.database,
        "JITASA_POSTGRES_USER": database.user,
        "JITASA_POSTGRES_PASSWORD_FILE": str(file),
    }
