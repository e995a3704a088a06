"""The keys under which secrets of webhooks and new passwords for Kafka are sealed, for whoever operates the machine.

python -m services.reporting.key_admin subscriber-keys rotate | add | use KEY | status | retire KEY
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from services.reporting.sealed import SEALED_TABLES
from services.reporting.settings import SubscriberSettings
from shared.postgres.key_administration import NotNow, run_command


def _ring() -> Path:
    path = SubscriberSettings().sealing_keys_file
    if path is None:
        raise NotNow("this installation seals nothing for subscribers: JITASA_SUBSCRIBER_SEALING_KEYS_FILE is not set")
    return path


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line asks; the exit code."""
    about = "the keys under which subscribers' secrets are sealed"
    return run_command("subscriber-keys", about, "reporting", _ring, SEALED_TABLES, arguments)


if __name__ == "__main__":
    sys.exit(main())
