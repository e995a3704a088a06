"""The catalogue of faults, each written once: the tests play some of them, `./jitasa bench faults` all.

Each fault proves that it was felt: by what the phones are told, or by what stands still meanwhile.
"""

import asyncio
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from random import Random
from time import monotonic
from typing import Any, Final

import asyncpg

from deploy.catalogue import REPORTING
from deploy.local.stack import Stack
from shared.contracts.topics import SURVEY_INTAKE, Topic
from tests.faults.campaigns import SEED, Condition, away, back, until
from tests.faults.cluster import ClusterStack
from tests.faults.ledger import RECORDED, rows
from tests.faults.phones import Phones
from tests.faults.play import Fault, Scenario
from tests.faults.stacks import MEGABYTE, ProxiedStack, SmallDiskStack
from tests.runtime import Runtime

LATENCY_SECONDS: Final = 0.3
"""Each way: as bad as a mobile road, and a thousand times what a machine's own network takes."""
SLOW_SECONDS: Final = 3.0
OUTAGE_SECONDS: Final = 6.0
"""Longer than one request to Kafka and the wait for a connection of the database's pool may take (5 s each)."""
UNTIL_FELT_SECONDS: Final = 1.5
"""What was under way when a fault began has ended within it."""
KILLS: Final = 3
WORK: Final = (1, 150)
"""So much of its work is done, at least and at most, between the return of a process and its next kill."""
RECORDERS: Final = 4
SLOTS_AT_ONCE: Final = 16
"""Connections that who takes all slots opens at the same time."""
ANSWER_SECONDS: Final = 10.0
"""An administrator's question is answered at once unless the machine is very busy."""

OWNERS: Final = "SELECT topic, partition, owner_epoch FROM consumer_position WHERE topic = ANY ($1::text[])"
WORKED: Final = "SELECT coalesce(sum(next_offset), 0) FROM consumer_position"
"""What a consumer has worked through."""
DATABASES: Final = {"survey-recorder": "survey", "reporting-projector": "reporting"}
READ: Final[Mapping[str, Sequence[Topic]]] = {
    "survey-recorder": (SURVEY_INTAKE,),
    "reporting-projector": REPORTING.topics_read,
}
"""The topics of a process; others have positions in the same table."""
END_OTHERS: Final = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE backend_type = 'client backend' AND usename <> current_user
"""


# Kafka


async def kafka_down(stack: ProxiedStack, phones: Phones) -> None:
    """Killed and kept away: nobody is told 202."""
    async with away(stack, "kafka"):
        await _nothing_accepted(phones, OUTAGE_SECONDS)


async def kafka_cut_off(stack: ProxiedStack, phones: Phones) -> None:
    """Kafka runs, but the services cannot reach it."""
    stack.kafka_road.cut()
    await _nothing_accepted(phones, OUTAGE_SECONDS)
    stack.kafka_road.pass_on()


async def kafka_hangs(stack: ProxiedStack, phones: Phones) -> None:
    """What is sent to Kafka, and what it answers, is held back for a while and delivered then."""
    stack.kafka_road.hang()
    await _nothing_accepted(phones, OUTAGE_SECONDS)
    stack.kafka_road.pass_on()


async def kafka_slow(stack: ProxiedStack, phones: Phones) -> None:
    """No 202 comes sooner than a record's way to Kafka and back."""
    stack.kafka_road.slow(LATENCY_SECONDS)
    begun = monotonic()
    await asyncio.sleep(SLOW_SECONDS)
    while (fastest := phones.fastest_since(begun)) is None:
        await phones.progress(1)
    assert fastest >= 2 * LATENCY_SECONDS
    stack.kafka_road.pass_on()


def kafka_stopped(seconds: float) -> Fault[ProxiedStack]:
    """Stopped in the middle for so long: its connections stay, nothing moves."""

    async def fault(stack: ProxiedStack, phones: Phones) -> None:
        stack.kill("kafka", signal.SIGSTOP)
        try:
            await _nothing_accepted(phones, seconds)
        finally:
            stack.kill("kafka", signal.SIGCONT)

    return fault


# PostgreSQL


async def postgres_down(stack: ProxiedStack, phones: Phones) -> None:
    """Killed and kept away: intake goes on."""
    async with away(stack, "postgres"):
        await _goes_on(phones, OUTAGE_SECONDS)


async def postgres_hangs(stack: ProxiedStack, phones: Phones) -> None:
    """Statements and answers are held back for a while: whether a transaction was committed stays unknown."""
    async with _connected(stack, "survey") as watching:
        stack.postgres_road.hang()
        await _recording_stands(watching, phones)
        stack.postgres_road.pass_on()


async def postgres_slow(stack: ProxiedStack, phones: Phones) -> None:
    """Every statement of recorder and projector waits for its way there and back."""
    stack.postgres_road.slow(LATENCY_SECONDS)
    begun = monotonic()
    async with _connected(stack, "survey", port=stack.postgres_road.port):
        assert monotonic() - begun >= 2 * LATENCY_SECONDS
    await _goes_on(phones, SLOW_SECONDS)
    stack.postgres_road.pass_on()


