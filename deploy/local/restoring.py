"""Puts a backup onto an empty home: files, changes up to a moment, keys.

1. the backup is held to its manifest; the keys are put in place;
2. its files are copied beside the place of the data folder;
3. a server that no service uses yet works through the changes that were followed, up to the moment, and ends;
4. the folder is named what a stack looks for. Cut off anywhere before, it begins again; until then no stack starts.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import asyncpg

from deploy.local import backups, logs
from deploy.local.backups import Backup
from deploy.local.home import Home
from deploy.local.postgres import Postgres
from deploy.local.secrets import POSTGRES_SUPERUSER, Secrets, write_private
from deploy.local.tools import Tools
from deploy.trouble import Trouble
from shared.postgres.pool import UNREACHABLE

_RECOVERY_S: Final = 24 * 3600.0
"""Changes of a week are worked through in hours; who waits sees the server's own log."""
_PARTIAL: Final = ".partial"
"""The end of the name of the file that the follower was writing."""
_ONE_FOR_EVER: Final = frozenset({"household-key", "blind-index-key", f"postgres-{POSTGRES_SUPERUSER}"})
"""Files that nothing renews: what data is found by, and the password that the restored server knows us by."""
_RINGS: Final = frozenset({"sealing-keys.json", "registration-sealing-keys.json", "subscriber-sealing-keys.json"})
"""Files to which rotations add keys."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What a home was brought to."""

    backup: Backup
    until: datetime | None
    """When the last change that is in it was made; None: none after the backup."""


def restore(home: Home, tools: Tools, folder: Path, keys: Path, port_base: int, at: datetime | None) -> Restored:
    """Bring an empty home to what a backup holds, or to what it and the changes after it say of the moment `at`; by
    default the backup that reaches furthest and all its changes. Raises `Trouble`."""
    home.state.mkdir(parents=True, exist_ok=True)
    with home.take():
        return _restore(home, tools, folder, keys, port_base, at)


def _restore(home: Home, tools: Tools, folder: Path, keys: Path, port_base: int, at: datetime | None) -> Restored:
    if (home.state / "postgres" / "data").exists():
        raise Trouble(
            f"There is a database in {home.state}. Restore onto an empty home: move that one away, or name another by"
            " JITASA_HOME.",
            f"มีฐานข้อมูลอยู่แล้วใน {home.state} กรุณากู้คืนลงในที่ว่าง: ย้ายของเดิมออก หรือกำหนด JITASA_HOME อื่น",
        )
    backup = choose(folder, at)
    backups.verify(backup, tools)
    # The newest keys, and those of the backup itself, which a ring may have lost to `retire` since.
    for kept in dict.fromkeys((backups.newest(keys), keys / backup.folder.name)):
        if kept.is_dir():
            put_keys(home, kept)
    postgres = Postgres(home.state / "postgres", tools, Secrets(home.secrets), port_base)
    postgres.prepare_folder()
    unfinished = postgres.restored
    changes = postgres.folder / "changes"
    for former in (unfinished, changes):
        shutil.rmtree(former, ignore_errors=True)
    shutil.copytree(backup.base, unfinished)
    (unfinished / "recovery.signal").touch(mode=0o600)
    changes.mkdir(mode=0o700)
    for path in backup.wal.iterdir() if backup.wal.exists() else ():
        shutil.copy(path, changes / path.name.removesuffix(_PARTIAL))
    postgres.give_all(unfinished, changes)
    until = _recover(postgres, unfinished, changes, at)
    unfinished.rename(postgres.data)
    shutil.rmtree(changes)
    return Restored(backup, until)


