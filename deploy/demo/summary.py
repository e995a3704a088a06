"""What the demo prints at its end: the national picture, what was sent, and the verdict."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from rich.console import Console
from rich.table import Table

from deploy.demo.client import Traffic
from deploy.demo.comparison import Difference, show
from deploy.demo.figures import Picture
from deploy.demo.months import ClosedMonth
from deploy.demo.plan import Plan
from deploy.demo.player import Played
from deploy.demo.truth import Figures, Truth, rolled_up
from deploy.local.addresses import Addresses
from shared.areas.register import provinces

BAR: Final = 16
"""Characters of a full bar."""


def national_picture(console: Console, plan: Plan, figures: Picture) -> None:
    """Print a row per province, with a bar of its progress, and the country's sum."""
    targets = rolled_up({code: Counter({"houses": houses}) for code, houses in plan.targets.items()})
    table = Table(title="ภาพรวมทั้งประเทศ / The national picture", title_justify="left", pad_edge=False)
    for heading in ("จังหวัด / province", "ครัวเรือน", "เป้าหมาย", "ความคืบหน้า / progress", "คน", "≥1 เข็ม", "ต้องการ", "608"):
        table.add_column(heading, justify="left" if "/" in heading else "right", no_wrap=True)
    for province in provinces():
        name = f"{province.name_th} {province.name_en}"
        table.add_row(name, *_cells(figures.get(province.code, Counter()), targets[province.code]["houses"]))
    table.add_section()
    table.add_row("ทั้งประเทศ The country", *_cells(figures.get("", Counter()), targets[""]["houses"]))
    console.print(table)
    console.print(
        "ครัวเรือน households · เป้าหมาย target · คน persons · ≥1 เข็ม at least one dose · ต้องการ want vaccine · "
        "608 at risk among them. Targets are made up.\n",
        highlight=False,
    )


def _cells(figures: Figures, target: int) -> list[str]:
    progress = figures["households"] / target if target else 0.0
    bar = "█" * min(BAR, round(progress * BAR)) + "░" * (BAR - min(BAR, round(progress * BAR)))
    persons = figures["persons"]
    dosed = persons - figures["dose_0"]
    return [
        f"{figures['households']:,}",
        f"{target:,}",
        f"{bar} {progress:4.0%}",
        f"{persons:,}",
        f"{dosed / persons:.0%}" if persons else "-",
        f"{figures['wanting']:,}",
        f"{figures['wanting_608']:,}",
    ]


def account(console: Console, plan: Plan, played: Played, truth: Truth, traffic: Traffic) -> None:
    """Print what was sent and what became of it."""
    outcomes = Counter(truth.outcomes.values())
    country = rolled_up(truth.figures).get("", Counter())
    flags = {name.removeprefix("flags."): number for name, number in country.items() if name.startswith("flags.")}
    lines = (
        (
            "ส่ง / sent",
            played.sent,
            f"in {traffic.requests:,} requests of all kinds, {traffic.repeated:,} of them again",
        ),
        ("รับแล้ว / accepted (202)", played.accepted, ""),
        ("บันทึก / recorded", outcomes["recorded"], ""),
        ("มีข้อมูลใหม่กว่าแล้ว / superseded", outcomes["superseded"], ""),
        ("ผิดสังเกต / flagged", sum(flags.values()), ", ".join(f"{n} {flag}" for flag, n in sorted(flags.items()))),
        ("ส่งซ้ำ / duplicates", truth.repeated, "count once"),
        (
            "ปฏิเสธ / refused",
            played.refused.total(),
            ", ".join(f"{n} {code}" for code, n in sorted(played.refused.items())),
        ),
        ("จังหวัดที่ยังไม่มีผล / provinces without results", len(plan.quiet_provinces), ""),
    )
    for name, number, remark in lines:
        console.print(f"{name:<52}{number:>10,}  {remark}".rstrip(), highlight=False, soft_wrap=True)


def closed_month(console: Console, closed: ClosedMonth) -> None:
    """Print which month is closed, and by what its rows are known again."""
    state = (
        "ปิดแล้ว / closed"
        if closed.revision == 1
        else f"แก้ไขฉบับที่ {closed.revision} / corrected, revision {closed.revision}"
    )
    line = f"เดือน {closed.month} {state}"
    console.print(
        f"{line:<52}{closed.households:>10,}  households, SHA-256 {closed.hash[:16]}…", highlight=False, soft_wrap=True
    )


def verdict(console: Console, surprises: Sequence[str], differences: Sequence[Difference], figures: int) -> int:
    """Print whether everything is exact, and what is not. The exit code: 0 or 1."""
    if not surprises and not differences:
        console.print(
            f"\n[bold green]ทุกตัวเลขถูกต้องตรงกัน ({figures:,} ตัวเลข) / every figure exact ({figures:,} figures)[/]",
            highlight=False,
        )
        return 0
    if surprises:
        console.print(
            f"\n[bold red]คำตอบไม่ตรงกับที่คาดไว้ {len(surprises):,} รายการ / "
            f"{len(surprises):,} answers are not as expected:[/]",
            highlight=False,
        )
        show(console, surprises)
    if differences:
        console.print(
            f"\n[bold red]ตัวเลขไม่ตรงกัน {len(differences):,} ตัวเลข / {len(differences):,} figures differ:[/]",
            highlight=False,
        )
        show(console, differences)
    return 1


def addresses_to_open(console: Console, addresses: Addresses) -> None:
    """Print where to look."""
    console.print(
        f"\nแผนที่สด / live map          {addresses.reporting}/  (จอใหญ่ / wall screen: {addresses.reporting}/?wall=on)\n"
        f"ผลงานรายเดือน / performance   {addresses.reporting}/performance\n"
        f"ติดตามพื้นที่ไม่มีผล / monitor   {addresses.registration}/monitor\n"
        f"ความเชื่อถือได้ / trust         {addresses.reporting}/trust\n"
        f"เอกสารอินเทอร์เฟซ / interfaces  {addresses.registration}/docs  {addresses.survey}/docs  "
        f"{addresses.facilities}/docs  {addresses.reporting}/docs",
        highlight=False,
        soft_wrap=True,
    )
