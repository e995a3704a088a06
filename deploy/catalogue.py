"""Which services and processes there are, and what each may touch.

Topics, rights, databases and processes are made from this one table.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from deploy.scale import Scale
from services.reporting.subscribers.domain import PREFIX as SUBSCRIBERS
from shared.contracts.topics import (
    FACILITY_UPDATED,
    FURTHER_FACILITY_UPDATED,
    HELP_UPDATED,
    SURVEY_INTAKE,
    SURVEY_SUBMITTED,
    VOLUNTEER_REGISTERED,
    Topic,
)

_ROOT: Final = Path(__file__).resolve().parents[1]
_OUTBOX: Final = _ROOT / "shared" / "postgres" / "migrations" / "outbox"
_CONSUMER: Final = _ROOT / "shared" / "postgres" / "migrations" / "consumer"


@dataclass(frozen=True, slots=True)
class Process:
    """One process of a service: `python -m MODULE`, serving HTTP (a worker: only health) at base + offset."""

    name: str
    module: str
    public: bool
    """Whether browsers and others ask it."""
    port_offset: int
    shared_port_offset: int | None = None
    """Where it serves together with others of its kind; it then answers for itself alone at `port_offset`."""


@dataclass(frozen=True, slots=True)
class Service:
    """One service: its database, role and Kafka user bear its name."""

    name: str
    topics_written: tuple[Topic, ...]
    topics_read: tuple[Topic, ...]
    migrations: tuple[Path, ...]
    processes: tuple[Process, ...]
    append_only: tuple[str, ...] = ()
    """Tables that the service may add to and read, and neither change nor delete from: another role owns them."""
    forgetting: tuple[str, ...] = ()
    """Functions that alone delete from those tables, with their parameters' types; the service may call them."""
    groups_watched: tuple[str, ...] = ()
    """What the names of others' consumer groups begin with whose places in Kafka it may see, and not move."""
    gatekeeper: str | None = None
    """A Kafka user beside the service's own, whose password its keeper alone is given: it lets subscribers in and out
    (credentials, rights, quotas), and reads and writes no topic."""

    @property
    def kafka_users(self) -> tuple[str, ...]:
        """Every Kafka user that the service's processes sign in as."""
        return (self.name,) if self.gatekeeper is None else (self.name, self.gatekeeper)


def _processes(service: str, **offsets: int) -> tuple[Process, ...]:
    return tuple(
        Process(f"{service}-{name}", f"services.{service}.processes.{name}", name == "http", offset)
        for name, offset in offsets.items()
    )


# Everything that checks tokens reads volunteer-registered, so that a suspension bars at once. What a relay publishes
# its service may read too: a restored database takes back what it no longer knows (shared/kafka/adoption.py).
REGISTRATION: Final = Service(
    name="registration",
    topics_written=(VOLUNTEER_REGISTERED,),
    topics_read=(VOLUNTEER_REGISTERED,),
    migrations=(_OUTBOX, _ROOT / "services" / "registration" / "migrations"),
    processes=_processes("registration", http=1, relay=11),
    append_only=("personal_data_access",),
)
SURVEY: Final = Service(
    name="survey",
    topics_written=(SURVEY_INTAKE, SURVEY_SUBMITTED, HELP_UPDATED),
    topics_read=(SURVEY_INTAKE, SURVEY_SUBMITTED, VOLUNTEER_REGISTERED, FACILITY_UPDATED, HELP_UPDATED),
    migrations=(_OUTBOX, _CONSUMER, _ROOT / "services" / "survey" / "migrations"),
    processes=_processes("survey", http=2, recorder=12, relay=15, keeper=18, lister=19),
    append_only=("reading", "reading_link"),
    forgetting=("forget_readings(timestamptz, integer)",),
)
FACILITIES: Final = Service(
    name="facilities",
    topics_written=(FACILITY_UPDATED, FURTHER_FACILITY_UPDATED),
    topics_read=(VOLUNTEER_REGISTERED, FACILITY_UPDATED, FURTHER_FACILITY_UPDATED),
    migrations=(_OUTBOX, _ROOT / "services" / "facilities" / "migrations"),
    processes=_processes("facilities", http=3, relay=13, importer=16),
)
REPORTING: Final = Service(
    name="reporting",
    topics_written=(),
    topics_read=(VOLUNTEER_REGISTERED, SURVEY_SUBMITTED, FACILITY_UPDATED, FURTHER_FACILITY_UPDATED, HELP_UPDATED),
    migrations=(_CONSUMER, _ROOT / "services" / "reporting" / "migrations"),
    processes=_processes("reporting", http=4, projector=14, keeper=17, webhooks=5),
    gatekeeper="gatekeeper",
    append_only=("stream_transfer",),
    forgetting=("forget_transfers(timestamptz, integer)",),
    groups_watched=(SUBSCRIBERS,),
)
SERVICES: Final = (REGISTRATION, SURVEY, FACILITIES, REPORTING)

OPERATIONS: Final = "operations"
"""The operators' page: a process of the local stack, of no service; it has no access to Kafka and databases."""
OPERATIONS_PORT_OFFSET: Final = 0
PROMETHEUS: Final = "prometheus"
"""Where an operator asks for it: it watches all others."""
PROMETHEUS_PORT_OFFSET: Final = 55
KAFKA_PORT_OFFSET: Final = 50
KAFKA_EXTERNAL_PORT_OFFSET: Final = 51
"""For subscribers outside the system."""
KAFKA_CONTROLLER_PORT_OFFSET: Final = 52
POSTGRES_PORT_OFFSET: Final = 60

_INTAKE_PORTS: Final = 20
"""The first intake answers for itself alone here when there are several, the second at the next port, and so on."""
_RECORDER_PORTS: Final = 30
"""The second recorder is at the port behind this one; the first one keeps its own."""
_PROJECTOR_PORTS: Final = 40
"""As the recorders'."""


def processes(scale: Scale) -> list[tuple[Service, Process]]:
    """Every process of the stack, with its service. Those of one kind are named NAME, NAME-2, NAME-3, and so on."""
    found: list[tuple[Service, Process]] = []
    for each in SERVICES:
        for process in each.processes:
            found += [(each, one) for one in _scaled(process, scale)]
    return found


def _scaled(process: Process, scale: Scale) -> list[Process]:
    match process.name:
        case "survey-http" if scale.intakes > 1:
            shared = replace(process, port_offset=_INTAKE_PORTS, shared_port_offset=process.port_offset)
            return [shared, *_further(shared, _INTAKE_PORTS, scale.intakes)]
        case "survey-recorder":
            return [process, *_further(process, _RECORDER_PORTS, scale.recorders)]
        case "reporting-projector":
            return [process, *_further(process, _PROJECTOR_PORTS, scale.projectors)]
    return [process]


def _further(first: Process, ports: int, count: int) -> list[Process]:
    return [
        replace(first, name=f"{first.name}-{number}", port_offset=ports + number - 1) for number in range(2, count + 1)
    ]


def service(name: str) -> Service:
    """The service of that name. Raises `KeyError`."""
    return {each.name: each for each in SERVICES}[name]