async def postgres_restarted(stack: ProxiedStack, phones: Phones) -> None:
    """Its fast stop, in the middle of transactions, and a new start at once."""
    former = stack.process("postgres").pid
    stack.kill("postgres", signal.SIGINT)
    await back(stack, "postgres", former)


async def postgres_out_of_connections(stack: ProxiedStack, phones: Phones) -> None:
    """Somebody takes every slot and ends the services' sessions: they get no new ones."""
    async with _connected(stack, "survey") as first:
        held = [first]
        try:
            await _take_slots(stack, held)
            while await first.fetchval(END_OTHERS):
                await _take_slots(stack, held)
            await _recording_stands(first, phones)
        finally:
            for connection in held[1:]:
                connection.terminate()


async def postgres_disk_full(stack: SmallDiskStack, phones: Phones) -> None:
    """No space for tables: every transaction of recorder and projector fails, the server stays."""
    stack.keep_log()
    stack.fill()
    try:
        await _said(stack, b"ERROR:  could not extend file")
        await _goes_on(phones, OUTAGE_SECONDS)
        assert stack.free_bytes < MEGABYTE
    finally:
        stack.clear()


async def postgres_log_disk_full(stack: SmallDiskStack, phones: Phones) -> None:
    """No space for the write-ahead log either: the server gives up, and stays away until there is some."""
    stack.fill()
    try:
        async with _connected(stack, "postgres") as administrator:
            with suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError):  # the server is gone
                while True:  # each switch needs another segment, as soon as something was written
                    await administrator.execute("SELECT pg_logical_emit_message(false, '', ''), pg_switch_wal()")
        await _said(stack, b"PANIC:  could not write to ")
        await _goes_on(phones, OUTAGE_SECONDS)
    finally:
        stack.clear()
    await back(stack, "postgres")


# Recorder and projector


def killed(*processes: str) -> Fault[ProxiedStack]:
    """Killed several times, all at once, in the middle of the first one's work."""

    async def fault(stack: ProxiedStack, phones: Phones) -> None:
        random = Random(f"{SEED}/{processes}")
        async with _connected(stack, DATABASES[processes[0]]) as watching:
            for _ in range(KILLS):
                await _works(watching, random.randint(*WORK))
                former = {process: stack.process(process).pid for process in processes}
                for process in processes:
                    stack.kill(process)
                for process in processes:
                    await back(stack, process, former[process])

    return fault


def zombie(process: str) -> Fault[ProxiedStack]:
    """Stopped until another one has taken over all that it held and works on, and woken then."""

    async def fault(stack: ProxiedStack, phones: Phones) -> None:
        second = f"{process}-2"
        await asyncio.to_thread(stack.start_services, [second])
        await shared_by(stack, process, 2)
        async with _connected(stack, DATABASES[process]) as watching:
            await _works(watching, Random(f"{SEED}/zombie {process}").randint(*WORK))
            stack.kill(process, signal.SIGSTOP)
            try:
                taken = await taken_over(Runtime(stack), process)
                await until(taken, f"all that {process} held is taken over", every=0.2)
                await _works(watching, 1)
            finally:
                stack.kill(process, signal.SIGCONT)
        await shared_by(stack, process, 2)
        await asyncio.to_thread(stack.stop_services, [second])

    return fault


async def recorders_come_and_go(stack: ProxiedStack, phones: Phones) -> None:
    """One by one until there are four, and one by one again until there is one."""
    further = [f"survey-recorder-{number}" for number in range(2, RECORDERS + 1)]
    for number, name in enumerate(further, 2):
        await asyncio.to_thread(stack.start_services, [name])
        await shared_by(stack, "survey-recorder", number)
    for number, name in reversed(list(enumerate(further, 1))):
        await asyncio.to_thread(stack.stop_services, [name])
        await shared_by(stack, "survey-recorder", number)


# Three brokers


async def leader_killed(stack: ClusterStack, phones: Phones) -> None:
    """The broker that leads most of intake's partitions is killed and kept away: the other two go on."""
    leaders = await asyncio.to_thread(stack.leaders, SURVEY_INTAKE)
    leader = max(leaders, key=leaders.__getitem__)

    async def led_by_others() -> bool:
        leaders = await asyncio.to_thread(stack.leaders, SURVEY_INTAKE)
        return leader not in leaders and leaders.total() == SURVEY_INTAKE.partitions

    async with away(stack, leader):
        await until(led_by_others, "every partition has another leader", every=0.1)
        await phones.progress(100)


