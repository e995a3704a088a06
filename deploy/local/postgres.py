"""One real PostgreSQL on this machine: first initialisation, command, readiness."""

from __future__ import annotations

import errno
import os
import pwd
import shutil
import stat
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
import psutil

from deploy.catalogue import POSTGRES_PORT_OFFSET
from deploy.databases import Databases, run
from deploy.local.secrets import POSTGRES_SUPERUSER, Secrets, write_private
from deploy.trouble import Trouble
from shared.postgres.pool import UNREACHABLE
from shared.postgres.settings import PostgresSettings

if TYPE_CHECKING:
    from deploy.local.tools import Tools

HOST = "127.0.0.1"
UNPRIVILEGED = "nobody"
"""PostgreSQL refuses to run as root, and wants a user that the system knows. This one is on every system."""
SOCKET_PATH_BYTES = 103
"""The shortest limit among our systems (macOS) for the path of a socket."""

SETTINGS: Mapping[str, str] = {
    "listen_addresses": HOST,
    "max_connections": "250",  # 8 intakes and 8 recorders of at most 10, the others 75 in all, and room for checks
    "shared_buffers": "128MB",  # the working set of a demo; a larger one would be taken from Kafka's page cache
    "effective_cache_size": "512MB",
    "work_mem": "8MB",  # a national roll-up sorts in memory; few of the 250 connections do so at once
    "maintenance_work_mem": "64MB",
    # Every page's first change after a checkpoint is logged whole: with 1 GB a surge came to one every ten seconds.
    "max_wal_size": "4GB",
    # Otherwise whoever comes to the end of a WAL file first writes the next one full of zeros, 16 MB, and all who
    # commit wait for him: twice a second in a surge, some 80 ms each. Files that are kept are just written over.
    "wal_init_zero": "off",
    "min_wal_size": "1GB",
    "checkpoint_completion_target": "0.9",
    # A backup that nobody follows any more must not fill the disk: beyond this it has to be begun anew.
    "max_slot_wal_keep_size": "4GB",
    "random_page_cost": "1.1",  # solid-state disks
    "jit": "off",  # our statements are short: compiling them costs more than running them
    # A process that is stopped inside a transaction holds its position row; after this time another takes over.
    "idle_in_transaction_session_timeout": "10s",
    "client_connection_check_interval": "5s",  # a query whose client was killed ends
    "password_encryption": "scram-sha-256",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # No row's content in the log: `terse` leaves out the details, where values of a violated key would stand.
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
}


