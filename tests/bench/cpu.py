"""Processor time and memory by program, those of PostgreSQL's many processes added up."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

import psutil

from deploy.local.stack import Stack


@dataclass(frozen=True, slots=True)
class Usage:
    """Processor seconds and bytes in memory of one program.

    Resident is all that it sees: what several processes share, such as the code of libraries and PostgreSQL's buffers,
    is in it once for each of them. Proportional divides that among all who share it, so that the sum over all programs
    is what the machine gives (`Pss` in the kernel's smaps).
    """

    seconds: float
    resident: int
    proportional: int


def usage(stack: Stack) -> dict[str, Usage]:
    """By program of the stack, what it has used since its start; without those that end just now."""
    used = {}
    for name, keeper in stack.supervisor.keepers.items():
        with suppress(psutil.NoSuchProcess, ProcessLookupError):
            used[name] = _usage(psutil.Process(keeper.pid))
    return used


def _usage(process: psutil.Process) -> Usage:
    seconds, resident, proportional = 0.0, 0, 0
    for member in [process, *process.children(recursive=True)]:
        with suppress(psutil.NoSuchProcess):
            times, memory = member.cpu_times(), member.memory_full_info()
            seconds += times.user + times.system
            resident += memory.rss
            proportional += memory.pss
    # Sessions of PostgreSQL that have ended are in its own account of its children.
    own = process.cpu_times()
    seconds += getattr(own, "children_user", 0.0) + getattr(own, "children_system", 0.0)
    return Usage(seconds, resident, proportional)


def memory(used: Mapping[str, Usage]) -> dict[str, str]:
    """What is shown of the memory of everything: what the machine gives, and by program, in MB."""
    proportional = sum(each.proportional for each in used.values()) >> 20
    resident = sum(each.resident for each in used.values()) >> 20
    return {
        "memory": f"{proportional:,} MB proportional, {resident:,} MB resident",
        "of these": ", ".join(
            f"{name} {each.proportional >> 20} and {each.resident >> 20}" for name, each in used.items()
        ),
    }


def microseconds(before: Mapping[str, Usage], after: Mapping[str, Usage], records: int) -> dict[str, float]:
    """Processor time by program between two readings, per record."""
    return {
        name: (after[name].seconds - before[name].seconds) * 1e6 / max(1, records) for name in after if name in before
    }
