"""More partitions for the survey's topics while everything runs: `./jitasa admin partitions 48`.

1. `survey-submitted` grows: an event has to find its partition before a record of intake can become it.
2. `survey-intake` grows. Recorders, listers and projectors share out the new partitions, and intakes write to them, as
   soon as they hear of it, within some ten seconds and in any order.

Killed anywhere, it is done again. Nothing has to stop or to be drained: what a household's old and new partition tell
is worked on in turn (`services.survey.store.hold`), and recorded in whatever order it comes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import asyncpg
from confluent_kafka.admin import AdminClient

from deploy import provisioning
from deploy.databases import run
from deploy.trouble import Trouble
from shared.contracts.topics import NUMBERS_OF_PARTITIONS, all_with

_READERS: Final = ("survey", "reporting")
"""Databases that know how many partitions were read."""
_KNOWN: Final = "SELECT max(partition) + 1 FROM consumer_position WHERE topic = ANY ($1::text[])"
_SECONDS: Final = 5.0
"""To reach a database of the same cluster or machine, or to leave it: it takes some milliseconds where it is there."""


def grow(admin: AdminClient, number: int, *, replicas: int, in_sync: int, told: Callable[[str], None]) -> None:
    """Give the topics that grow so many partitions. Raises `Trouble` for a number that they cannot have."""
    growing = [topic for topic in all_with(number) if topic.grows]
    there_are = provisioning.partitions(admin, growing)
    most = max(there_are.values(), default=0)
    if number not in NUMBERS_OF_PARTITIONS or number < most:
        possible = ", ".join(str(each) for each in NUMBERS_OF_PARTITIONS if each >= most)
        raise Trouble(
            f"The topics have {most} partitions, which cannot be taken away; they may have {possible}.",
            f"ขณะนี้มี {most} พาร์ทิชัน ลดจำนวนไม่ได้ จำนวนที่ใช้ได้คือ {possible}",
        )
    for topic in growing:
        provisioning.topics(admin, [topic], replicas=replicas, in_sync=in_sync)
        told(f"{topic.name}: {number} partitions, before {there_are.get(topic.name, 0)}")


def known(connection: Callable[[str], dict[str, Any]]) -> int:
    """How many partitions the topics that grow have had, by what the databases took of them: a Kafka that is made anew
    has to have as many. connection: the administrator's to a service's database, as asyncpg wants it."""
    most = run(_known(connection))
    return next(each for each in NUMBERS_OF_PARTITIONS if each >= most)


async def _known(connection: Callable[[str], dict[str, Any]]) -> int:
    names = [topic.name for topic in all_with(0) if topic.grows]
    most = 0
    for name in _READERS:
        try:
            database = await asyncpg.connect(**connection(name), timeout=_SECONDS)
        except asyncpg.InvalidCatalogNameError:  # the first start: nothing was taken of anything
            continue
        try:
            most = max(most, await database.fetchval(_KNOWN, names) or 0)
        except asyncpg.UndefinedTableError:  # it is being made
            pass
        finally:
            await database.close(timeout=_SECONDS)
    return most
