"""Holds the figures of a running stack to what they must be, figure by figure and area by area."""

import asyncio
from asyncio import sleep
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from random import Random
from time import monotonic
from typing import Any, Final

from rich.console import Console

from deploy.demo.display import Display
from deploy.demo.figures import Picture, Stack, only_reported
from deploy.demo.help import figures_of
from deploy.demo.plan import Plan
from deploy.demo.truth import LEVELS, Figures, Truth, added, rolled_up, tally
from deploy.trouble import Trouble
from shared.areas.register import named
from shared.contracts.events import FacilityStatus, Role

POLL_SECONDS: Final = 0.25
STANDSTILL_SECONDS: Final = 120.0
"""A killed recorder's partitions are taken over within 60 s, and a restarted Kafka or database comes on top of it."""
SETTLE_SECONDS: Final = 1.5
BEHIND_SECONDS: Final = 1.5
"""Reporting's answers may be 1.25 s behind, each by itself (docs/reporting-interface.md): one that counts the last
event says nothing of another."""
SAMPLE: Final = 200
SHOWN: Final = 20

_NOTHING: Final[Figures] = Counter()


@dataclass(frozen=True, slots=True)
class Difference:
    """A figure that is not what it must be. `where` says who shows it."""

    where: str
    area: str
    figure: str
    expected: object
    got: object

    def __str__(self) -> str:
        """One line, with the area's names."""
        return f"{self.where}: {named(self.area)}: {self.figure}: expected {self.expected}, got {self.got}"


async def settled(stack: Stack) -> Picture:
    """What is there before a run, once an earlier run's last records have arrived: what its owners count, and the
    figures that only reporting has."""
    before: Picture | None = None
    since = monotonic()
    while True:
        now = await stack.owned()
        if now == before and await stack.lag() == 0:
            break
        if monotonic() - since > STANDSTILL_SECONDS:
            raise Trouble(
                "The figures of this stack do not come to rest: something else is being recorded.\n"
                "Wait until it has ended, or play the demo on a stack of its own (JITASA_HOME, JITASA_PORT_BASE).",
                "ตัวเลขของระบบยังเปลี่ยนแปลงอยู่ มีการบันทึกอื่นกำลังดำเนินอยู่\n"
                "กรุณารอให้เสร็จ หรือใช้ชุดทดลองแยกต่างหาก (JITASA_HOME, JITASA_PORT_BASE)",
            )
        before = now
        await sleep(SETTLE_SECONDS if now else 0)
    await sleep(BEHIND_SECONDS if now else 0)
    return added(now, _select(await stack.reported(), only_reported))


def expectation(base: Picture, plan: Plan, truth: Truth) -> Picture:
    """What the figures must be after a run: what was there, and what the run has brought."""
    people = [(one.area, str(Role.VOLUNTEER), str(one.status)) for one in plan.volunteers]
    people += [(one.area, str(one.role), "approved") for one in plan.coordinators]
    places = [(str(p.body["area"]), str(p.body["kind"]), str(p.later or FacilityStatus.OPEN)) for p in plan.places]
    brought = [
        rolled_up(truth.figures),
        rolled_up(tally((code, f"people.{status}") for code, _, status in people)),
        rolled_up(tally((code, f"people.{role}.{status}") for code, role, status in people)),
        rolled_up(tally((code, f"places.{kind}.{status}") for code, kind, status in places)),
        rolled_up(figures_of(plan.calls)),
    ]
    expected = base
    for more in brought:
        expected = added(expected, more)
    return expected


async def follow(stack: Stack, expected: Figures, display: Display) -> None:
    """Wait until reporting has applied as many events as must come, and no answer is of before; returns, too, when
    nothing moves any more.

    expected: the country's figures. What is waited for is events, not figures: a wrong figure is not waited for.
    """
    with display.phase("waiting", expected["submissions"]) as phase:
        moved = monotonic()
        last: Figures | None = None
        while monotonic() - moved < STANDSTILL_SECONDS:
            now = (await stack.reported("country")).get("", _NOTHING)
            phase.at(now["submissions"])
            if all(now[name] == expected[name] for name in now.keys() | expected.keys() if _counts_events(name)):
                break
            if now != last:
                last, moved = now, monotonic()
            await sleep(POLL_SECONDS)
    await sleep(BEHIND_SECONDS)