class Postgres:
    """The server of one stack. `folder` holds its data and its socket."""

    def __init__(self, folder: Path, tools: Tools, secrets: Secrets, port_base: int) -> None:
        self.folder = folder
        self.port = port_base + POSTGRES_PORT_OFFSET
        self.data = folder / "data"
        self.restored = folder / "data.restored"  # until it is complete, and then `data`
        self._sockets = folder / "socket"
        self.tools = tools
        self._secrets = secrets
        self.run_as = _run_as(self.data)

    @property
    def host(self) -> str:
        """Where to connect: the socket's folder, which is faster; TCP where its path is too long for a socket."""
        path = self._sockets / f".s.PGSQL.{self.port}"
        return str(self._sockets) if len(os.fsencode(path)) <= SOCKET_PATH_BYTES else HOST

    def prepare_folder(self) -> None:
        """Make the folders that the server needs beside its data. Raises `Trouble` when it could not reach them."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o755)
        self._sockets.mkdir(exist_ok=True, mode=0o700)
        for mine in (self.folder, self._sockets):
            self._give(mine)
        self._check_access()

    def prepare(self) -> None:
        """Initialise the data folder when it is new; wait for what a killed server left behind. Raises `Trouble`."""
        if self.restored.exists() and not self.data.exists():
            raise Trouble(
                f"A backup was being restored into {self.folder}, and that did not come to its end.\n"
                f"Run `./jitasa restore` again, or delete {self.restored} to begin with an empty database.",
                f"การกู้คืนข้อมูลลงใน {self.folder} ยังไม่เสร็จสมบูรณ์\n"
                f"กรุณาสั่ง `./jitasa restore` อีกครั้ง หรือลบ {self.restored} หากต้องการเริ่มจากฐานข้อมูลเปล่า",
            )
        self.prepare_folder()
        if not self.data.exists():
            self._initialise()
        version = (self.data / "PG_VERSION").read_text().strip()
        expected = self.tools.postgres_version.split(".")[0]
        if version != expected:
            raise Trouble(
                f"The data in {self.data} belongs to PostgreSQL {version};\n"
                f"this is PostgreSQL {expected}, which cannot read it.\n"
                "Use the checkout that made it, or another JITASA_HOME.",
                f"ข้อมูลใน {self.data} เป็นของ PostgreSQL {version} แต่รุ่นนี้คือ {expected} จึงอ่านไม่ได้\n"
                "กรุณาใช้ซอร์สโค้ดรุ่นที่สร้างข้อมูลนี้ หรือ JITASA_HOME อื่น",
            )
        self.wait_for_remains()

    def command(self, data: Path | None = None) -> list[str]:
        """The server's command line. data: another folder than that of the stack's data."""
        settings = dict(SETTINGS) | {"port": str(self.port)}
        settings["unix_socket_directories"] = "" if self.host == HOST else str(self._sockets)
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return [str(self.tools.postgres / "bin" / "postgres"), "-D", str(data or self.data), *options]

    def ready(self) -> bool:
        """Whether the server that answers is ours: it takes our password and works on our folder."""
        try:
            return run(self._data_directory()) == str(self.data)
        except (*UNREACHABLE, asyncpg.PostgresError):
            return False

    @property
    def databases(self) -> Databases:
        """Roles, databases and migrations on this server, as its superuser."""
        administrator = PostgresSettings(
            host=self.host,
            port=self.port,
            database="postgres",
            user=POSTGRES_SUPERUSER,
            password_file=self._secrets.postgres_password_file(POSTGRES_SUPERUSER),
        )
        return Databases(administrator, self.tools.dbmate, self._secrets.postgres_password)

    def wait_for_remains(self, seconds: float = 10.0) -> None:
        """Wait until the children of a killed server are gone, at most 2 s: a new server refuses to start before."""
        deadline = time.monotonic() + seconds
        while any(_works_in(process, self.data) for process in psutil.process_iter()):
            if time.monotonic() > deadline:
                return  # the new server's own check decides, and says why it does not start
            time.sleep(0.1)

    def connection(self, role: str = POSTGRES_SUPERUSER, database: str = "postgres") -> dict[str, Any]:
        """Arguments for asyncpg's connect."""
        return {
            "host": self.host,
            "port": self.port,
            "user": role,
            "password": self._secrets.postgres_password(role),
            "database": database,
        }

    async def _data_directory(self) -> str:
        connection = await asyncpg.connect(**self.connection(), timeout=2)
        try:
            return str(await connection.fetchval("SHOW data_directory"))
        finally:
            await connection.close(timeout=2)

    def _initialise(self) -> None:
        """Into a folder of another name first: a data folder that exists is complete."""
        unfinished = self.folder / "data.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        password_file = self.folder / "password"
        write_private(password_file, self._secrets.postgres_password(POSTGRES_SUPERUSER))
        self._give(password_file)
        try:
            done = subprocess.run(
                [
                    *(str(self.tools.postgres / "bin" / "initdb"), "--pgdata", str(unfinished)),
                    *("--username", POSTGRES_SUPERUSER, "--pwfile", str(password_file)),
                    *("--auth-local=scram-sha-256", "--auth-host=scram-sha-256"),
                    *("--encoding=UTF8", "--locale-provider=builtin", "--locale=C.UTF-8", "--data-checksums"),
                ],
                capture_output=True,
                text=True,
                check=False,
                **self.run_as,
            )
        finally:
            password_file.unlink()
        if done.returncode:
            said = done.stderr.strip()[-2000:]
            if "No space left on device" in said:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.folder))
            if "user does not exist" in said:
                raise Trouble(
                    f"PostgreSQL does not start under the user id {os.getuid()}, which has no name on this system.\n"
                    "Add it to /etc/passwd, or run this as a user that is there.",
                    f"PostgreSQL ไม่เริ่มด้วยหมายเลขผู้ใช้ {os.getuid()} ซึ่งไม่มีชื่อในระบบนี้\n"
                    "กรุณาเพิ่มใน /etc/passwd หรือใช้ผู้ใช้อื่นที่มีอยู่แล้ว",
                )
            raise Trouble(
                f"PostgreSQL could not make its data folder:\n{said}", f"PostgreSQL สร้างโฟลเดอร์ข้อมูลไม่สำเร็จ:\n{said}"
            )
        unfinished.rename(self.data)

    def give_all(self, *folders: Path) -> None:
        """To the user the server runs as, with all that is in them."""
        for folder in folders:
            for path in (folder, *folder.rglob("*")):
                self._give(path)

    def _give(self, path: Path) -> None:
        """To the user the server runs as."""
        if self.run_as:
            os.chown(path, self.run_as["user"], self.run_as["group"], follow_symlinks=False)

    def _check_access(self) -> None:
        """Raise `Trouble` when the server's user cannot reach its program or its data."""
        program = self.tools.postgres / "bin" / "postgres"
        if not self.run_as:
            return
        # Asked of the system itself, since modes are not all that decides.
        reach = ["/bin/sh", "-c", 'test -x "$1" && cd "$2"', "sh", str(program), str(self.folder)]
        if subprocess.run(reach, stderr=subprocess.DEVNULL, check=False, **self.run_as).returncode == 0:
            return
        closed = next((c for path in (program, self.folder) if (c := _closed_parent(path))), None)
        if closed is None:
            return
        raise Trouble(
            f"PostgreSQL does not run as root but as the user {UNPRIVILEGED!r}, who cannot enter the folder {closed}.\n"
            f"Either open that folder for passing through (`chmod o+x {closed}`), or keep everything elsewhere,\n"
            "for example JITASA_HOME=/var/tmp/jitasa ./jitasa ...",
            f"PostgreSQL ไม่ทำงานด้วยสิทธิ์ root แต่ใช้ผู้ใช้ {UNPRIVILEGED!r} ซึ่งเข้าโฟลเดอร์ {closed} ไม่ได้\n"
            f"กรุณาเปิดให้ผ่านเข้าได้ (`chmod o+x {closed}`) หรือย้ายไปไว้ที่อื่น เช่น JITASA_HOME=/var/tmp/jitasa ./jitasa ...",
        )


def _run_as(data: Path) -> dict[str, Any]:
    """Arguments for subprocess: none for an ordinary user; for root the data's owner, or the unprivileged user."""
    if os.getuid() != 0:
        return {}
    owner = data.stat().st_uid if data.exists() else 0
    user = pwd.getpwuid(owner) if owner else pwd.getpwnam(UNPRIVILEGED)
    return {
        "user": user.pw_uid,
        "group": user.pw_gid,
        "extra_groups": [],
        "umask": 0o077,
        "cwd": "/",  # it may not be able to be where root is
        "env": {"PATH": os.defpath, "LANG": "C.UTF-8"},
    }


def _closed_parent(path: Path) -> Path | None:
    """The first folder on the way to `path` that others may not pass through."""
    for folder in reversed(path.parents):
        if folder.exists() and not folder.stat().st_mode & stat.S_IXOTH:
            return folder
    return None


def _works_in(process: psutil.Process, folder: Path) -> bool:
    try:
        return process.cwd() == str(folder)
    except (psutil.Error, OSError):
        return False
