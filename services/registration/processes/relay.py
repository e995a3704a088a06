"""Publishes what became of people: `python -m services.registration.processes.relay`."""

from typing import Final

from shared.contracts.topics import VOLUNTEER_REGISTERED
from shared.kafka.adoption import Entity
from shared.kafka.relaying import run_relay

PERSON: Final = Entity("person", "person_id", {"status": "withdrawn"})
"""What its events tell of."""


if __name__ == "__main__":
    run_relay("registration-relay", (VOLUNTEER_REGISTERED,), PERSON)
