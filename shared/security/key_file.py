"""Files of keys: one command at a time changes one, and nobody sees it half written."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Let one command at a time change the file. The file itself is replaced, so its folder is what is locked."""
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def replace(path: Path, text: str) -> None:
    """Replace a file of mode 0600 by one that nobody sees half written, with its owner, maybe the service's."""
    before = path.stat()
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    with suppress(FileNotFoundError):
        unfinished.unlink()
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        if before.st_uid != os.getuid():
            os.fchown(file.fileno(), before.st_uid, before.st_gid)
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)


def identity(path: Path) -> tuple[int, int, int]:
    """What is another when the file was replaced. Raises `OSError`."""
    found = path.stat()
    return found.st_ino, found.st_mtime_ns, found.st_size
