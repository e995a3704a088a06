"""Backups of a stack's database, and of its keys in another place: `./jitasa backup` and `./jitasa restore`.

In the folder of backups each has one of its own, named by when it began:

    20220205T080000Z/base   the whole server as of one moment, with PostgreSQL's manifest of every file's SHA-256
    20220205T080000Z/wal    with `--follow`: every change since, as it is made, so that any moment can be come back to

and in the folder of keys, mode 0700 with files of 0600:

    20220205T080000Z        passwords, sealing keys, signing keys, the certificate authority, and issuers.json

Either alone is of no use to a thief: personal data in the database is sealed, and keys open nothing without it. Kafka
is in neither: its public topics are published again from the databases.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Final

import asyncpg

from deploy.local.home import Home
from deploy.local.postgres import Postgres
from deploy.local.secrets import POSTGRES_SUPERUSER, write_private
from deploy.local.tools import Tools
from deploy.trouble import Trouble
from shared.postgres.pool import UNREACHABLE

SLOT: Final = "jitasa_backup"
"""The server keeps what this reader has not yet, up to `max_slot_wal_keep_size`."""
_NAME: Final = "%Y%m%dT%H%M%SZ"
_IS_NAME: Final = re.compile(r"\d{8}T\d{6}Z")
_UNFINISHED: Final = ".unfinished"
_SHOWN: Final = 2000
_RECEIVING_S: Final = 10.0
_KEPT: Final = "SELECT coalesce(wal_status, 'reserved') FROM pg_replication_slots WHERE slot_name = $1"
"""Null before the follower has come for the first time."""


@dataclass(frozen=True, slots=True)
class Backup:
    """One complete backup."""

    folder: Path

    @property
    def base(self) -> Path:
        """The server's files."""
        return self.folder / "base"

    @property
    def wal(self) -> Path:
        """What was changed since; a folder that only a followed backup has."""
        return self.folder / "wal"

    @property
    def reaches(self) -> datetime:
        """Up to when it knows what was changed: when the follower last wrote, or else when it began."""
        written = [datetime.fromtimestamp(path.stat().st_mtime, UTC) for path in self.wal.glob("*")]
        return max([began(self.folder), *written])


class Follower:
    """PostgreSQL's own receiver of changes, at work until `stop`. A server that is away it waits for."""

    def __init__(self, process: subprocess.Popen[bytes], log: IO[str], postgres: Postgres) -> None:
        self._process = process
        self._log = log
        self._postgres = postgres

    def complete(self) -> bool:
        """Whether it works and has missed nothing: a server that it left alone for too long has thrown away what it
        lacks, and it would ask for that for ever."""
        return self._process.poll() is None and _slot(self._postgres) not in ("lost", None)

    def stop(self) -> None:
        """End it. Raises `Trouble` when it has missed something."""
        complete = self.complete()
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
        self._process.wait()
        with self._log as log:
            log.seek(0)
            said = log.read()[-_SHOWN:]
        if not complete:
            raise Trouble(
                f"Not every change came here; begin a new backup. What was said last:\n{said}",
                "ได้รับการเปลี่ยนแปลงไม่ครบ กรุณาเริ่มสำรองข้อมูลใหม่",
            )


def take(home: Home, postgres: Postgres, folder: Path, keys: Path, *, follow: bool) -> tuple[Backup, Follower | None]:
    """Back up a running server into a new folder in `folder`, its keys into one in `keys`, and check what was written.

    follow: also whatever is changed from now on, until the follower that is returned is stopped.

    Raises `Trouble`; nothing half made counts as a backup then.
    """
    folder, keys = folder.resolve(), keys.resolve()
    _demand_apart(folder, keys)
    name = datetime.now(UTC).strftime(_NAME)
    backup = Backup(folder / name)
    unfinished = Backup(folder / f"{name}{_UNFINISHED}")
    unfinished.folder.mkdir(parents=True, mode=0o700)
    access = _Access(postgres)
    follower = None
    try:
        # Before the base: what is changed while that is copied belongs to both.
        follower = _follow(access, postgres, unfinished.wal) if follow else None
        # The server's own log of the copy's time comes with it, so that the base alone can be restored.
        access.run(
            *("pg_basebackup", "--pgdata", str(unfinished.base), "--wal-method=stream", "--checkpoint=fast"),
            *("--manifest-checksums=SHA256", "--no-password"),
        )
        verify(unfinished, postgres.tools)
        keep_keys(home, keys / name)
        unfinished.folder.rename(backup.folder)  # the follower's files move with it: it is in its folder, not at a path
    except BaseException:
        if follower is not None:
            with contextlib.suppress(Trouble):
                follower.stop()
        shutil.rmtree(unfinished.folder, ignore_errors=True)
        raise
    return backup, follower


def verify(backup: Backup, tools: Tools) -> None:
    """Hold every file of the base to the manifest, and its log to being readable. Raises `Trouble`."""
    _run([str(tools.postgres_client("pg_verifybackup")), str(backup.base)], {})


