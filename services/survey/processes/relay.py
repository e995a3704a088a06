"""Publishes what became of requests for help: `python -m services.survey.processes.relay`."""

from typing import Final

from shared.contracts.topics import HELP_UPDATED
from shared.kafka.adoption import Entity
from shared.kafka.relaying import run_relay

HELP_REQUEST: Final = Entity("help_request", "request_id", {"status": "cancelled", "deadline": None})
"""What its events tell of."""


if __name__ == "__main__":
    run_relay("survey-relay", (HELP_UPDATED,), HELP_REQUEST)
