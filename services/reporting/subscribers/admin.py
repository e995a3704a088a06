"""Subscribers of Kafka, for whoever operates the machine.

    python -m services.reporting.subscribers.admin subscribers list
    python -m services.reporting.subscribers.admin subscribers create NAME --streams STREAM... [--bytes-a-second N]
        [--request-percent N] [--client-id ID] [--into FOLDER]
    python -m services.reporting.subscribers.admin subscribers grant NAME --streams STREAM... [--bytes-a-second N]
        [--request-percent N]
    python -m services.reporting.subscribers.admin subscribers rotate NAME [--into FOLDER]
    python -m services.reporting.subscribers.admin subscribers revoke NAME --reason TEXT
    python -m services.reporting.subscribers.admin subscribers authority

`create` and `rotate` print the configuration of three kinds of client, with the password, which is shown this once;
--into writes it into files of a folder instead. Each waits until Kafka has what was decided; the exit code is 0 then.
`authority` prints the certificate by which subscribers know Kafka, for when it was renewed.
"""

import argparse
import asyncio
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from uuid import UUID

from services.reporting.commands import OPERATOR, Usage, run
from services.reporting.settings import SubscriberSettings
from services.reporting.store import Pool
from services.reporting.subscribers import store
from services.reporting.subscribers.clients import Configuration, Entrance, configuration, entrance_of
from services.reporting.subscribers.domain import (
    DEFAULT_BYTES,
    DEFAULT_PERCENT,
    LEAST_BYTES,
    MOST_BYTES,
    MOST_PERCENT,
    MOST_SUBSCRIBERS,
    NAME,
    STREAMS,
    Grant,
    Subscriber,
    group_prefix,
    in_order,
    new_password,
)
from shared.observability.clock import BANGKOK, SystemClock
from shared.postgres.pool import acquire, open_pool
from shared.postgres.settings import PostgresSettings
from shared.security.sealing import KeyRing

PATIENCE_SECONDS: Final = 20.0
"""The keeper applies it within a second; one that has just been started needs some more."""
LOOK_SECONDS: Final = 0.1
MOST_LISTED: Final = 10_000


async def list_all(pool: Pool) -> int:
    """Prints every subscriber."""
    async with acquire(pool) as connection:
        found = await store.page(connection, "", MOST_LISTED)
    print("\n".join(map(_line, found)) or "ยังไม่มีผู้รับข้อมูล / there are no subscribers")
    return 0


async def create(pool: Pool, entrance: Entrance, name: str, grant: Grant, client_id: UUID | None) -> Configuration:
    """Lets a subscriber in; the files of its programs. Raises `Usage`."""
    if not re.fullmatch(NAME, name):
        raise Usage("a name has 2 to 32 small letters, digits and underscores, and begins with a letter")
    password, outside = new_password(), entrance.outside  # if it cannot be told, nobody is let in
    try:
        async with acquire(pool) as connection:
            made = await store.make(
                connection, name, grant, client_id, password, entrance.ring, by=OPERATOR, now=SystemClock().now()
            )
    except store.NameTaken:
        raise Usage(f"the name {name} is taken, or was once: names are never given again") from None
    except store.AccountTaken:
        raise Usage("this account belongs to another subscriber") from None
    except store.TooMany:
        raise Usage(f"there are {MOST_SUBSCRIBERS} subscribers already") from None
    await _in_force(pool, made)
    return configuration(made, password, outside)


async def grant(pool: Pool, name: str, granted: Grant) -> int:
    """Changes what a subscriber may."""
    found = await _named(pool, name)
    async with acquire(pool) as connection:
        changed = await store.grant(connection, found.subscriber_id, granted, by=OPERATOR, now=SystemClock().now())
    print(_line(await _in_force(pool, changed)))
    return 0


async def rotate(pool: Pool, entrance: Entrance, name: str) -> Configuration:
    """Gives a new password; the files with it. Raises `Usage`."""
    found, password, outside = await _named(pool, name), new_password(), entrance.outside
    async with acquire(pool) as connection:
        renewed = await store.renew(
            connection, found.subscriber_id, password, entrance.ring, by=OPERATOR, now=SystemClock().now()
        )
    return configuration(await _in_force(pool, renewed), password, outside)


async def revoke(pool: Pool, name: str, reason: str) -> int:
    """Shuts a subscriber out, for good."""
    found = await _named(pool, name)
    async with acquire(pool) as connection:
        revoked = await store.revoke(connection, found.subscriber_id, reason, by=OPERATOR, now=SystemClock().now())
    print(_line(await _in_force(pool, revoked)))
    return 0


