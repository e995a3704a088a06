"""Faults under load, and what became of every visit: `./jitasa bench faults` plays the whole catalogue.

Speed is not the measure here: `seconds` given to the other benchmarks change nothing.
"""

import traceback
from collections.abc import Callable, Sequence

from rich.console import Console
from rich.table import Table

from deploy.local.home import Home
from tests.bench.report import Figure
from tests.faults.cluster import ClusterStack
from tests.faults.play import PROCESSES, Outcome, Scenario, play
from tests.faults.scenarios import ON_CLUSTER, ON_PROXIES, ON_SMALL_DISK
from tests.faults.stacks import ProxiedStack, SmallDiskStack
from tests.runtime import AnyStack, running


async def run(_seconds: float, show: Callable[[Figure], None]) -> None:
    """Plays every scenario. Raises `SystemExit` when one did not end exact."""
    small_disk = SmallDiskStack.possible()
    outcomes = [
        *await _on(ProxiedStack, ON_PROXIES, show),
        *(await _on(SmallDiskStack, ON_SMALL_DISK, show) if small_disk else []),
        *await _on(ClusterStack, ON_CLUSTER, show),
    ]
    _show(outcomes)
    if not small_disk:
        print("Left out, since no small disk can be mounted here: " + ", ".join(one.name for one in ON_SMALL_DISK))
    inexact = [outcome.scenario for outcome in outcomes if outcome.findings]
    if inexact:
        raise SystemExit(f"Not exact: {', '.join(inexact)}")


async def _on(
    make: Callable[[Home, int], AnyStack], scenarios: Sequence[Scenario[AnyStack]], show: Callable[[Figure], None]
) -> list[Outcome]:
    """Plays the scenarios on one stack, and on another one after each that did not end exact."""
    outcomes: list[Outcome] = []
    while len(outcomes) < len(scenarios):
        with running(make, PROCESSES) as stack:
            told: set[str] = set()
            for scenario in scenarios[len(outcomes) :]:
                outcomes.append(await _played(stack, told, scenario))
                show(_figure(outcomes[-1]))
                if outcomes[-1].findings:
                    break
    return outcomes


async def _played(stack: AnyStack, told: set[str], scenario: Scenario[AnyStack]) -> Outcome:
    try:
        return await play(stack, told, scenario)
    except Exception as error:
        # The fault was not felt, or the stack did not come back: the others are to be played all the same.
        findings = ["".join(traceback.format_exception(error))]
        return Outcome(
            scenario.name, offered=0, accepted=0, recorded=0, counted=0, told={}, seconds=0.0, findings=findings
        )


def _figure(outcome: Outcome) -> Figure:
    return Figure(
        "faults",
        outcome.scenario,
        outcome.seconds,
        "s until exact again",
        notes={
            "offered": outcome.offered,
            "accepted": outcome.accepted,
            "recorded": outcome.recorded,
            "counted": outcome.counted,
            "told": outcome.told,
            "findings": outcome.findings,
        },
    )


def _show(outcomes: Sequence[Outcome]) -> None:
    table = Table("scenario", "told", "exact")
    for name in ("offered", "accepted", "recorded", "counted", "s until exact"):
        table.add_column(name, justify="right")
    for one in outcomes:
        told = ", ".join(f"{status}: {number:,}" for status, number in one.told.items())
        counts = (one.offered, one.accepted, one.recorded, one.counted)
        table.add_row(
            one.scenario, told, "no" if one.findings else "yes", *(f"{n:,}" for n in counts), f"{one.seconds:.1f}"
        )
    Console(width=160).print(table)