def keep_keys(home: Home, folder: Path) -> None:
    """Copy what opens the data into a new folder that only its owner can enter."""
    folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.mkdir(mode=0o700)
    files = [path for path in home.secrets.iterdir() if path.is_file() and not path.name.startswith(".")]
    for path in [*files, *([home.issuers] if home.issuers.exists() else [])]:
        write_private(folder / path.name, path.read_text())


def began(folder: Path) -> datetime:
    """When a backup began, by its name."""
    return datetime.strptime(folder.resolve().name, _NAME).replace(tzinfo=UTC)


def all_of(folder: Path) -> list[Path]:
    """The complete ones in a folder of backups or of keys, the oldest first."""
    return sorted(path for path in folder.glob("*") if _IS_NAME.fullmatch(path.name))


def newest(folder: Path) -> Path:
    """The latest complete one in a folder of backups or of keys, or `folder` when it is itself one. Raises
    `Trouble`."""
    return to_choose_from(folder)[-1]


def to_choose_from(folder: Path) -> list[Path]:
    """The complete ones in a folder of backups or of keys, the oldest first, or `folder` alone when it is itself one.
    Raises `Trouble`."""
    if _IS_NAME.fullmatch(folder.resolve().name):
        return [folder]
    found = all_of(folder)
    if not found:
        raise Trouble(f"There is no backup in {folder}.", f"ไม่มีข้อมูลสำรองใน {folder}")
    return found


class _Access:
    """How PostgreSQL's own programs reach a server as its superuser."""

    def __init__(self, postgres: Postgres) -> None:
        self._tools = postgres.tools
        connection = postgres.connection()
        # In the environment: a command line can be read by everybody.
        self._environment = {
            "PATH": os.defpath,
            "PGHOST": str(connection["host"]),
            "PGPORT": str(connection["port"]),
            "PGUSER": POSTGRES_SUPERUSER,
            "PGPASSWORD": str(connection["password"]),
        }

    def run(self, program: str, *arguments: str) -> None:
        """Run one to its end. Raises `Trouble`."""
        _run([str(self._tools.postgres_client(program)), *arguments], self._environment)

    def start(self, program: str, *arguments: str, cwd: Path, log: IO[str]) -> subprocess.Popen[bytes]:
        """Start one. log: where it says what it has to say, for as long as it lives."""
        return subprocess.Popen(
            [str(self._tools.postgres_client(program)), *arguments],
            env=self._environment,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            umask=0o077,
            start_new_session=True,  # a Ctrl-C at the terminal is for us, who end it
        )


def _follow(access: _Access, postgres: Postgres, folder: Path) -> Follower:
    folder.mkdir(mode=0o700)
    if _slot(postgres) is not None:
        # Of a former backup, whose changes this one does not need; refused while somebody follows that.
        access.run("pg_receivewal", "--slot", SLOT, "--drop-slot", "--no-password")
    access.run("pg_receivewal", "--slot", SLOT, "--create-slot", "--no-password")
    # `synchronous`: on the disk as soon as it comes, not when a file of 16 MB is full.
    arguments = ("--directory=.", "--slot", SLOT, "--synchronous", "--no-password")
    log = (folder.parent / "follow.log").open("w+")
    follower = Follower(access.start("pg_receivewal", *arguments, cwd=folder, log=log), log, postgres)
    deadline = time.monotonic() + _RECEIVING_S
    while not any(folder.iterdir()):
        if time.monotonic() > deadline or not follower.complete():
            follower.stop()
            raise Trouble("The database sends nothing to be followed.", "ฐานข้อมูลไม่ส่งการเปลี่ยนแปลงให้ติดตาม")
        time.sleep(0.05)
    return follower


def _slot(postgres: Postgres) -> str | None:
    """What the server keeps for the follower: `reserved` or `extended`: all, `lost`: not all; None: nothing."""

    async def ask() -> str | None:
        connection = await asyncpg.connect(**postgres.connection(), timeout=5)
        try:
            found: str | None = await connection.fetchval(_KEPT, SLOT)
            return found
        finally:
            await connection.close(timeout=5)

    try:
        return asyncio.run(ask())
    except (*UNREACHABLE, asyncpg.PostgresError):
        return "reserved"  # as far as can be known: who follows waits for a server that is away


def _run(command: Sequence[str], environment: Mapping[str, str]) -> None:
    done = subprocess.run(
        command, env=dict(environment), capture_output=True, text=True, check=False, umask=0o077, cwd="/"
    )
    if done.returncode:
        program = Path(command[0]).name
        said = done.stderr.strip()[-_SHOWN:]
        raise Trouble(f"{program} failed:\n{said}", f"{program} ทำงานไม่สำเร็จ:\n{said}")


def _demand_apart(folder: Path, keys: Path) -> None:
    if folder.is_relative_to(keys) or keys.is_relative_to(folder):
        raise Trouble(
            "Keys and data must not lie in one folder: who got it could read everything. Choose another for --keys.",
            "กุญแจกับข้อมูลต้องไม่อยู่ในโฟลเดอร์เดียวกัน กรุณาเลือกโฟลเดอร์อื่นสำหรับ --keys",
        )
