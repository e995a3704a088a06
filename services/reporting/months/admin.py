"""What whoever operates the machine may do with months:

    python -m services.reporting.months.admin close-month 2022-01
    python -m services.reporting.months.admin close-month 2022-01 --correct REASON
    python -m services.reporting.months.admin close-month 2022-01 --verify

`--verify` computes the hash of every revision anew from the frozen rows, and says whether they are as they were closed.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from datetime import date
from typing import Final

from services.reporting.months.answers import Closing
from services.reporting.months.calendar import read_month
from services.reporting.months.closing import (
    AlreadyClosed,
    BeingClosed,
    EventsMissing,
    Months,
    NotClosed,
    NotEnded,
    NothingDiffers,
    StillFilling,
    verify,
)
from services.reporting.months.store import closings
from services.reporting.projector import TOPICS
from services.reporting.store import Pool, snapshot
from shared.observability.clock import SystemClock
from shared.postgres.pool import UNREACHABLE, open_pool
from shared.postgres.settings import PostgresSettings

COMMAND: Final = "command"
"""Who closes a month at the machine."""

REFUSALS: Final = {
    NotEnded: "the month is not over",
    AlreadyClosed: "the month is closed already; --correct REASON notes what came since",
    NotClosed: "the month is not closed",
    NothingDiffers: "no figure differs from what was closed",
    BeingClosed: "a closing or correction is at work",
    EventsMissing: "a stream waits for an event that is missing; see /trust",
    StillFilling: "figures are being counted anew; wait until the rebuild has ended",
}


async def close_month(pool: Pool, month: date, correct: str | None) -> Closing:
    """Closes the month, or corrects it for the reason given."""
    months, now = Months(pool, TOPICS), SystemClock().now()
    if correct is None:
        return await months.close(month, now=now, by=COMMAND)
    return await months.correct(month, now=now, by=COMMAND, reason=correct)


async def verified(pool: Pool, month: date) -> list[tuple[Closing, bool]]:
    """Of each revision of the month, whether its rows are as they were closed; raises `NotClosed`."""
    async with snapshot(pool) as connection:
        revisions = await closings(connection, month)
        if not revisions:
            raise NotClosed
        return [(each, (await verify(connection, month, each.revision)).hash == each.hash) for each in revisions]


async def _run(given: argparse.Namespace) -> int:
    async with await open_pool(PostgresSettings(), application="reporting-admin", max_size=1) as pool:
        if not given.verify:
            done = await close_month(pool, given.month, given.correct)
            print(f"{done.month} revision {done.revision}: {done.rows:,} rows, SHA-256 {done.hash}")
            return 0
        found = await verified(pool, given.month)
    for each, right in found:
        print(
            f"{each.month} revision {each.revision}: {'as it was closed' if right else 'CHANGED'}, SHA-256 {each.hash}"
        )
    return 0 if all(right for _, right in found) else 1


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code: 0 when it was done, 1 when it was refused or a frozen row was changed."""
    parser = argparse.ArgumentParser(prog="jitasa admin")
    (command,) = [parser.add_subparsers(required=True).add_parser("close-month", help="freeze a month that is over")]
    command.add_argument("month", type=read_month, help="YYYY-MM, of the Christian era")
    instead = command.add_mutually_exclusive_group()
    instead.add_argument("--correct", metavar="REASON", help="note what came to differ since it was closed")
    instead.add_argument("--verify", action="store_true", help="check the frozen rows against their hash")
    given = parser.parse_args(arguments)
    try:
        return asyncio.run(_run(given))
    except tuple(REFUSALS) as error:
        print(REFUSALS[type(error)], file=sys.stderr)
    except UNREACHABLE as error:
        print(f"the database does not answer: {type(error).__name__}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
