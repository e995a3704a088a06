"""Publishes what became of places: `python -m services.facilities.processes.relay`."""

from typing import Final

from shared.contracts.topics import FACILITY_UPDATED, FURTHER_FACILITY_UPDATED
from shared.kafka.adoption import Entity
from shared.kafka.relaying import run_relay

PLACE: Final = Entity("facility", "facility_id", {"status": "closed", "change": "closed", "changed_by": None})
"""What its events tell of."""


if __name__ == "__main__":
    run_relay("facilities-relay", (FACILITY_UPDATED, FURTHER_FACILITY_UPDATED), PLACE)
