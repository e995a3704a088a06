"""Plays the demonstration on a running stack and says whether every figure is exact."""

import sys
from datetime import UTC, datetime

import uvloop
from rich.console import Console

from deploy.demo import summary
from deploy.demo.campaign import plan as make_plan
from deploy.demo.client import Client, by_secret
from deploy.demo.comparison import compare, expectation, follow, settled
from deploy.demo.display import Display
from deploy.demo.figures import Stack
from deploy.demo.months import Months
from deploy.demo.plan import Plan
from deploy.demo.player import Played, Player, claim_run
from deploy.demo.truth import Truth
from deploy.local.addresses import Addresses
from deploy.trouble import Trouble


def main(addresses: Addresses, households: int, exit_after: bool, seed: int) -> int:
    """Play a campaign of so many households. 0 when every figure is exact, 1 when not.

    exit_after: whether the stack stops afterwards; otherwise the addresses to open are shown as well.
    """
    # A log file is as wide as the table needs.
    console = Console() if sys.stdout.isatty() else Console(width=140)
    try:
        code = uvloop.run(_play(addresses, households, seed, console))
    except BaseExceptionGroup as group:
        # Several requests gave up at once, each for the same cause: one of them is enough to say so.
        troubles, others = group.split(Trouble)
        if others is not None or troubles is None:
            raise
        raise _first(troubles) from None
    if not exit_after:
        summary.addresses_to_open(console, addresses)
    return code


async def _play(addresses: Addresses, households: int, seed: int, console: Console) -> int:
    display = Display(console)
    async with Client() as client:
        administrator = by_secret(client, addresses.registration, addresses.client_id, addresses.client_secret)
        stack = Stack(client, addresses, administrator)
        with display.phase("base", 1) as phase:
            run = await claim_run(client, addresses, administrator)
            base = await settled(stack)
            phase.advance()
        with display.phase("plan", households) as phase:
            plan = make_plan(seed, run=run, now=datetime.now(UTC), households=households)
            phase.advance(households)
        player = Player(plan, client, addresses, administrator, display)
        played = await player.play()
        truth = _truth_of(plan, played)
        expected = expectation(base, plan, truth)
        await follow(stack, expected[""], display)
        differences = await compare(stack, expected, plan, truth, display)
        with display.phase("months", 2) as phase:
            months = Months(client, addresses, administrator)
            closed = await months.close(plan.now)
            phase.advance()
            differences += await months.compare(expected)
            phase.advance()
    figures = sum(len(of_area) for of_area in expected.values())
    console.print()
    summary.national_picture(console, plan, expected)
    summary.account(console, plan, played, truth, client.traffic)
    summary.closed_month(console, closed)
    return summary.verdict(console, played.surprises, differences, figures)


def _truth_of(plan: Plan, played: Played) -> Truth:
    """What was accepted, in the order of the waves, which is the order in which one house's records are recorded."""
    truth = Truth()
    for wave in plan.waves:
        for batch in wave.batches:
            for submission in batch.submissions:
                if submission.submission_id in played.accepted_ids:
                    truth.accept(submission)
    return truth


def _first(group: BaseExceptionGroup[Trouble]) -> Trouble:
    found: BaseException = group
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    assert isinstance(found, Trouble)  # noqa: S101 - the group was split by this type
    return found
