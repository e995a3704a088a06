"""The product's processes on the simulated servers, put together as the composition roots do it."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, cast
from uuid import UUID

from services.reporting.projector import FiguresProjection
from services.survey.intake import Intake
from services.survey.processes.recorder import DRAIN_SECONDS
from services.survey.recorder import Recorder
from shared.contracts.events import OrganisationKind, Role, VolunteerBefore, VolunteerRegistered, VolunteerStatus
from shared.contracts.topics import SURVEY_INTAKE, SURVEY_SUBMITTED, VOLUNTEER_REGISTERED, Topic
from shared.kafka.consumer import PositionedConsumer
from shared.kafka.producer import OrderedPublisher
from shared.kafka.projection import ProjectionHandler
from shared.kafka.relay import Relay
from shared.kafka.settings import KafkaSettings
from shared.postgres import outbox
from shared.security.blind_index import BlindIndex
from shared.security.keyed_ids import HouseholdIds
from shared.security.sealing import KeyRing, Sealed
from tests.simulation.database import CHANGE_ENTITY, Database, Pool, Statement, statement_of
from tests.simulation.kafka import Cluster, Consumer, Identities, Producer
from tests.simulation.scheduler import Process, World

START: Final = datetime(2022, 2, 5, 3, 0, tzinfo=UTC)
STATUSES: Final = (VolunteerStatus.PENDING, VolunteerStatus.APPROVED, VolunteerStatus.SUSPENDED)
AREAS: Final = ("500101", "500103", "500104", "500105", "500108", "500110")
"""In every partition, whether there are two or three, lie two of them or three."""
HOUSEHOLD_IDS: Final = HouseholdIds(bytes(32))
BLIND_INDEX: Final = BlindIndex(bytes(32))


class _NoSettings(KafkaSettings):
    def for_aiokafka(self) -> dict[str, Any]:
        """Nothing has to be known to reach the simulated brokers."""
        return {}


SETTINGS: Final = _NoSettings.model_construct(bootstrap="", username="", password_file=Path())


class Unsealed(KeyRing):
    """Seals nothing: real sealing draws from the machine's randomness, and takes no part in the protocol."""

    def __init__(self) -> None:
        super().__init__("none", {"none": bytes(32)})

    def seal(self, plaintext: bytes, *, household: str, field: str) -> Sealed:
        """The plaintext itself."""
        return Sealed("none", b"key", plaintext)


class SkewedClock:
    """A machine's clock, some seconds off."""

    def __init__(self, world: World, skew: float) -> None:
        self._world = world
        self._start = START + timedelta(seconds=skew)

    def now(self) -> datetime:
        """What this machine takes for the present moment."""
        return self._start + timedelta(seconds=self._world.now)


@dataclass(frozen=True, slots=True)
class Pieces:
    """The production pieces at work; a variant that is broken on purpose replaces one."""

    recorder: type[Recorder] = Recorder
    publisher: type[OrderedPublisher] = OrderedPublisher
    statements: Callable[[str], Statement] = statement_of


@dataclass(slots=True)
class Site:
    """The servers of one campaign, and the topics in the number of partitions that it begins with."""

    world: World
    cluster: Cluster
    survey: Database
    registration: Database
    reporting: Database
    pieces: Pieces
    partitions: int
    max_records: int
    streams: Sequence[Topic]
    """The public topics that are in play."""

    @property
    def databases(self) -> Sequence[Database]:
        """All three."""
        return self.survey, self.registration, self.reporting

    def topic(self, kind: Topic) -> Topic:
        """A topic as this campaign has it."""
        return replace(kind, partitions=self.partitions)

    def pool(self, database: Database, process: Process) -> Any:
        """A process's connections."""
        return Pool(database, process, self.pieces.statements)

    def clock(self) -> SkewedClock:
        """The clock of the machine on which a process happens to run."""
        return SkewedClock(self.world, self.world.chance.uniform(-3.0, 3.0))

    def publisher(self, process: Process) -> OrderedPublisher:
        """A process's publisher."""
        return self.pieces.publisher(SETTINGS, lambda _: Producer(self.cluster, process))

    def consumer(self, process: Process, database: Database, group: str, **arguments: Any) -> PositionedConsumer:
        """A process's consumer."""
        return PositionedConsumer(
            SETTINGS,
            self.pool(database, process),
            group=group,
            max_records=self.max_records,
            identities=self.identities(process),
            open_consumer=lambda **given: Consumer(self.cluster, process, given["group_id"]),
            **arguments,
        )

    def identities(self, process: Process) -> Any:
        """How a process asks for the identity of topics."""
        return Identities(self.cluster, process)


