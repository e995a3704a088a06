"""Any single process can be killed with -9 at any moment of a campaign, and it still ends exact."""

from dataclasses import dataclass
from random import Random
from typing import Final

import pytest

from tests.faults.campaigns import SEED, Campaigns, back, fed, reached, until
from tests.faults.ledger import LISTED, RECORDED
from tests.faults.road import Road
from tests.faults.stacks import ProxiedStack

KILLS: Final = 2
"""The second life dies while it makes up for what the first one left. `bench faults` kills recorder and projector three
times."""
BURST: Final = 16
"""So many requests are enough work for most: some sixty visits, or as many events."""
RELAYED: Final = "SELECT count(sequence) + count(published_at) FROM outbox"
"""Moves twice for an event, so that a relay is met after either of its steps: numbered, and marked as published."""
APPLIED: Final = "SELECT coalesce(sum(events), 0) FROM stream_progress"
ALL: Final = ("registration", "survey", "facilities", "reporting")


@dataclass(frozen=True, slots=True)
class Victim:
    """A process, and what its moments are counted by."""

    process: str
    on: tuple[str, ...]
    """The services whose requests are counted."""
    apart: tuple[int, int]
    """So many requests, at least and at most, pass before the next kill is prepared: few enough that the last kill
    comes before the campaign's end, also where a busy machine lets more pass."""
    work: tuple[str, str] | None = None
    """A database and a query that counts what the victim has done: it is killed in the middle of its work. Without
    one, the requests that were answered are counted: it is killed with some of them in its hands."""
    consumes: bool = False
    """Takes partitions over when it is back, for which Kafka lets it wait until its former life's session has ended."""
    amount: tuple[int, int] = (1, 8)
    """So much of its work is done, at least and at most, between the preparation and the kill."""
    burst: int = BURST
    """So many requests pass until the victim is killed in the middle of them: were there no limit, quick intake would
    take the rest of a campaign while a worker makes its first batch. Both times `apart` and this are fewer requests
    than a campaign has, also where a busy machine lets all of them pass: 189 to registration, 164 submissions, 77 to
    facilities."""


VICTIMS: Final = (
    Victim("registration-http", ("registration",), (8, 30)),
    Victim("registration-relay", ("registration",), (8, 24), ("registration", RELAYED)),
    Victim("survey-http", ("survey",), (5, 20)),
    Victim("survey-recorder", ("survey",), (5, 20), ("survey", RECORDED), consumes=True, amount=(1, 60)),
    Victim("survey-lister", ("survey",), (5, 20), ("survey", LISTED), consumes=True, amount=(1, 60)),
    Victim("facilities-http", ("facilities",), (4, 14)),
    Victim("facilities-relay", ("facilities",), (2, 8), ("facilities", RELAYED), burst=8),
    Victim("reporting-http", ("reporting",), (2, 6), amount=(1, 3)),
    Victim("reporting-projector", ("survey",), (5, 20), ("reporting", APPLIED), consumes=True, amount=(1, 60)),
    Victim("kafka", ALL, (30, 110)),
    Victim("postgres", ALL, (30, 110)),
)


@pytest.mark.parametrize("victim", VICTIMS, ids=lambda victim: victim.process)
async def test_a_process_is_killed_several_times(campaigns: Campaigns[ProxiedStack], victim: Victim) -> None:
    random = Random(f"{SEED}/{victim.process}")

    async def killed(road: Road) -> None:
        async with campaigns.progress(road, victim.work) as progress:
            pid = None
            for _ in range(KILLS):
                before = await progress()
                road.hold(random.randint(*victim.apart))
                await road.used_up()
                # Traffic waits, so that there is work in which to be killed when the victim is back.
                pid = await back(campaigns.stack, victim.process, former=pid)
                if victim.consumes:
                    await until(reached(progress, before + 1), f"{victim.process} is at work again")
                goal = await progress() + random.randint(*victim.amount)
                road.hold(victim.burst)
                await until(fed(road, progress, goal), f"{victim.process} has done some work")
                campaigns.stack.kill(victim.process)
            road.open()

    await campaigns.play(killed, on=victim.on)
