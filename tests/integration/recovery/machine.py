"""A machine that is backed up, loses what it has, and is brought back by the commands that an operator has."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Final

from deploy.local import ports
from deploy.local.home import CHECKOUT, Home
from deploy.local.stack import Stack
from tests.faults import ledger
from tests.runtime import Runtime

PROCESSES: Final = (
    *("registration-http", "registration-relay", "facilities-http", "facilities-relay"),
    *("survey-http", "survey-recorder", "survey-lister", "reporting-projector"),
)
FLUSHED: Final = """
SELECT count(*) FROM pg_stat_replication
WHERE application_name = 'pg_receivewal' AND flush_lsn >= pg_current_wal_flush_lsn()
"""
PATIENCE_SECONDS: Final = 60.0


class Machine:
    """One home, and what lies apart from it: backups and keys."""

    def __init__(self, home: Home, apart: Path) -> None:
        self.home = home
        self.backups, self.keys = apart / "backups", apart / "keys"
        self.stack = self._stack()
        self._backup: subprocess.Popen[str] | None = None

    @property
    def runtime(self) -> Runtime:
        """The stack's Kafka and PostgreSQL."""
        return Runtime(self.stack)

    async def up(self) -> None:
        """Start a stack in the home as it is."""
        self.stack = self._stack()
        await asyncio.to_thread(self.stack.start_infrastructure)
        await asyncio.to_thread(self.stack.start_services, PROCESSES)

    async def lose(self, *folders: Path) -> None:
        """Everything is killed, and the folders are gone."""
        await asyncio.to_thread(self.kill)
        for folder in folders:
            shutil.rmtree(folder)

    def kill(self) -> None:
        """End all processes at once; harmless when none runs."""
        if self._backup is not None:
            self._backup.send_signal(signal.SIGINT)  # to one that has ended it is nothing
            self._backup.communicate()
            self._backup = None
        with suppress(RuntimeError):
            for name, keeper in self.stack.supervisor.keepers.items():
                # A postmaster that is killed leaves children behind: this ends them too, as a machine's end does.
                number = signal.SIGQUIT if name == "postgres" else signal.SIGKILL
                keeper.program = replace(keeper.program, stop_signal=number)
        self.stack.stop()

    async def follow(self) -> None:
        """Returns when a backup is there; every change since goes into it, until `unfollow`."""
        self._backup = await asyncio.to_thread(self._start, [*self.backing_up(), "--follow"])
        said = [await asyncio.to_thread(_line, self._backup) for _ in range(3)]
        assert "Every change" in said[2], said

    async def unfollow(self) -> None:
        """End it once it has every change that was made."""
        assert self._backup is not None
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not await ledger.value(self.runtime, "postgres", FLUSHED):
                await asyncio.sleep(0.02)
        backup, self._backup = self._backup, None
        backup.send_signal(signal.SIGINT)
        _, error = await asyncio.to_thread(backup.communicate)
        assert backup.returncode == 0, error

    def backing_up(self) -> list[str]:
        """The command, without more."""
        return ["backup", "--to", str(self.backups), "--keys", str(self.keys)]

    def restoring(self) -> list[str]:
        """The command, without more."""
        return ["restore", "--from", str(self.backups), "--keys", str(self.keys)]

    async def restore(self, at: datetime | None = None) -> str:
        """What the command said."""
        moment = ["--at", at.isoformat()] if at else []
        process = await asyncio.to_thread(self._start, [*self.restoring(), *moment])
        said, error = await asyncio.to_thread(process.communicate)
        assert process.returncode == 0, error
        return said

    def command(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Any other command of `./jitasa`."""
        return subprocess.run(
            self._words(list(words)), env=self._environment(), capture_output=True, text=True, check=False
        )

    def _stack(self) -> Stack:
        return Stack(self.home, ports.free_base())

    def _start(self, words: list[str]) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            self._words(words),
            env=self._environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    @staticmethod
    def _words(words: list[str]) -> list[str]:
        return [sys.executable, "-m", "deploy", *words]

    def _environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "PYTHONPATH": str(CHECKOUT),
            "PYTHONUNBUFFERED": "1",
            "JITASA_HOME": str(self.home.root),
            "JITASA_TOOLS": str(self.home.tools),
            "JITASA_PORT_BASE": str(self.stack.port_base),
        }


def _line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline()
