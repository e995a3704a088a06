"""The keys under which secrets of webhooks and new passwords for Kafka are sealed, for whoever operates the machine.

python -m services.reporting.key_admin subscriber-keys rotate | status | retire KEY
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from services.reporting.sealed import SEALED_TABLES
from services.reporting.settings import SubscriberSettings
from shared.observability.clock import SystemClock
from shared.postgres.key_administration import NotNow, add_commands, administer
from shared.postgres.pool import UNREACHABLE, open_pool
from shared.postgres.settings import PostgresSettings


async def _work(given: argparse.Namespace) -> dict[str, Any]:
    path = SubscriberSettings().sealing_keys_file
    if path is None:
        raise NotNow("this installation seals nothing for subscribers: JITASA_SUBSCRIBER_SEALING_KEYS_FILE is not set")
    async with await open_pool(PostgresSettings(), application="reporting-admin", max_size=1) as pool:
        # No log brings sealed rows later: they are only in the database.
        return await administer(given, pool, path, SEALED_TABLES, SystemClock(), held_for=timedelta())


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line asks; the exit code is 0, 1 when it cannot be done, 2 for a wrong command line."""
    parser = argparse.ArgumentParser(prog="jitasa admin")
    things = parser.add_subparsers(dest="thing", required=True)
    add_commands(things.add_parser("subscriber-keys", help="the keys under which subscribers' secrets are sealed"))
    try:
        told = asyncio.run(_work(parser.parse_args(arguments)))
    except UNREACHABLE as error:
        print(f"reporting's database cannot be reached ({type(error).__name__}): is the stack up?", file=sys.stderr)
        return 1
    except (NotNow, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    print(json.dumps(told, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