def choose(folder: Path, at: datetime | None) -> Backup:
    """The backup that knows the most: its changes reach further than those of a later one that was not followed. For a
    moment, the newest followed one that is not after it. Raises `Trouble`."""
    found = [Backup(path) for path in backups.to_choose_from(folder)]
    if at is None:
        return max(found, key=lambda backup: backup.reaches)
    followed = [backup for backup in found if backup.wal.exists()]
    if not followed:
        raise Trouble(
            f"No backup in {folder} was followed (`backup --follow`), so that there is no moment but their own.",
            f"ข้อมูลสำรองใน {folder} ไม่ได้ติดตามการเปลี่ยนแปลง (`backup --follow`) จึงกู้คืนได้เฉพาะเวลาที่สำรองเท่านั้น",
        )
    before = [backup for backup in followed if backups.began(backup.folder) <= at]
    if not before:
        raise Trouble(
            f"No followed backup in {folder} is as old as {at}.",
            f"ไม่มีข้อมูลสำรองที่ติดตามการเปลี่ยนแปลงใน {folder} ที่เก่าถึง {at}",
        )
    return before[-1]


def put_keys(home: Home, kept: Path) -> None:
    """Copy the keys into the home. Of what is there already, the keys that data is found by or sealed with must open
    the backup; all else stays as it is, since a certificate or a password may have been renewed. Raises `Trouble`."""
    home.secrets.mkdir(parents=True, exist_ok=True, mode=0o700)
    for path in kept.iterdir():
        place = home.issuers if path.name == home.issuers.name else home.secrets / path.name
        text = path.read_text()
        if not place.exists():
            write_private(place, text)
        elif place.name in _ONE_FOR_EVER and place.read_text() != text:
            raise Trouble(
                f"{place} is another than the one in {kept}. Restore onto an empty home.",
                f"{place} ไม่ตรงกับที่สำรองไว้ใน {kept} กรุณากู้คืนลงในที่ว่าง",
            )
        elif place.name in _RINGS and not _keys_in(text) <= _keys_in(place.read_text()):
            raise Trouble(
                f"{place} lacks keys that are in {path}, under which data of the backup may be sealed.\n"
                'Add them to its "keys", or restore onto an empty home.',
                f"{place} ไม่มีกุญแจบางดอกที่อยู่ใน {path} ซึ่งอาจใช้ปิดผนึกข้อมูลที่สำรองไว้\n"
                'กรุณาเพิ่มกุญแจเหล่านั้นใน "keys" หรือกู้คืนลงในที่ว่าง',
            )


def _keys_in(ring: str) -> set[tuple[str, str]]:
    """Names and keys of a ring, whichever of them seals."""
    return set(json.loads(ring)["keys"].items())


def _recover(postgres: Postgres, data: Path, changes: Path, at: datetime | None) -> datetime | None:
    """Let the server work through the changes; when the last that it took was made."""
    wanted = {"restore_command": f'cp "{changes}/%f" "%p"', "recovery_target_action": "promote"}
    if at is not None:
        wanted["recovery_target_time"] = at.isoformat(sep=" ")
    log = postgres.folder / "recovery.log"
    with log.open("w") as output:
        server = subprocess.Popen(
            [*postgres.command(data), *(f"--{name}={value}" for name, value in wanted.items())],
            **{"cwd": "/", "env": {"PATH": os.defpath, "LANG": "C.UTF-8"}, **postgres.run_as},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            deadline = time.monotonic() + _RECOVERY_S
            while True:
                if server.poll() is not None or time.monotonic() > deadline:
                    raise Trouble(
                        f"The database did not get there; its last lines, in full in {log}:\n{logs.tail(log)}",
                        f"กู้คืนฐานข้อมูลถึงเวลาที่กำหนดไม่สำเร็จ ดูรายละเอียดใน {log}",
                    )
                recovered, until = asyncio.run(_state(postgres))
                if recovered:
                    return until
                time.sleep(0.1)
        finally:
            if server.poll() is None:
                server.send_signal(signal.SIGINT)
                server.wait()


async def _state(postgres: Postgres) -> tuple[bool, datetime | None]:
    """Whether the server has ended its recovery, and when the last change that it took was made."""
    try:
        connection = await asyncpg.connect(**postgres.connection(), timeout=2)
    except (*UNREACHABLE, asyncpg.PostgresError):
        return False, None
    try:
        row = await connection.fetchrow("SELECT NOT pg_is_in_recovery(), pg_last_xact_replay_timestamp()")
        return bool(row[0]), row[1]
    finally:
        await connection.close(timeout=2)
