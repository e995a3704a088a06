"""What whoever operates the machine does with the key-encryption keys of a service: rotate (at once or in two steps),
look, retire."""

import argparse
import asyncio
import json
import sys
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import asyncpg

from shared.observability.clock import Clock, SystemClock
from shared.postgres.pool import UNREACHABLE, acquire, open_pool
from shared.postgres.rewrapping import SealedTable, keys_in_use
from shared.postgres.settings import PostgresSettings
from shared.security.sealing import KeyRing, NoSuchKey, add, replaced_at, retire, rotate, use

NOTICED_WITHIN: Final = timedelta(minutes=5)
"""By then every process seals under the new key: each looks at the file every five seconds, and a node of a cluster
shows its pods a changed Secret within two minutes."""

_REWRAPPING: Final = "data keys are wrapped anew now; see `status`, then `retire` the old key"


class NotNow(Exception):
    """What was asked for cannot be done; the message says why."""


def add_commands(parser: argparse.ArgumentParser) -> None:
    """Gives a parser the commands rotate, add, use, status and retire."""
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("rotate", help="seal under a new key from now on; data keys are wrapped anew in the background")
    commands.add_parser("add", help="a new key that opens and does not seal yet, where processes have copies")
    using = commands.add_parser("use", help="seal under a key that was added, once every process has it")
    using.add_argument("key", help="such as k2")
    commands.add_parser("status", help="which keys there are, and how many rows are still under which")
    retiring = commands.add_parser("retire", help="destroy an old key, and with it every copy that is still under it")
    retiring.add_argument("key", help="such as k1")
    retiring.add_argument("--now", action="store_true", help="without waiting until the logs have dropped its copies")


async def administer(
    given: argparse.Namespace,
    pool: "asyncpg.Pool[asyncpg.Record]",
    path: Path,
    tables: Sequence[SealedTable],
    clock: Clock,
    *,
    held_for: timedelta,
) -> dict[str, Any]:
    """Does what the command line asks. held_for: how long a log may bring records under an old key. Raises `NotNow`,
    `OSError` and `ValueError`."""
    if given.command == "rotate":
        key_id = rotate(path, clock.now())
        return {"current": key_id, "next": _REWRAPPING}
    if given.command == "add":
        key_id = add(path)
        return {"added": key_id, "next": f"give the file to every process; when all have read it, `use {key_id}`"}
    if given.command == "use":
        try:
            use(path, given.key, clock.now())
        except NoSuchKey:
            raise NotNow(f"there is no key {given.key} in the file: `add` makes one") from None
        return {"current": given.key, "next": _REWRAPPING}
    async with acquire(pool) as connection:
        used = await keys_in_use(connection, tables)
    ring = KeyRing.from_file(path)
    if given.command == "status":
        since = replaced_at(path)
        return {
            "current": ring.current,
            "since": None if since is None else since.isoformat(),
            "keys": sorted(ring.key_ids),
            "rows": {table: dict(counts) for table, counts in used.items()},
        }
    if given.key == ring.current or given.key not in ring.key_ids:
        raise NotNow(f"{given.key} is the current key, or there is none of this name")
    left = sum(counts.get(given.key, 0) for counts in used.values())
    if left:
        raise NotNow(f"{left} rows are still under {given.key}: they are wrapped anew at the next pass; see `status`")
    since = replaced_at(path)
    age = timedelta() if since is None else clock.now() - since
    if age < NOTICED_WITHIN:
        raise NotNow(f"a process may still seal under {given.key}: come again in five minutes")
    if age < held_for and not given.now:
        raise NotNow(
            f"records that are still on their way may be under {given.key}, for {held_for.days} days after a rotation; "
            "with --now they could never be opened. Do that only when nothing waits (`./jitasa status`)"
        )
    retire(path, given.key)
    return {"retired": given.key, "keys": sorted(ring.key_ids - {given.key})}


def run_command(
    task: str,
    about: str,
    service: str,
    path: Callable[[], Path],
    tables: Sequence[SealedTable],
    arguments: Sequence[str] | None,
) -> int:
    """The command `jitasa admin TASK` of a service whose sealed rows are in its database alone: no log brings any.
    path: of the ring, asked for when the command line is right. The exit code is 0, 1 when it cannot be done, 2 for a
    wrong command line."""

    async def work(given: argparse.Namespace) -> dict[str, Any]:
        async with await open_pool(PostgresSettings(), application=f"{service}-admin", max_size=1) as pool:
            return await administer(given, pool, path(), tables, SystemClock(), held_for=timedelta())

    parser = argparse.ArgumentParser(prog="jitasa admin")
    things = parser.add_subparsers(dest="thing", required=True)
    add_commands(things.add_parser(task, help=about))
    try:
        told = asyncio.run(work(parser.parse_args(arguments)))
    except UNREACHABLE as error:
        print(f"the {service} database cannot be reached ({type(error).__name__}): is the stack up?", file=sys.stderr)
        return 1
    except (NotNow, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    print(json.dumps(told, indent=2))
    return 0
