"""What every benchmark stands on: a stack of its own, a token, and ways to watch it work."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg

from deploy.local.stack import Stack
from shared.contracts.events import Role
from shared.postgres.pool import open_pool
from shared.security.tokens import TokenSigner
from tests.bench.load import Order, Outcome, ordered
from tests.runtime import Runtime, started

INTAKE = ("registration-http", "survey-http")
"""Intake needs registration's keys to judge tokens."""
PREFILL_BATCH = 50


@dataclass
class Setting:
    """A stack under measurement."""

    stack: Stack
    token: str

    @property
    def runtime(self) -> Runtime:
        """Fresh topics and databases on the same Kafka and PostgreSQL."""
        return Runtime(self.stack)

    def port(self, process: str) -> int:
        """Where a process listens."""
        return self.stack.process(process).program.port

    @asynccontextmanager
    async def database(self, service: str) -> "AsyncIterator[asyncpg.Pool[asyncpg.Record]]":
        """A look into a service's database."""
        pool = await open_pool(self.runtime.postgres_settings(service, service), application="bench", max_size=2)
        try:
            yield pool
        finally:
            await pool.close()

    async def load(
        self, *, batch: int, connections: int, seconds: float, most: int, seed: int, rate: float | None = None
    ) -> Outcome:
        """Sends submissions to intake from a process of its own."""
        port = self.port("survey-http")
        return await ordered(Order(port, self.token, connections, batch, seconds, most, seed, rate))

    async def prefill(self, households: int, seed: int) -> int:
        """Fills the intake topic; gives how many were accepted."""
        outcome = await self.load(batch=PREFILL_BATCH, connections=8, seconds=600, most=households, seed=seed)
        if outcome.accepted != households:
            raise RuntimeError(f"the prefill was not accepted: {outcome.statuses}")
        return outcome.accepted

    async def start(self, *names: str) -> None:
        """Starts processes without holding up the measurement."""
        await asyncio.to_thread(self.stack.start_services, names)


@contextmanager
def setting(processes: Sequence[str]) -> Iterator[Setting]:
    """A stack with only the named processes."""
    with started(services=False) as stack:
        stack.start_services(processes)
        issuer = stack.environment("survey-http")["JITASA_TOKEN_ISSUER"]
        signer = TokenSigner.from_file(stack.secrets.signing_keys, issuer=issuer)
        yield Setting(stack, volunteer_token(signer))


def volunteer_token(signer: TokenSigner) -> str:
    """A token of a volunteer of the whole country that outlives any benchmark."""
    now = datetime.now(UTC)
    return signer.sign(
        subject=UUID(int=7),
        organisation=UUID(int=8),
        role=Role.VOLUNTEER,
        area="",
        issued_at=now,
        expires_at=now + timedelta(hours=2),
    )


POSITION = "SELECT coalesce(sum(next_offset), 0)::bigint FROM consumer_position WHERE topic = $1"


@dataclass
class Drain:
    """How a consumer worked through what was waiting. seconds: between the first and the last tenth."""

    records: int
    seconds: float

    @property
    def rate(self) -> float:
        """Records a second."""
        return self.records / self.seconds


async def drain(pool: "asyncpg.Pool[asyncpg.Record]", topic: str, target: int, timeout: float) -> Drain:
    """Watches positions in the database until `target` records of `topic` are taken; the first tenth is warm-up."""
    begun: tuple[float, int] | None = None
    async with asyncio.timeout(timeout):
        while True:
            now, taken = time.perf_counter(), int(await pool.fetchval(POSITION, topic))
            if begun is None and taken >= target / 10:
                begun = (now, taken)
            if taken >= target:
                first, start = begun or (now, 0)
                return Drain(taken - start, max(now - first, 1e-3))
            await asyncio.sleep(0.02)