async def compare(stack: Stack, expected: Picture, plan: Plan, truth: Truth, display: Display) -> list[Difference]:
    """Everything that differs: reporting's figures, the owners' figures, percentages, and what became of a sample."""
    outcomes = Random(plan.seed).sample(sorted(truth.outcomes.items()), min(SAMPLE, len(truth.outcomes)))
    with display.phase("comparing", 4) as phase:
        differences = differing("reporting", expected, await stack.reported())
        phase.advance()
        differences += differing("owning service", _select(expected, _owned), _select(await stack.owned(), _owned))
        phase.advance()
        for level in LEVELS:
            differences += _ratios(
                expected, plan, await stack.rows("progress", level), await stack.rows("coverage", level)
            )
        phase.advance()
        found = await asyncio.gather(*(stack.outcome(submission_id) for submission_id, _ in outcomes))
        differences += [
            Difference("survey", "", f"submission {submission_id}", outcome, became)
            for (submission_id, outcome), became in zip(outcomes, found, strict=True)
            if became != outcome
        ]
        phase.advance()
    return differences


def differing(where: str, expected: Picture, got: Picture) -> list[Difference]:
    """Each figure of each area that is not the same in both."""
    differences = []
    for code in sorted(expected.keys() | got.keys(), key=lambda code: (len(code), code)):
        wanted, found = expected.get(code, _NOTHING), got.get(code, _NOTHING)
        differences += [
            Difference(where, code, name, wanted[name], found[name])
            for name in sorted(wanted.keys() | found.keys())
            if wanted[name] != found[name]
        ]
    return differences


def show(console: Console, differences: Iterable[object]) -> None:
    """Print the first differences, and how many more there are."""
    lines = [str(difference) for difference in differences]
    for line in lines[:SHOWN]:
        console.print(f"  {line}", highlight=False, markup=False, soft_wrap=True)
    if len(lines) > SHOWN:
        console.print(f"  … and {len(lines) - SHOWN:,} more / และอีก {len(lines) - SHOWN:,} รายการ", highlight=False)


def _ratios(
    expected: Picture, plan: Plan, progress: list[dict[str, Any]], coverage: list[dict[str, Any]]
) -> list[Difference]:
    """Percentages: of the targets that this run has set, and numbers of persons with at least so many doses."""
    targets = rolled_up({code: Counter({"houses": houses}) for code, houses in plan.targets.items()})
    differences = []
    for row in progress:
        if row["area"] in targets:
            ratio, houses = row["households"], targets[row["area"]]["houses"]
            wanted = (expected.get(row["area"], _NOTHING)["households"], houses)
            found = (ratio["numerator"], ratio["denominator"])
            if found != wanted or abs((ratio["ratio"] or 0) - wanted[0] / houses) > 1e-9:
                differences.append(Difference("reporting", row["area"], "progress", wanted, found))
    for row in coverage:
        figures = expected.get(row["area"], _NOTHING)
        at_least = 0
        for name, figure in (("three_doses", "dose_3"), ("two_doses", "dose_2"), ("one_dose", "dose_1")):
            at_least += figures[figure]
            if row[name]["numerator"] != at_least:
                differences.append(Difference("reporting", row["area"], name, at_least, row[name]["numerator"]))
    return differences


def _counts_events(name: str) -> bool:
    return name == "submissions" or name.startswith(("people.", "places.", "help."))


def _owned(name: str) -> bool:
    return not only_reported(name)


def _select(picture: Picture, wanted: Callable[[str], bool]) -> Picture:
    return {
        code: Counter({name: value for name, value in figures.items() if wanted(name)})
        for code, figures in picture.items()
    }
