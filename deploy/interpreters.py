"""Finds the Python on the PATH whose build runs fastest, and makes the virtual environment from it.

Builds of one version differ by a quarter: with or without profile-guided optimisation, as a shared library or not.
Nothing that a Python says of itself tells them apart, so each works for a moment, and the times are compared.
This file is also the program that they run for that: standard library only, and nothing else of ours.
"""

from __future__ import annotations

import importlib
import json
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from operator import attrgetter
from pathlib import Path

RUNNING: str = sys._base_executable  # type: ignore[attr-defined]
"""The Python that runs this; where that is a virtual environment, the one below it."""

FASTER = 0.9
"""Another Python is chosen when it needs at most this share of the running one's time: noise must not decide."""
MOST_CANDIDATES = 8
"""How many are asked besides the running one: the first on the PATH, of which few machines have as many."""
ASKING_SECONDS = 20.0
"""How long one may take to answer. It works for 0.1 s; a script that goes looking for it may take as long again, and a
disk that is read for the first time since the machine began many times as long: whoever is late is not asked again."""
MAKING_SECONDS = 120.0
"""How long an environment may take to be made, in each of two steps: seconds, on a slow disk half a minute."""
TURNS = 3
"""How often each is asked, one after the other: what else the machine does would otherwise hit one of them alone."""
ROUNDS = 5
"""How often it works each time; the least time of all counts."""
NEEDED_MODULES = ("bz2", "ctypes", "lzma", "sqlite3", "ssl", "venv", "zlib")
"""What our packages need of the standard library, and a Python built without some C library lacks."""


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python, outside of any virtual environment."""

    executable: str
    version: str
    seconds: float
    """Processor time of the work that is compared."""

    def __str__(self) -> str:
        return f"Python {self.version}, {self.executable}"


_SECONDS = attrgetter("seconds")


def kind() -> str:
    """What compiled packages are made for: implementation, version X.Y, threads, system and processor."""
    return f"{sysconfig.get_config_var('SOABI')} on {platform.machine()}"


def faster() -> Interpreter | None:
    """The fastest Python on the PATH of the running one's kind; None when no other is clearly faster than that."""
    programs = [*islice(_candidates(), MOST_CANDIDATES), RUNNING]
    found: dict[str, Interpreter] = {}  # by file: a version manager's scripts lead to the same one several times
    for _ in range(TURNS):
        for answer in filter(None, map(ask, programs)):
            file = os.path.realpath(answer.executable)
            found[file] = min(found.get(file, answer), answer, key=_SECONDS)
        programs = [python.executable for python in found.values()]
    running = found.get(os.path.realpath(RUNNING))
    if running is None:
        return None
    fastest = min(found.values(), key=_SECONDS)
    return fastest if fastest.seconds <= FASTER * running.seconds else None


def named(name: str) -> Interpreter | None:
    """The Python of this path, or of this name on the PATH; None when it is missing or of no use."""
    path = shutil.which(name)
    return None if path is None else ask(path)


def ask(path: str) -> Interpreter | None:
    """What the Python says of itself; None when it does not run, is of another kind, or lacks something."""
    try:
        done = subprocess.run(
            [path, "-I", "-S", __file__, kind()],
            env=_variables(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=ASKING_SECONDS,
            check=True,
        )
        return Interpreter(**json.loads(done.stdout))
    except (OSError, subprocess.SubprocessError, ValueError, TypeError):
        return None


def make_environment(folder: Path, python: Interpreter) -> None:
    """Make the virtual environment from `python`, with the pip that the running one carries: it may have none.

    Raises OSError, subprocess.CalledProcessError or subprocess.TimeoutExpired.
    """
    wheel = _pip_wheel()
    offline = ("--isolated", "--no-index", "--disable-pip-version-check")
    for command in (
        [python.executable, "-I", "-m", "venv", "--clear", "--without-pip", str(folder)],
        # A wheel is a zip archive, from which Python can run pip itself.
        [str(folder / "bin" / "python"), "-I", str(wheel / "pip"), "install", *offline, str(wheel)],
    ):
        subprocess.run(
            command,
            env=_variables(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=MAKING_SECONDS,
            check=True,
        )


def _variables() -> dict[str, str]:
    """What the services are started with: one that runs only with the user's LD_LIBRARY_PATH must not be chosen."""
    return {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}


def _candidates() -> Iterator[str]:
    """Programs on the PATH that may be another Python of this version, each file once."""
    seen = {os.path.realpath(RUNNING)}
    for folder in filter(os.path.isabs, os.get_exec_path()):  # nothing from where the user happens to stand
        for name in ("python3", f"python3.{sys.version_info.minor}"):
            path = shutil.which(name, path=folder)
            if path is not None and (file := os.path.realpath(path)) not in seen:
                seen.add(file)
                yield path


def _pip_wheel() -> Path:
    """The wheel that ensurepip would install: systems keep it in a folder of their own, Python in ensurepip's."""
    import ensurepip  # here: a candidate may have none

    folders = (sysconfig.get_config_var("WHEEL_PKG_DIR"), Path(ensurepip.__file__).parent / "_bundled")
    for folder in filter(None, folders):
        for wheel in Path(folder).glob("pip-*.whl"):
            return wheel
    raise FileNotFoundError("ensurepip comes without pip")


class _Door:
    def __init__(self, village: str, persons: int) -> None:
        self.village = village
        self.persons = persons

    def wanting(self) -> int:
        return self.persons & 3


def _count(door: _Door, counts: dict[tuple[str, int], int]) -> str:
    key = (door.village, door.persons & 7)
    counts[key] = counts.get(key, 0) + door.wanting()
    return f"{door.village}:{counts[key]}"


def _work() -> None:
    """What services do most: calls, attributes, tuples, dictionaries, short texts. Some 10 ms."""
    counts: dict[tuple[str, int], int] = {}
    for number in range(20_000):
        _count(_Door("100101", number), counts).split(":")


def _seconds() -> float:
    began = time.process_time()
    _work()
    return time.process_time() - began


def _answer() -> Interpreter:
    for module in NEEDED_MODULES:
        importlib.import_module(module)
    return Interpreter(RUNNING, platform.python_version(), min(_seconds() for _ in range(ROUNDS)))


if __name__ == "__main__":
    if sys.argv[1:] != [kind()]:
        sys.exit(f"another kind of Python: {kind()}")
    print(json.dumps(asdict(_answer())))