def show(files: Mapping[str, str], into: Path | None) -> None:
    """Prints the files one after another, or writes them for their owner alone. Raises `Usage`."""
    if into is None:
        for name, content in files.items():
            print(f"==> {name} <==\n{content}")
        return
    try:
        into.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            path = into / name
            path.unlink(missing_ok=True)  # an older one may be open to others
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(content)
            print(path)
    except OSError as error:
        raise Usage(
            f"the files cannot be written ({error}); the subscriber is in: get a new password by `rotate`"
        ) from None


async def _named(pool: Pool, name: str) -> Subscriber:
    async with acquire(pool) as connection:
        found = await store.named(connection, name)
    if found is None or found.revoked_at is not None:
        raise Usage(f"there is no subscriber {name}" if found is None else f"{name} is revoked, for good")
    return found


async def _in_force(pool: Pool, decided: Subscriber | None) -> Subscriber:
    """Waits until Kafka has what was decided."""
    if decided is None:
        raise Usage("it was revoked at this moment")
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                async with acquire(pool) as connection:
                    found = await store.one(connection, decided.subscriber_id)
                if found is not None and found.applied_revision >= decided.revision:
                    return found
                await asyncio.sleep(LOOK_SECONDS)
    except TimeoutError:
        raise Usage(
            "it is decided, but not in force yet: reporting's keeper does not run, or does not reach Kafka; it will be "
            "applied as soon as it does. A password that was made is lost: `rotate` then"
        ) from None


def _line(one: Subscriber) -> str:
    made = f"{one.created_at.astimezone(BANGKOK):%Y-%m-%d}"
    streams = ",".join(one.grant.streams)
    limits = f"{one.grant.bytes_a_second:,} B/s {one.grant.request_percent} %"
    return f"{one.name:<20} {one.state:<14} {made}  groups {group_prefix(one.name)}*  {limits}  {streams}"


def parser() -> argparse.ArgumentParser:
    """The command line."""
    whole = argparse.ArgumentParser(prog="jitasa admin", allow_abbrev=False)
    tasks = whole.add_subparsers(dest="task", required=True)
    steps = tasks.add_parser("subscribers", help="who reads Kafka from outside").add_subparsers(
        dest="step", required=True
    )
    steps.add_parser("list", help="every one, the revoked ones among them")
    steps.add_parser("authority", help="the certificate by which they know Kafka")
    for step, said in (("create", "let one in"), ("grant", "change what one may")):
        granting = steps.add_parser(step, help=said)
        granting.add_argument("name", metavar="NAME")
        granting.add_argument("--streams", nargs="+", required=True, choices=STREAMS, metavar="STREAM")
        granting.add_argument("--bytes-a-second", type=int, default=DEFAULT_BYTES)
        granting.add_argument("--request-percent", type=int, default=DEFAULT_PERCENT)
    steps.choices["create"].add_argument("--client-id", type=UUID, help="its account at registration")
    steps.add_parser("rotate", help="give one a new password").add_argument("name", metavar="NAME")
    for step in ("create", "rotate"):
        steps.choices[step].add_argument("--into", type=Path, metavar="FOLDER", help="write files instead of printing")
    revoking = steps.add_parser("revoke", help="shut one out, for good")
    revoking.add_argument("name", metavar="NAME")
    revoking.add_argument("--reason", required=True)
    return whole


def _granted(chosen: argparse.Namespace) -> Grant:
    if not LEAST_BYTES <= chosen.bytes_a_second <= MOST_BYTES:
        raise Usage(f"--bytes-a-second is {LEAST_BYTES} to {MOST_BYTES}")
    if not 1 <= chosen.request_percent <= MOST_PERCENT:
        raise Usage(f"--request-percent is 1 to {MOST_PERCENT}")
    return Grant(in_order(chosen.streams), chosen.bytes_a_second, chosen.request_percent)


async def main(chosen: argparse.Namespace) -> int:
    """Does what was chosen; the exit code. Raises `Usage`."""
    settings = SubscriberSettings()
    keys = settings.sealing_keys_file
    entrance = entrance_of(settings, None if keys is None else KeyRing.from_file(keys))
    if entrance is None:
        raise Usage("this installation has no Kafka listener for subscribers")
    if chosen.step == "authority":
        print(entrance.outside.authority, end="")
        return 0
    pool = await open_pool(PostgresSettings(), application="subscribers-admin", max_size=1)
    try:
        match chosen.step:
            case "list":
                return await list_all(pool)
            case "grant":
                return await grant(pool, chosen.name, _granted(chosen))
            case "revoke":
                return await revoke(pool, chosen.name, chosen.reason)
            case "create":
                made = await create(pool, entrance, chosen.name, _granted(chosen), chosen.client_id)
            case _:
                made = await rotate(pool, entrance, chosen.name)
        show(made.files(), chosen.into)
        return 0
    finally:
        pool.terminate()


if __name__ == "__main__":
    run(lambda: main(parser().parse_args()))
