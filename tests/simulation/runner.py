"""Runs schedules, many in one process, and one again with its trace."""

import gc
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

from services.survey import recorder
from shared.kafka import account, accumulator, consumer, membership, projection, relay
from tests.simulation.campaign import Campaign, Failure
from tests.simulation.scheduler import World
from tests.simulation.variants import VARIANTS, Variant


@dataclass(slots=True)
class Outcome:
    """What came of a number of schedules.

    failures: by seed, what was wrong; faults: how often each kind struck; logged: how often the production code logged
    each of its events, which tells how much of it the schedules reach.
    """

    schedules: int = 0
    steps: int = 0
    seconds: float = 0.0
    failures: dict[int, str] = field(default_factory=dict)
    faults: dict[str, int] = field(default_factory=dict)
    logged: dict[str, int] = field(default_factory=dict)


class _Journal:
    """Takes what the production code logs into the trace."""

    def __init__(self) -> None:
        self.world: World | None = None
        self.counts: dict[str, int] = {}

    def info(self, event: str, **fields: Any) -> None:
        """A line of the log."""
        self.counts[event] = self.counts.get(event, 0) + 1
        if self.world is not None and self.world.tracing:
            self.world.note(f"log: {event} {fields}")

    warning = error = info


@contextmanager
def _production_logs_to(journal: _Journal) -> Iterator[None]:
    with ExitStack() as stack:
        for module in (account, accumulator, consumer, membership, projection, relay, recorder):
            stack.enter_context(patch.object(module, "_log", journal))
        yield


def run(seeds: Iterable[int], variant: str | None = None, *, most_failures: int = 5) -> Outcome:
    """Runs the schedules of `seeds`, until so many have failed."""
    chosen = VARIANTS[variant] if variant else Variant()
    journal = _Journal()
    outcome = Outcome(logged=journal.counts)
    # Nothing that was loaded so far becomes garbage; going through it again and again would take a tenth of the time.
    gc.collect()
    gc.freeze()
    began = time.monotonic()
    with _production_logs_to(journal), chosen.applied():
        for seed in seeds:
            campaign = Campaign(seed, pieces=chosen.pieces, faults=chosen.faults)
            try:
                campaign.run()
            except Failure as failure:
                outcome.failures[seed] = str(failure)
            outcome.schedules += 1
            outcome.steps += campaign.world.steps
            for kind, times in campaign.struck.items():
                outcome.faults[kind] = outcome.faults.get(kind, 0) + times
            if len(outcome.failures) >= most_failures:
                break
    outcome.seconds = time.monotonic() - began
    return outcome


def trace(seed: int, variant: str | None = None) -> tuple[Sequence[str], str | None]:
    """Runs one schedule; gives all that happened in it, and what was wrong with it."""
    chosen = VARIANTS[variant] if variant else Variant()
    journal = _Journal()
    with _production_logs_to(journal), chosen.applied():
        campaign = Campaign(seed, pieces=chosen.pieces, faults=chosen.faults, tracing=True)
        journal.world = campaign.world
        try:
            campaign.run()
        except Failure as failure:
            return campaign.world.trace, str(failure)
    return campaign.world.trace, None
