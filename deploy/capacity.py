"""`./jitasa capacity`: what a campaign needs of machines, reckoned from what was measured (docs/capacity.md).

Everything is in households, seconds and bytes. What is measured says where; what is assumed says so.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Final

from shared.contracts.topics import SURVEY_INTAKE


@dataclass(frozen=True)
class Figure:
    """One number and where it comes from."""

    value: float
    unit: str
    source: str


CPU: Final = {
    "survey http": Figure(32, "us a household", "performance.md, end to end, batches of 50 at 15,000/s"),
    "recorder": Figure(24, "us a household", "the same"),
    "projector": Figure(17, "us a household", "the same"),
    "lister": Figure(72, "us a household", "reach.md, 0.8 persons to reach each; PostgreSQL's part among it"),
    "PostgreSQL": Figure(28, "us a household", "the same"),
    "Kafka": Figure(14, "us a household", "the same, one copy"),
}
"""Processor time, the higher of the measured values."""
RECORDER_RATE: Final = Figure(26_100, "households/s", "performance.md, recorder alone, the lower value")
INTAKE_BYTES: Final = Figure(900, "bytes a household", "performance.md, 653 sealed; assumed: hints and frame")
EVENT_BYTES: Final = Figure(92, "bytes an event", "performance.md, packed by zstd")
STORED_BYTES: Final = Figure(
    1_600, "bytes a household", "operations.md, bench growth: 8 GB for 5 million, log and indexes"
)
MEMORY: Final = Figure(1.3, "GB", "performance.md, Memory, under load")
INTAKE_DAYS: Final = 7
"""For which `survey-intake` keeps its records."""
BUSIEST_SHARE: Final = 0.3
"""Of a day's households, in its busiest hour. Assumed: the evening, when phones come back to a net."""
USED: Final = 0.5
"""Of a processor at the busiest hour: the other half is for what comes unevenly, and for a machine that is lost."""
SPARE_DISK: Final = 2.0
COPIES: Final = 3
"""Of each record in Kafka on more than one machine: one may be lost while another is mended."""
COUNTRY: Final = 28_000_000
PLACES: Final = {"province": 350_000, "region": 5_000_000, "country": COUNTRY}
"""Households; a province of the middle size, the largest region, and all (docs/capacity.md)."""


@dataclass(frozen=True)
class Needs:
    """What a campaign needs. rate: households a second in the busiest hour; processors by process; disks in bytes."""

    rate: float
    processors: dict[str, float]
    recorders: int
    partitions: int
    brokers: int
    kafka_disk: float
    postgres_disk: float
    memory_gb: float

    @property
    def all_processors(self) -> int:
        """Whole ones, of all machines together; two are the least that was ever measured."""
        return max(2, ceil(sum(self.processors.values())))


def needs(households: int, days: float, hours: float) -> Needs:
    """What it takes to survey `households` in `days`, of `hours` each in which people visit. Raises ValueError for
    what is no campaign."""
    if households < 1 or days <= 0 or not 0 < hours <= 24:
        raise ValueError("a campaign has households, days, and up to 24 hours a day")
    a_day = households / days
    rate = max(a_day * BUSIEST_SHARE, a_day / hours) / 3600
    brokers = COPIES if households > PLACES["province"] else 1
    copies = min(brokers, COPIES)
    processors = {
        name: rate * figure.value / 1e6 / USED * (copies if name == "Kafka" else 1) for name, figure in CPU.items()
    }
    kept = min(days, INTAKE_DAYS) * a_day * INTAKE_BYTES.value + households * EVENT_BYTES.value
    return Needs(
        rate=rate,
        processors=processors,
        recorders=max(1, ceil(rate / (RECORDER_RATE.value * USED))),
        partitions=SURVEY_INTAKE.partitions,
        brokers=brokers,
        kafka_disk=kept * copies * SPARE_DISK,
        postgres_disk=households * STORED_BYTES.value * SPARE_DISK,
        memory_gb=MEMORY.value + (brokers - 1) * 0.5,
    )


CURVE: Final = (
    *(0.0,) * 6,
    *(0.01, 0.03, 0.06, 0.08, 0.08, 0.05, 0.03, 0.05, 0.07, 0.08, 0.06, 0.05, 0.30, 0.03, 0.02),
    *(0.0,) * 3,
)
"""Of a day's households by hour, midnight first. Assumed, as `BUSIEST_SHARE`; the sum is 1."""
LAG_A_RECORDER: Final = 60.0
"""Seconds of its own work for which one recorder waits before another is started beside it."""
CALM_MINUTES: Final = 10
"""Without lag, before one is stopped again."""


@dataclass(frozen=True)
class Minute:
    """How it stands at the end of a minute: households that came in it, that wait, and who works at them."""

    number: int
    came: float
    lag: float
    recorders: int

    @property
    def drain(self) -> float:
        """Seconds until nothing waits, if no more came."""
        return self.lag / (self.recorders * RECORDER_RATE.value * USED)


def surge(households: int, days: int, *, most: int, away: range = range(0), scales: bool = True) -> Iterator[Minute]:
    """A campaign minute by minute. away: minutes in which the database is; most: recorders, as many as partitions at
    the most; scales: whether others are started when households wait."""
    recorders, lag, calm = (1 if scales else most), 0.0, 0
    one = RECORDER_RATE.value * USED * 60
    for number in range(days * 24 * 60):
        came = households / days * CURVE[number // 60 % 24] / 60
        lag = max(0.0, lag + came - (0.0 if number in away else recorders * one))
        calm = calm + 1 if lag == 0 else 0
        if scales and lag > recorders * one * LAG_A_RECORDER / 60:
            recorders = min(most, SURVEY_INTAKE.partitions, recorders + 1)
        elif scales and calm >= CALM_MINUTES and recorders > 1:
            recorders, calm = recorders - 1, 0
        yield Minute(number, came, lag, recorders)


def table(named: Sequence[tuple[str, Needs]]) -> str:
    """The answer as a table of Markdown."""
    rows = [
        "| | busiest hour | processors | recorders of partitions | brokers | memory | disk of Kafka | of PostgreSQL |",
        "|---|---|---|---|---|---|---|---|",
    ]
    rows += [
        f"| {name} | {each.rate:,.0f}/s | {each.all_processors} ({sum(each.processors.values()):.1f}) "
        f"| {each.recorders} of {each.partitions} | {each.brokers} | {each.memory_gb:.1f} GB "
        f"| {each.kafka_disk / 1e9:,.0f} GB | {each.postgres_disk / 1e9:,.0f} GB |"
        for name, each in named
    ]
    return "\n".join(rows)


def main(arguments: list[str]) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="jitasa capacity", description="What a campaign needs of machines.")
    parser.add_argument("--households", type=int, help="by default a province, a region and the country")
    parser.add_argument("--days", type=float, default=7.0, help="in which all are surveyed (7)")
    parser.add_argument("--hours", type=float, default=10.0, help="of a day in which people visit (10)")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="also draw the country's surge, as SVG")
    chosen = parser.parse_args(arguments)
    asked = {f"{chosen.households:,} households": chosen.households} if chosen.households is not None else PLACES
    try:
        print(table([(name, needs(number, chosen.days, chosen.hours)) for name, number in asked.items()]))
    except ValueError as error:
        parser.error(str(error))
    if chosen.picture is not None:
        from deploy.surge_picture import drawn

        chosen.picture.write_text(drawn(COUNTRY))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