async def run_recorder(site: Site, process: Process, stopping: asyncio.Event) -> None:
    """survey-recorder."""
    async with site.publisher(process) as publisher:
        handler = site.pieces.recorder(publisher, site.identities(process), site.clock(), site.topic(SURVEY_SUBMITTED))
        consumer = site.consumer(
            process, site.survey, "recorder", topics=[SURVEY_INTAKE], watched=[SURVEY_SUBMITTED], handler=handler
        )
        await consumer.run(stopping)
        await asyncio.wait_for(handler.drain(), timeout=DRAIN_SECONDS)


async def run_projector(site: Site, process: Process, stopping: asyncio.Event) -> None:
    """reporting-projector."""
    handler = ProjectionHandler(FiguresProjection(site.streams), site.streams)
    await site.consumer(process, site.reporting, "reporting", topics=site.streams, handler=handler).run(stopping)


async def run_relay(site: Site, process: Process, stopping: asyncio.Event) -> None:
    """registration-relay."""
    relay = Relay(
        site.pool(site.registration, process),
        SETTINGS,
        [site.topic(VOLUNTEER_REGISTERED)],
        identities=site.identities(process),
        open_publisher=lambda _: site.publisher(process),
    )
    await relay.run(stopping)


async def run_intake(
    site: Site, process: Process, stopping: asyncio.Event, opened: Callable[[Process, Intake], None]
) -> None:
    """survey-http, as far as it takes submissions; ends when Kafka refused for good."""
    producer = Producer(site.cluster, process)
    await producer.start()
    try:
        intake = Intake(producer, Unsealed(), HOUSEHOLD_IDS, BLIND_INDEX, site.clock(), site.topic(SURVEY_INTAKE))
        await intake.learn()
        opened(process, intake)
        waits = [process.create_task(event.wait()) for event in (stopping, intake.failed)]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await producer.stop()


async def change_volunteer(site: Site, pool: Any, volunteer: int, clock: SkewedClock, event_id: UUID) -> None:
    """registration-http changes a volunteer's status: the change and its event commit together."""
    topic = site.topic(VOLUNTEER_REGISTERED)
    async with pool.acquire() as connection, connection.transaction():
        revision = cast(int, await connection.fetchval(CHANGE_ENTITY, volunteer))
        await outbox.append(
            connection,
            topic,
            key=str(UUID(int=volunteer)),
            event=volunteer_event(volunteer, revision),
            event_id=event_id,
            time=clock.now(),
        )


def volunteer_event(volunteer: int, revision: int) -> VolunteerRegistered:
    """What is told of a volunteer's change."""
    area, kind = AREAS[volunteer % len(AREAS)], OrganisationKind.AGENCY
    before = None
    if revision > 1:
        was = STATUSES[(revision - 2) % len(STATUSES)]
        before = VolunteerBefore(
            status=was, area=area, role=Role.VOLUNTEER, organisation_id=None, organisation_kind=kind
        )
    return VolunteerRegistered(
        volunteer_id=UUID(int=volunteer),
        organisation_id=None,
        organisation_kind=kind,
        area=area,
        role=Role.VOLUNTEER,
        status=STATUSES[(revision - 1) % len(STATUSES)],
        registered_at=START,
        revision=revision,
        before=before,
    )
