"""What whoever operates the machine does for personal data.

    python -m services.survey.privacy.admin audit verify [--head POSITION:HASH]
    python -m services.survey.privacy.admin audit head
    python -m services.survey.privacy.admin retention --dry-run
    python -m services.survey.privacy.admin survey-keys rotate | add | use KEY | status | retire KEY [--now]

Each prints JSON. The exit code is 0 when it was done and nothing is wrong, 1 otherwise, 2 for a wrong command line.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import asyncpg
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.survey.privacy import chain, retention
from services.survey.privacy.purposes import period
from services.survey.privacy.sealed import TABLES
from shared.contracts.topics import SURVEY_INTAKE
from shared.observability.clock import SystemClock
from shared.postgres.key_administration import NotNow, add_commands, administer
from shared.postgres.pool import UNREACHABLE, acquire, open_pool
from shared.postgres.settings import PostgresSettings

_INTAKE_KEPT: Final = timedelta(milliseconds=SURVEY_INTAKE.retention_ms)


class KeySettings(BaseSettings):
    """JITASA_SEALING_KEYS_FILE: the survey's ring."""

    model_config = SettingsConfigDict(env_prefix="JITASA_")

    sealing_keys_file: Path


async def verify(pool: "asyncpg.Pool[asyncpg.Record]", noted: chain.Head | None) -> tuple[int, dict[str, Any]]:
    """Walks along the audit chain; 1 when something is wrong."""
    async with (
        acquire(pool) as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        found = await chain.verify(connection, now=SystemClock().now(), noted=noted)
    told = {
        "intact": found.intact,
        "head": str(found.head),
        "forgotten": found.forgotten,
        "late": found.late,
        "faults": found.faults,
        "findings": found.findings,
    }
    return (0 if found.intact else 1), told


async def head(pool: "asyncpg.Pool[asyncpg.Record]") -> tuple[int, dict[str, Any]]:
    """Says the last link, for noting it outside."""
    async with acquire(pool) as connection:
        return 0, {"head": str(await chain.head_of(connection))}


async def due(pool: "asyncpg.Pool[asyncpg.Record]") -> tuple[int, dict[str, Any]]:
    """Says what retention would end now."""
    now = SystemClock().now()
    async with acquire(pool) as connection:
        counts = await retention.due(connection, now)
    return 0, {
        "dry_run": True,
        "rows": {one.value: number for one, number in counts.items()},
        "days": {one.value: period(one, now).kept.days for one in counts},
    }


async def _work(given: argparse.Namespace) -> tuple[int, dict[str, Any]]:
    async with await open_pool(PostgresSettings(), application="survey-admin", max_size=1) as pool:
        match given.thing:
            case "audit":
                return await (head(pool) if given.command == "head" else verify(pool, given.head))
            case "retention":
                return await due(pool)
            case _:
                path = KeySettings().sealing_keys_file
                return 0, await administer(given, pool, path, TABLES, SystemClock(), held_for=_INTAKE_KEPT)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="jitasa admin")
    things = parser.add_subparsers(dest="thing", required=True)
    audit = things.add_parser("audit", help="the log of who read personal data")
    commands = audit.add_subparsers(dest="command", required=True)
    verifying = commands.add_parser("verify", help="walk along the whole chain")
    verifying.add_argument("--head", type=chain.Head.read, help="one that was noted before, POSITION:HASH")
    commands.add_parser("head", help="the last link, for noting it outside")
    ending = things.add_parser("retention", help="what is kept no longer; the keeper ends it every hour")
    ending.add_argument("--dry-run", action="store_true", required=True, help="count, and change nothing")
    add_commands(things.add_parser("survey-keys", help="the keys under which the survey's data are sealed"))
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line asks."""
    given = _parser().parse_args(arguments)
    try:
        code, told = asyncio.run(_work(given))
    except (NotNow, OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    except UNREACHABLE as error:
        print(f"the survey database cannot be reached ({type(error).__name__}): is the stack up?", file=sys.stderr)
        return 1
    print(json.dumps(told, ensure_ascii=False, indent=2, default=str))
    return code


if __name__ == "__main__":
    sys.exit(main())
