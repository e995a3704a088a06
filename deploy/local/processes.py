"""Processes by identity: a pid alone may since belong to somebody else's process."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass

import psutil

STACK_VARIABLE = "JITASA_STACK"
"""Every process of a stack carries its home in this variable."""
_CLOCK_S = 2.0
"""A start time is counted from the boot, whose own time moves a little when the clock is set."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A pid and when its process started, in seconds since 1970."""

    pid: int
    started: float

    @classmethod
    def of(cls, pid: int) -> Identity:
        """Raises `psutil.NoSuchProcess`."""
        return cls(pid, psutil.Process(pid).create_time())

    def find(self) -> psutil.Process | None:
        """The process, if it still is the same and no zombie."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.started) <= _CLOCK_S
            return process if same and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.Error:
            return None

    def alive(self) -> bool:
        """Whether the process still runs."""
        return self.find() is not None


def of_stack(home: str) -> list[Identity]:
    """The processes that carry the home in their environment."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):  # ended meanwhile, or another user's
            if process.environ().get(STACK_VARIABLE) == home:
                found.append(Identity(process.pid, process.create_time()))
    return found


def end(identities: Iterable[Identity], *, patience: float = 10.0) -> int:
    """Ask the processes to end, and kill what has not after `patience` seconds. Returns how many were there."""
    processes = [process for identity in identities if (process := identity.find())]
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.terminate()
    _, stubborn = psutil.wait_procs(processes, timeout=patience)
    for process in stubborn:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(stubborn, timeout=patience)
    return len(processes)
