"""Processor time and memory by process, those of PostgreSQL's many processes added up."""

from collections.abc import Mapping
from dataclasses import dataclass

import psutil

from deploy.local.stack import Stack


@dataclass(frozen=True, slots=True)
class Usage:
    """Processor seconds and resident bytes of one program."""

    seconds: float
    bytes: int


def usage(stack: Stack) -> dict[str, Usage]:
    """By program of the stack, what it has used since its start. Memory of PostgreSQL is proportional (shared once)."""
    used = {}
    for name, keeper in stack.supervisor.keepers.items():
        try:
            process = psutil.Process(keeper.pid)
        except (psutil.NoSuchProcess, ProcessLookupError):
            continue
        family = [process, *process.children(recursive=True)]
        seconds = 0.0
        memory = 0
        for member in family:
            try:
                times = member.cpu_times()
                seconds += times.user + times.system
                memory += member.memory_full_info().pss if len(family) > 1 else member.memory_info().rss
            except psutil.NoSuchProcess:
                continue
        # Sessions of PostgreSQL that have ended are in its own account of its children.
        own = process.cpu_times()
        seconds += getattr(own, "children_user", 0.0) + getattr(own, "children_system", 0.0)
        used[name] = Usage(seconds, memory)
    return used


def microseconds(before: Mapping[str, Usage], after: Mapping[str, Usage], records: int) -> dict[str, float]:
    """Processor time by program between two readings, per record."""
    return {
        name: (after[name].seconds - before[name].seconds) * 1e6 / max(1, records) for name in after if name in before
    }
