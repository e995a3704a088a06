"""The log files of the processes: bounded in size, and read back."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Iterable
from pathlib import Path

MAXIMUM_BYTES = 16 * 1024 * 1024
"""Per file, and one former file is kept: at most 320 MB for ten processes, and a day's ordinary lines fit in it."""
TAIL_LINES = 20
"""Enough to hold the cause of an end."""


def rotate(folder: Path, maximum: int = MAXIMUM_BYTES) -> None:
    """Move the content of every file that has grown too large to `NAME.log.1`.

    Copied and emptied rather than renamed, because the processes write into the open file themselves: so they go on
    logging even when nobody supervises them. What is written between the two steps, some lines at most, is lost.
    """
    for path in folder.glob("*.log"):
        if path.stat().st_size > maximum:
            shutil.copyfile(path, path.with_name(path.name + ".1"))
            with path.open("r+b") as file:
                file.truncate(0)


def tail(path: Path, lines: int = TAIL_LINES) -> str:
    """The last lines of a file; nothing when there is none."""
    try:
        with path.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - lines * 1024))
            return "\n".join(file.read().decode(errors="replace").splitlines()[-lines:])
    except FileNotFoundError:
        return ""


def follow(paths: Iterable[Path]) -> None:
    """Print what is appended to the files, until interrupted."""
    offsets = {path: path.stat().st_size if path.exists() else 0 for path in paths}
    several = len(offsets) > 1
    while True:
        for path, offset in offsets.items():
            size = path.stat().st_size if path.exists() else 0
            if size < offset:
                offset = 0  # rotated meanwhile
            if size > offset:
                with path.open("rb") as file:
                    file.seek(offset)
                    # Up to the last full line; the rest is being written.
                    text, newline, _ = file.read(size - offset).rpartition(b"\n")
                for line in text.decode(errors="replace").splitlines() if newline else ():
                    print(f"{path.stem}: {line}" if several else line)
                offset += len(text) + len(newline)
                sys.stdout.flush()
            offsets[path] = offset
        time.sleep(0.2)
