"""What the person at the keyboard sees while the demo runs: a line per phase, with its rate."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

LINE_SECONDS: Final = 5.0
"""Where the output is no terminal, a long phase shows a line at most this often."""

TITLES: Final = {
    "plan": "วางแผนการสำรวจ / planning",
    "base": "อ่านตัวเลขเดิม / reading what is there",
    "organisations": "หน่วยงาน / organisations",
    "coordinators": "ผู้ประสานงาน / coordinators",
    "volunteers": "อาสาสมัคร / volunteers",
    "approvals": "อนุมัติ / approvals",
    "sign-ins": "เข้าสู่ระบบ / sign-ins",
    "targets": "เป้าหมาย / targets",
    "places": "สถานที่ / places",
    "visits: first": "เยี่ยมบ้าน / first visits",
    "visits: second": "เยี่ยมซ้ำ แก้ไข ส่งช้า / revisits, corrections, late ones",
    "visits: third": "ส่งซ้ำ / sent again",
    "help": "ขอความช่วยเหลือ / requests for help",
    "suspensions": "ระงับ / suspensions",
    "waiting": "รอตัวเลขสด / following the live figures",
    "comparing": "ตรวจทุกตัวเลข / comparing every figure",
    "months": "ปิดเดือน / closing the month before",
}


class Phase:
    """One phase that runs."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.done = 0
        self.started = time.monotonic()

    def advance(self, steps: int = 1) -> None:
        """So many steps more are done."""
        self.at(self.done + steps)

    def at(self, done: int) -> None:
        """So many steps are done in all."""
        self.done = done
        self.show()

    def show(self) -> None:
        """Show how far it is."""

    @property
    def rate(self) -> str:
        """Steps a second, where that says something."""
        seconds = time.monotonic() - self.started
        return f"{self.done / seconds:,.0f}/s" if seconds > 0.2 and self.done > 1 else ""


class _PlainPhase(Phase):
    def __init__(self, title: str, total: int, console: Console) -> None:
        super().__init__(total)
        self._title = title
        self._console = console
        self._shown = self.started

    def show(self) -> None:
        if time.monotonic() - self._shown >= LINE_SECONDS and self.done < self.total:
            self._shown = time.monotonic()
            self._line(f"{self.done:,} of {self.total:,} {self.rate}")

    def finish(self) -> None:
        """Show the line that stays."""
        self._line(f"{self.done:,} in {time.monotonic() - self.started:.1f} s {self.rate}")

    def _line(self, text: str) -> None:
        self._console.print(f"{self._title}: {text}".rstrip(), highlight=False, soft_wrap=True)


class _BarPhase(Phase):
    def __init__(self, total: int, progress: Progress, task: TaskID) -> None:
        super().__init__(total)
        self._progress = progress
        self._task = task

    def show(self) -> None:
        self._progress.update(self._task, completed=self.done, total=self.total, rate=self.rate)


class Display:
    """Shows phases on a terminal as bars, elsewhere as plain lines."""

    def __init__(self, console: Console) -> None:
        self._console = console

    @contextmanager
    def phase(self, name: str, total: int) -> Iterator[Phase]:
        """Show one phase of so many steps while it runs."""
        title = TITLES[name]
        if not self._console.is_terminal:
            plain = _PlainPhase(title, total, self._console)
            yield plain
            plain.finish()
            return
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=self._console) as progress:
            yield _BarPhase(total, progress, progress.add_task(title, total=total, rate=""))
