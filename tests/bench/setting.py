"""What every benchmark stands on: a stack of its own, volunteers' tokens, and ways to watch it work."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg

from deploy import catalogue
from deploy.local.stack import Stack
from deploy.scale import ONE_OF_EACH, Scale
from shared.contracts.events import Role
from shared.postgres.pool import open_pool
from shared.security.tokens import TokenSigner
from tests.bench.load import Order, Outcome, ordered
from tests.runtime import Runtime, started

INTAKE = ("registration-http", "survey-http")
"""Intake needs registration's keys to judge tokens."""
PREFILL_BATCH = 50
CONNECTIONS = 4
VOLUNTEERS = 200
ORGANISATIONS = 20
"""Senders of the load: many enough that no cache or share of a single sender is what is measured."""


@dataclass
class Setting:
    """A stack under measurement."""

    stack: Stack
    tokens: list[str]

    @property
    def runtime(self) -> Runtime:
        """Fresh topics and databases on the same Kafka and PostgreSQL."""
        return Runtime(self.stack)

    def port(self, process: str) -> int:
        """Where a process serves; several intakes share one port."""
        return int(self.stack.environment(process)["JITASA_HTTP_PORT"])

    @asynccontextmanager
    async def database(self, service: str, role: str | None = None) -> "AsyncIterator[asyncpg.Pool[asyncpg.Record]]":
        """A look into a service's database, as the service itself unless another role is given."""
        settings = self.runtime.postgres_settings(role or service, service)
        pool = await open_pool(settings, application="bench", max_size=CONNECTIONS)
        try:
            yield pool
        finally:
            await pool.close()

    async def load(
        self, *, batch: int, connections: int, seconds: float, most: int, seed: int, rate: float | None = None
    ) -> Outcome:
        """Sends submissions to intake from a process of its own."""
        port = self.port("survey-http")
        return await ordered(Order(port, self.tokens, connections, batch, seconds, most, seed, rate))

    async def prefill(self, households: int, seed: int) -> int:
        """Fills the intake topic; gives how many were accepted."""
        outcome = await self.load(batch=PREFILL_BATCH, connections=8, seconds=600, most=households, seed=seed)
        if outcome.accepted != households:
            raise RuntimeError(f"the prefill was not accepted: {outcome.statuses}")
        return outcome.accepted

    async def start(self, *names: str) -> None:
        """Starts processes without holding up the measurement."""
        await asyncio.to_thread(self.stack.start_services, names)

    async def stop(self, *names: str) -> None:
        """Stops processes in their own order."""
        await asyncio.to_thread(self.stack.stop_services, names)

    async def empty(self, service: str) -> None:
        """Gives a service a fresh database; none of its processes may be running."""
        await asyncio.to_thread(self.stack.postgres.databases.drop_database, service)
        await asyncio.to_thread(self.stack.postgres.databases.provision, [catalogue.service(service)])


@contextmanager
def setting(processes: Sequence[str], scale: Scale = ONE_OF_EACH) -> Iterator[Setting]:
    """A stack with only the named processes; scale: of how many of a kind more may be started."""
    with started(services=False, scale=scale) as stack:
        stack.start_services(processes)
        issuer = stack.environment("survey-http")["JITASA_TOKEN_ISSUER"]
        signer = TokenSigner.from_file(stack.secrets.signing_keys, issuer=issuer)
        yield Setting(stack, [volunteer_token(signer, number) for number in range(VOLUNTEERS)])


def volunteer_token(signer: TokenSigner, number: int) -> str:
    """A token of a volunteer of the whole country that outlives any benchmark."""
    now = datetime.now(UTC)
    return signer.sign(
        subject=UUID(int=1_000 + number),
        organisation=UUID(int=1 + number % ORGANISATIONS),
        role=Role.VOLUNTEER,
        area="",
        issued_at=now,
        expires_at=now + timedelta(hours=2),
    )


POSITION = """
SELECT coalesce(sum(next_offset), 0)::bigint FROM consumer_position WHERE topic = $1 OR $1::text IS NULL
"""


@dataclass
class Drain:
    """How a consumer worked through what was waiting. seconds: without the warm-up."""

    records: int
    seconds: float

    @property
    def rate(self) -> float:
        """Records a second."""
        return self.records / self.seconds


async def drain(
    pool: "asyncpg.Pool[asyncpg.Record]", topic: str | None, target: int, timeout: float, warm_up: float = 0.1
) -> Drain:
    """Watches positions in the database until `target` records of `topic` (None: of all topics) are taken; the first
    tenth of what is taken meanwhile is warm-up."""
    begun: tuple[float, int] | None = None
    start = int(await pool.fetchval(POSITION, topic))
    async with asyncio.timeout(timeout):
        while True:
            now, taken = time.perf_counter(), int(await pool.fetchval(POSITION, topic))
            if begun is None and taken >= start + (target - start) * warm_up:
                begun = (now, taken)
            if taken >= target:
                first, start = begun or (now, start)
                return Drain(taken - start, max(now - first, 1e-3))
            await asyncio.sleep(0.02)
