"""Faults under load, and what became of every visit: `./jitasa bench faults` plays the whole catalogue.

Speed is not the measure here: `seconds` given to the other benchmarks change nothing.
"""

from collections.abc import Callable, Sequence

from rich.console import Console
from rich.table import Table

from tests.bench.report import Figure
from tests.faults.cluster import ClusterStack
from tests.faults.play import PROCESSES, Outcome, Scenario, play
from tests.faults.scenarios import ON_CLUSTER, ON_PROXIES, ON_SMALL_DISK
from tests.faults.stacks import ProxiedStack, SmallDiskStack
from tests.runtime import AnyStack, running


async def run(_seconds: float, show: Callable[[Figure], None]) -> None:
    """Plays every scenario. Raises `SystemExit` when one did not end exact."""
    outcomes: list[Outcome] = []

    async def on(make: Callable[..., AnyStack], scenarios: Sequence[Scenario[AnyStack]]) -> None:
        with running(make, PROCESSES) as stack:
            told: set[str] = set()
            for scenario in scenarios:
                outcomes.append(await play(stack, told, scenario))
                show(_figure(outcomes[-1]))

    await on(ProxiedStack, ON_PROXIES)
    if SmallDiskStack.possible:
        await on(SmallDiskStack, ON_SMALL_DISK)
    else:
        print(
            "faults: left out, since only root can mount a small disk: " + ", ".join(one.name for one in ON_SMALL_DISK)
        )
    await on(ClusterStack, ON_CLUSTER)
    _show(outcomes)
    inexact = [outcome.scenario for outcome in outcomes if outcome.findings]
    if inexact:
        raise SystemExit(f"faults: not exact: {', '.join(inexact)}")


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
