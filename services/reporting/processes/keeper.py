"""Does what is done by the clock: `python -m services.reporting.processes.keeper`."""

import asyncio
import ssl
from functools import partial
from typing import Final

import httpx

from services.reporting.monitor.refresh import REFRESH_SECONDS, ResultsRefresh
from services.reporting.months import keeping
from services.reporting.months.closing import Months
from services.reporting.months.keeping import KeepingDuty
from services.reporting.months.schedule import ClosingDuty
from services.reporting.projector import TOPICS
from services.reporting.rebuild import duty as rebuild
from services.reporting.rebuild.duty import Rebuilding
from services.reporting.receivers import places
from services.reporting.receivers.places import Places
from services.reporting.sealed import SEALED_TABLES, sealing_ring
from services.reporting.settings import MonthSettings, OwnerSettings
from services.reporting.store import Pool
from services.reporting.streams import forgetting
from services.reporting.streams.forgetting import Forgetting
from services.reporting.subscribers import duty as admitting
from services.reporting.subscribers.duty import admitting_of
from services.reporting.trust import reconcile
from services.reporting.trust.reconcile import reconciling_of
from shared.kafka.settings import KafkaSettings
from shared.observability.clock import SystemClock
from shared.postgres.keeper import RESTS, Duty, Keeper
from shared.postgres.measuring import measure_database
from shared.postgres.pool import open_pool
from shared.postgres.rewrapping import REWRAPPING_RESTS, Rewrapping
from shared.postgres.settings import PostgresSettings
from shared.web.process import run
from shared.web.serve import HttpSettings
from shared.web.worker import run_worker

KEEPER_CONNECTIONS: Final = 10
"""One holds the lock; the others are the duties'."""


async def main(stopping: asyncio.Event) -> None:
    """The keeper process: what is done by the clock."""
    postgres = PostgresSettings()
    pool = await open_pool(postgres, application="reporting-keeper", max_size=KEEPER_CONNECTIONS)
    try:
        async with httpx.AsyncClient(trust_env=False, verify=ssl.create_default_context()) as client:
            worker = Keeper(pool, duties(pool, postgres, client))
            await run_worker(
                HttpSettings(),
                worker.run,
                lambda: [] if worker.connected else ["the database is away"],
                stopping,
                beside=partial(measure_database, pool),
            )
    finally:
        pool.terminate()


def duties(pool: Pool, postgres: PostgresSettings, client: httpx.AsyncClient) -> list[Duty]:
    """Everything that the keeper does."""
    clock = SystemClock()
    rebuilding = Rebuilding(pool, KafkaSettings(), postgres, clock)
    closing = ClosingDuty(pool, Months(pool, TOPICS), clock, MonthSettings(), TOPICS)
    found = [
        Duty("results", ResultsRefresh(pool, clock, rests=RESTS).turn, REFRESH_SECONDS),
        Duty("rebuild", rebuilding.turn, rebuild.EVERY_SECONDS),
        Duty("close_month", closing.turn),
        Duty("sum_months", KeepingDuty(pool, clock, TOPICS).turn, keeping.EVERY_SECONDS, RESTS),
        Duty("forget_transfers", Forgetting(pool, clock).turn, forgetting.EVERY_SECONDS),
    ]
    if (reconciling := reconciling_of(pool, client, OwnerSettings(), clock)) is not None:
        found.append(Duty("reconcile", reconciling.turn, reconcile.EVERY_SECONDS, let_go=reconciling.let_go))
    if (subscribers := admitting_of(pool, clock)) is not None:
        found.append(Duty("subscribers", subscribers.turn, admitting.EVERY_SECONDS))
        found.append(Duty("subscribers_places", Places(pool, KafkaSettings(), clock).turn, places.EVERY_SECONDS))
    if (ring := sealing_ring()) is not None:
        found.append(Duty("rewrapping", Rewrapping(pool, ring, SEALED_TABLES).turn, rests=REWRAPPING_RESTS))
    return found


if __name__ == "__main__":
    run(main, name="reporting-keeper")
