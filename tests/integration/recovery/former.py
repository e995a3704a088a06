"""The release before this one, and a stack whose processes are of either."""

import json
import subprocess
import sys
import tarfile
from dataclasses import replace
from io import BytesIO
from pathlib import Path

from deploy.catalogue import SERVICES, Process, Service
from deploy.local.home import CHECKOUT, Home
from deploy.local.stack import Stack
from deploy.local.supervisor import Program

MIGRATIONS = "*/migrations/*.sql"
COMMANDS = """
import json
from deploy.catalogue import SERVICES
said = {each.name: [each.module, getattr(each, "argument", "")] for one in SERVICES for each in one.processes}
print(json.dumps({name: list(filter(None, words)) for name, words in said.items()}))
"""
"""What the former release's own catalogue says of its processes; they had an argument once."""


def revision() -> str | None:
    """The newest tag before this commit; without one the commit before the newest migration, so that there is one to be
    made. None: this checkout has no history."""
    tag = _git("describe", "--tags", "--abbrev=0", "HEAD^")
    return tag or _git("log", "--max-count=1", "--format=%P", "--", MIGRATIONS).partition(" ")[0] or None


def unpack(commit: str, folder: Path) -> None:
    """The files of a commit."""
    done = subprocess.run(["git", "archive", "--format=tar", commit], cwd=CHECKOUT, capture_output=True, check=True)
    with tarfile.open(fileobj=BytesIO(done.stdout)) as files:
        files.extractall(folder)  # noqa: S202 - our own files


def _git(*words: str) -> str:
    try:
        return subprocess.run(["git", *words], cwd=CHECKOUT, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


class MixedStack(Stack):
    """Starts with the former release's code and structure; which process is of which is decided when it is started."""

    def __init__(self, home: Home, port_base: int, former: Path) -> None:
        super().__init__(home, port_base)
        self.former = former
        words = [sys.executable, "-c", COMMANDS]
        told = subprocess.run(words, cwd=former, env={"PYTHONPATH": str(former)}, capture_output=True, check=True)
        self._commands: dict[str, list[str]] = json.loads(told.stdout)
        self.present: set[str] = set()
        """The processes that are started with the present code from now on."""

    def environment(self, process: str) -> dict[str, str]:
        """As always, with the code that the process is to run."""
        return super().environment(process) | {"PYTHONPATH": str(self._code(process))}

    def migrate(self) -> None:
        """Make the present release's migrations."""
        self.postgres.databases.provision(SERVICES)

    def code_of(self, process: str) -> Path:
        """Which code a process really runs, as its system says."""
        return Path(f"/proc/{self.process(process).pid}/cwd").resolve()

    def _code(self, process: str) -> Path:
        return CHECKOUT if process in self.present else self.former

    def _service_program(self, service: Service, process: Process) -> Program:
        program = super()._service_program(service, process)
        if process.name not in self.present:
            former = [sys.executable, "-m", *self._commands[process.name]]
            program = replace(program, command=lambda: former)
        return replace(program, options={"cwd": str(self._code(process.name))})

    def _provision_postgres(self) -> None:
        self.supervisor.wait_ready(["postgres"], 60)
        self.postgres.databases.provision(
            [
                replace(
                    service, migrations=tuple(self.former / each.relative_to(CHECKOUT) for each in service.migrations)
                )
                for service in SERVICES
            ]
        )
