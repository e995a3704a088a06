"""The keys under which names and numbers are sealed, for whoever operates the machine.

python -m services.registration.key_admin registration-keys rotate | add | use KEY | status | retire KEY [--now]
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from services.registration.admin import KeySettings
from services.registration.store.sealed_tables import SEALED_TABLES
from shared.postgres.key_administration import run_command


def _ring() -> Path:
    return KeySettings().sealing_keys_file


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line asks; the exit code."""
    about = "the keys under which names and numbers are sealed"
    return run_command("registration-keys", about, "registration", _ring, SEALED_TABLES, arguments)


if __name__ == "__main__":
    sys.exit(main())
