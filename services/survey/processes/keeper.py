"""Does what is done by the clock: `python -m services.survey.processes.keeper`."""

import asyncio

import asyncpg

from services.survey.help.keeping import EVERY_SECONDS, HelpKeeping
from services.survey.openrosa.keys import FORGET_SECONDS, KeyKeeping
from services.survey.privacy.chain import LINK_SECONDS, Linking
from services.survey.privacy.retention import EVERY_SECONDS as RETENTION_SECONDS
from services.survey.privacy.retention import Retention
from services.survey.privacy.sealed import TABLES as SEALED_TABLES
from services.survey.privacy.vacuuming import Vacuuming
from services.survey.settings import SurveySettings
from services.survey.visits.keeping import EndingClaims, VaccinationPoints
from shared.kafka.settings import KafkaSettings
from shared.observability.clock import Clock, SystemClock
from shared.postgres.keeper import Duty, Keeper
from shared.postgres.pool import open_pool
from shared.postgres.rewrapping import REWRAPPING_RESTS, Rewrapping
from shared.postgres.settings import PostgresSettings
from shared.security.sealing import KeyRing
from shared.web.process import run
from shared.web.serve import HttpSettings
from shared.web.worker import run_worker

KEEPER_CONNECTIONS = 9
"""One holds the lock; the others are the duties', each of which uses one at a time, and the vaccination points'."""


async def main(stopping: asyncio.Event) -> None:
    """What is done by the clock."""
    pool = await open_pool(PostgresSettings(), application="survey-keeper", max_size=KEEPER_CONNECTIONS)
    worker = Keeper(pool, duties(pool, KeyRing.from_file(SurveySettings().sealing_keys_file), SystemClock()))
    points = VaccinationPoints(KafkaSettings(), pool)

    async def work(stopping: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(worker.run(stopping))
            group.create_task(points.run(stopping))

    def ready() -> list[str]:
        reasons = [] if worker.connected else ["the database is away"]
        return reasons if points.connected else [*reasons, "not in the consumer group of the vaccination points"]

    try:
        await run_worker(HttpSettings(), work, ready, stopping)
    finally:
        pool.terminate()


def duties(pool: "asyncpg.Pool[asyncpg.Record]", ring: KeyRing, clock: Clock) -> list[Duty]:
    """Everything that the keeper does."""
    linking = Linking(pool, clock)
    return [
        Duty("audit-chain", linking.turn, LINK_SECONDS, let_go=linking.let_go),
        Duty("retention", Retention(pool, clock).turn, RETENTION_SECONDS),
        Duty("rewrapping", Rewrapping(pool, ring, SEALED_TABLES).turn, rests=REWRAPPING_RESTS),
        Duty("vacuuming", Vacuuming(pool, clock).turn),
        Duty("end-claims", EndingClaims(pool, clock).turn),
        Duty("help", HelpKeeping(pool, clock).turn, every_seconds=EVERY_SECONDS),
        Duty("openrosa_keys", KeyKeeping(pool, clock).turn, every_seconds=FORGET_SECONDS),
    ]


if __name__ == "__main__":
    run(main, name="survey-keeper")
