"""Shows which step of how many runs, and how far it is; standard library only, as set-up needs it first."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

PLAIN_SECONDS = 5.0
"""Where the output is no terminal, a line at most this often: enough to see life in a log, not enough to fill it."""
TERMINAL_SECONDS = 0.1


class Step:
    """One step that runs; `update` redraws its line."""

    def __init__(self, title: str, stream: TextIO) -> None:
        self._title = title
        self._stream = stream
        self._terminal = stream.isatty()
        self._shown_at = time.monotonic()
        self._started = time.monotonic()

    def update(self, how_far: str) -> None:
        """Say how far the step is, for example `12 of 46 files, 18 MB`."""
        now = time.monotonic()
        if now - self._shown_at < (TERMINAL_SECONDS if self._terminal else PLAIN_SECONDS):
            return
        self._shown_at = now
        self._write(how_far, last=False)

    def keep(self, text: str) -> None:
        """Say something that stays to be read, for example what was chosen."""
        self._write(text, last=True)

    def finish(self) -> None:
        """Leave the line with the time the step took."""
        self._write(f"done in {time.monotonic() - self._started:.1f} s", last=True)

    def _write(self, text: str, *, last: bool) -> None:
        if self._terminal:
            # Back to the line's beginning, and erase what a longer text before left behind.
            self._stream.write(f"\r\x1b[K{self._title}: {text}" + ("\n" if last else ""))
        else:
            self._stream.write(f"{self._title}: {text}\n")
        self._stream.flush()


class Progress:
    """Counts the steps."""

    def __init__(self, total: int, *, done: int = 0, stream: TextIO | None = None) -> None:
        self._total = total
        self._done = done
        self._stream = stream or sys.stderr

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        """Announce the next step; its end is shown only when it ends without an exception."""
        self._done += 1
        numbered = f"[{self._done}/{self._total}] {title}"
        if self._stream.isatty():
            self._stream.write(f"\r\x1b[K{numbered}")
        else:
            self._stream.write(f"{numbered}\n")
        self._stream.flush()
        step = Step(numbered, self._stream)
        try:
            yield step
        except BaseException:
            self._stream.write("\n" if self._stream.isatty() else "")
            raise
        step.finish()
