"""Which services and processes there are, and what each may touch.

Topics, rights, databases and processes are made from this one table.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from shared.contracts.topics import (
    FACILITY_UPDATED,
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
    """One process of a service: `python -m MODULE ARGUMENT`, serving HTTP (a worker: only health) at base + offset."""

    name: str
    module: str
    argument: str
    port_offset: int


@dataclass(frozen=True, slots=True)
class Service:
    """One service: its database, role and Kafka user bear its name."""

    name: str
    topics_written: tuple[Topic, ...]
    topics_read: tuple[Topic, ...]
    migrations: tuple[Path, ...]
    processes: tuple[Process, ...]


def _processes(service: str, **offsets: int) -> tuple[Process, ...]:
    return tuple(
        Process(f"{service}-{name}", f"services.{service}.app", name, offset) for name, offset in offsets.items()
    )


# Everything that checks tokens reads volunteer-registered, so that a suspension bars at once.
REGISTRATION: Final = Service(
    name="registration",
    topics_written=(VOLUNTEER_REGISTERED,),
    topics_read=(VOLUNTEER_REGISTERED,),
    migrations=(_OUTBOX, _ROOT / "services" / "registration" / "migrations"),
    processes=_processes("registration", http=1, relay=11),
)
SURVEY: Final = Service(
    name="survey",
    topics_written=(SURVEY_INTAKE, SURVEY_SUBMITTED),
    topics_read=(SURVEY_INTAKE, VOLUNTEER_REGISTERED),
    migrations=(_CONSUMER, _ROOT / "services" / "survey" / "migrations"),
    processes=_processes("survey", http=2, recorder=12),
)
FACILITIES: Final = Service(
    name="facilities",
    topics_written=(FACILITY_UPDATED,),
    topics_read=(VOLUNTEER_REGISTERED,),
    migrations=(_OUTBOX, _ROOT / "services" / "facilities" / "migrations"),
    processes=_processes("facilities", http=3, relay=13),
)
REPORTING: Final = Service(
    name="reporting",
    topics_written=(),
    topics_read=(VOLUNTEER_REGISTERED, SURVEY_SUBMITTED, FACILITY_UPDATED, HELP_UPDATED),
    migrations=(_CONSUMER, _ROOT / "services" / "reporting" / "migrations"),
    processes=_processes("reporting", http=4, projector=14),
)
SERVICES: Final = (REGISTRATION, SURVEY, FACILITIES, REPORTING)

KAFKA_PORT_OFFSET: Final = 50
KAFKA_EXTERNAL_PORT_OFFSET: Final = 51
"""Kept free for subscribers outside the system."""
KAFKA_CONTROLLER_PORT_OFFSET: Final = 52
POSTGRES_PORT_OFFSET: Final = 60


def service(name: str) -> Service:
    """The service of that name. Raises `KeyError`."""
    return {each.name: each for each in SERVICES}[name]