KAFKA: Final = [
    Scenario("Kafka down", kafka_down),
    Scenario("Kafka cut off", kafka_cut_off),
    Scenario("Kafka hangs", kafka_hangs),
    Scenario("Kafka slow", kafka_slow),
    Scenario("Kafka stopped for 20 s", kafka_stopped(20.0)),
]
POSTGRES: Final = [
    Scenario("PostgreSQL down", postgres_down),
    Scenario("PostgreSQL hangs", postgres_hangs),
    Scenario("PostgreSQL slow", postgres_slow),
    Scenario("PostgreSQL restarted", postgres_restarted),
    Scenario("PostgreSQL out of connections", postgres_out_of_connections),
]
PROCESSES: Final = [
    Scenario("recorder killed 3 times", killed("survey-recorder")),
    Scenario("projector killed 3 times", killed("reporting-projector")),
    Scenario("recorder and projector killed at once, 3 times", killed("survey-recorder", "reporting-projector")),
    Scenario("recorder a zombie", zombie("survey-recorder")),
    Scenario("projector a zombie", zombie("reporting-projector")),
    Scenario("recorders from 1 to 4 and back", recorders_come_and_go),
]
ON_PROXIES: Final = [*KAFKA, *POSTGRES, *PROCESSES]
ON_SMALL_DISK: Final = [
    Scenario("PostgreSQL's disk full, tables", postgres_disk_full),
    Scenario("PostgreSQL's disk full, log", postgres_log_disk_full),
]
ON_CLUSTER: Final = [Scenario("leader of three brokers killed", leader_killed)]


async def taken_over(runtime: Runtime, process: str) -> Condition:
    """The condition that each partition that processes of this kind read has another owner than now."""
    topics = [topic.name for topic in READ[process]]

    async def owners() -> dict[tuple[str, int], int]:
        found = await rows(runtime, DATABASES[process], OWNERS, topics)
        return {(topic, partition): epoch for topic, partition, epoch in found}

    before = await owners()

    async def all_moved() -> bool:
        now = await owners()
        return all(now[partition] > epoch for partition, epoch in before.items())

    return all_moved


async def _nothing_accepted(phones: Phones, seconds: float) -> None:
    """Hold for so long, and hold nothing that is sent meanwhile to be accepted."""
    begun = monotonic()
    await asyncio.sleep(seconds)
    assert phones.accepted_of < begun + UNTIL_FELT_SECONDS


async def _goes_on(phones: Phones, seconds: float) -> None:
    """Hold for so long, and hold intake to take visits meanwhile."""
    before = len(phones.accepted)
    await asyncio.sleep(seconds)
    assert len(phones.accepted) > before


async def _recording_stands(watching: Any, phones: Phones) -> None:
    """Hold for a while, and hold the recorder to stand still while intake goes on."""
    await asyncio.sleep(UNTIL_FELT_SECONDS)
    before = await watching.fetchval(RECORDED)
    await _goes_on(phones, OUTAGE_SECONDS)
    assert await watching.fetchval(RECORDED) == before


async def _said(stack: Stack, words: bytes) -> None:
    """Wait until the database server's log has these words."""
    log = stack.process("postgres").log

    async def said() -> bool:
        return words in log.read_bytes()

    await until(said, f"PostgreSQL says {words!r}", every=0.1)


async def _works(watching: Any, amount: int) -> None:
    """Wait until a consumer has worked through so many more records."""
    goal = await watching.fetchval(WORKED) + amount

    async def worked() -> bool:
        return bool(await watching.fetchval(WORKED) >= goal)

    await until(worked, "some work is done")


async def shared_by(stack: Stack, group: str, number: int) -> None:
    """Wait until a consumer group has so many members, and each of them partitions."""

    def shares() -> list[int]:
        admin = stack.kafka.admin()  # kept until the answer is there
        described = admin.describe_consumer_groups([group])[group].result(ANSWER_SECONDS)
        return [len(member.assignment.topic_partitions) for member in described.members]

    async def shared() -> bool:
        found = await asyncio.to_thread(shares)
        return len(found) == number and all(found)

    await until(shared, f"{group} has {number} members at work", every=0.1)


async def _take_slots(stack: Stack, held: list[Any]) -> None:
    """Connect until the server has no slot left."""
    arguments = stack.postgres.connection(database="survey")
    while True:
        answers = await asyncio.gather(
            *(asyncpg.connect(**arguments, timeout=ANSWER_SECONDS) for _ in range(SLOTS_AT_ONCE)),
            return_exceptions=True,
        )
        held += [answer for answer in answers if not isinstance(answer, BaseException)]
        refusals = [answer for answer in answers if isinstance(answer, BaseException)]
        if refusals:
            assert all(isinstance(refusal, asyncpg.TooManyConnectionsError) for refusal in refusals), refusals
            return


@asynccontextmanager
async def _connected(stack: Stack, database: str, **arguments: Any) -> AsyncIterator[Any]:
    """An administrator's connection, direct unless `arguments` say otherwise."""
    known = stack.postgres.connection(database=database)
    if "port" in arguments:
        known["host"] = "127.0.0.1"
    connection = await asyncpg.connect(**known | arguments, timeout=ANSWER_SECONDS)
    try:
        yield connection
    finally:
        connection.terminate()
