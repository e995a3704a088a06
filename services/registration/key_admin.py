"""The keys under which names and numbers are sealed, for whoever operates the machine.

python -m services.registration.key_admin registration-keys rotate | status | retire KEY [--now]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from services.registration.admin import KeySettings
from services.registration.store.sealed_tables import SEALED_TABLES
from shared.observability.clock import SystemClock
from shared.postgres.key_administration import NotNow, add_commands, administer
from shared.postgres.pool import UNREACHABLE, open_pool
from shared.postgres.settings import PostgresSettings


async def _work(given: argparse.Namespace) -> dict[str, Any]:
    path = KeySettings().sealing_keys_file
    async with await open_pool(PostgresSettings(), application="registration-admin", max_size=1) as pool:
        # No log brings sealed rows later: they are only in the database.
        return await administer(given, pool, path, SEALED_TABLES, SystemClock(), held_for=timedelta())


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line asks; the exit code is 0, 1 when it cannot be done, 2 for a wrong command line."""
    parser = argparse.ArgumentParser(prog="jitasa admin")
    things = parser.add_subparsers(dest="thing", required=True)
    add_commands(things.add_parser("registration-keys", help="the keys under which names and numbers are sealed"))
    try:
        told = asyncio.run(_work(parser.parse_args(arguments)))
    except UNREACHABLE as error:
        print(
            f"the registration database cannot be reached ({type(error).__name__}): is the stack up?", file=sys.stderr
        )
        return 1
    except (NotNow, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    print(json.dumps(told, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
