"""Files of keys: one command at a time changes one, and nobody sees it half written."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import structlog

_log = structlog.get_logger(__name__)


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


class Followed:
    """A file that is read again when it was replaced."""

    def __init__(self, path: Path, unreadable: str) -> None:
        """unreadable: the line in the log when a new file cannot be taken. Raises `OSError`."""
        self._path = path
        self._unreadable = unreadable
        self._seen = _identity(path)

    def reload(self, take: Callable[[Path], None]) -> bool:
        """Have the file taken if it was replaced; True if so. What `take` refuses (`OSError`, `ValueError`) is logged,
        and tried again the next time."""
        try:
            seen = _identity(self._path)
            if seen == self._seen:
                return False
            take(self._path)
        except (OSError, ValueError) as error:
            _log.error(self._unreadable, error=type(error).__name__)
            return False
        self._seen = seen
        return True


def _identity(path: Path) -> tuple[int, int, int]:
    """What is another when the file was replaced."""
    found = path.stat()
    return found.st_ino, found.st_mtime_ns, found.st_size
