"""Stacks on which faults can be made: the network between the services and Kafka or PostgreSQL, and the database's
disk."""

import os
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from deploy.local.home import Home
from deploy.local.stack import HOST, Stack
from tests.faults.proxy import Proxy

KAFKA_ROAD: Final = 90
"""The distance from the stack's first port of the one where services find Kafka."""
POSTGRES_ROAD: Final = 91
MEGABYTE: Final = 2**20
DISK_BYTES: Final = 1_024 * MEGABYTE
"""Room for a fresh database server, a minute's load and all of its write-ahead log."""


class ProxiedStack(Stack):
    """The services reach Kafka and PostgreSQL only through proxies; who tests reaches the database directly."""

    def __init__(self, home: Home, port_base: int) -> None:
        super().__init__(home, port_base)
        self.kafka_road = Proxy(port_base + KAFKA_ROAD, self.kafka.port)
        self.postgres_road = Proxy(port_base + POSTGRES_ROAD, self.postgres.port)
        self.kafka.advertised_port = self.kafka_road.port
        self._roads = (self.kafka_road, self.postgres_road)

    def start_infrastructure(self) -> None:
        """The proxies before what is behind them: whoever asks Kafka for itself is sent to its proxy."""
        for road in self._roads:
            road.open()
        super().start_infrastructure()

    def stop(self) -> None:
        """Everything, and the proxies last."""
        super().stop()
        for road in self._roads:
            road.close()

    def environment(self, process: str) -> dict[str, str]:
        """Where a process finds Kafka and PostgreSQL: at their proxies, and so by TCP."""
        return super().environment(process) | {
            "JITASA_KAFKA_BOOTSTRAP": f"{HOST}:{self.kafka_road.port}",
            "JITASA_POSTGRES_HOST": HOST,
            "JITASA_POSTGRES_PORT": str(self.postgres_road.port),
        }


class SmallDiskStack(Stack):
    """PostgreSQL has a disk of its own, in memory, that can become too small."""

    @staticmethod
    def possible() -> bool:
        """Whether such a disk can be mounted here: only by root, and not by root of every container."""
        with tempfile.TemporaryDirectory() as folder:
            try:
                _mount(Path(folder), MEGABYTE)
            except (OSError, subprocess.CalledProcessError):
                return False
            _unmount(Path(folder))
        return True

    def start_infrastructure(self) -> None:
        """The disk first."""
        self.disk.mkdir(parents=True)
        _mount(self.disk, DISK_BYTES)
        super().start_infrastructure()

    def stop(self) -> None:
        """The disk last."""
        super().stop()
        if self.disk.is_mount():
            _unmount(self.disk)

    @property
    def disk(self) -> Path:
        """Where it is mounted."""
        return self.postgres.folder

    @property
    def free_bytes(self) -> int:
        """What is left on the disk."""
        disk = os.statvfs(self.disk)
        return disk.f_bfree * disk.f_frsize

    def keep_log(self) -> None:
        """Give the files of the write-ahead log all their space, as they have it once they were written to their ends:
        until then a full disk stops the log before the tables."""
        for path in (self.postgres.data / "pg_wal").iterdir():
            if path.is_file():
                with path.open("r+b") as file:
                    os.posix_fallocate(file.fileno(), 0, path.stat().st_size)

    def fill(self) -> None:
        """Make the disk as small as what is on it, up to a megabyte that the database takes meanwhile."""
        disk = os.statvfs(self.disk)
        self._resize((disk.f_blocks - disk.f_bfree) * disk.f_frsize + MEGABYTE)

    def clear(self) -> None:
        """Make it large again."""
        self._resize(DISK_BYTES)

    def _resize(self, size: int) -> None:
        subprocess.run(["mount", "-o", f"remount,size={size}", self.disk], check=True)


def _mount(folder: Path, size: int) -> None:
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "jitasa", str(folder)]
    subprocess.run(command, check=True, capture_output=True)


def _unmount(folder: Path) -> None:
    subprocess.run(["umount", str(folder)], check=True)
