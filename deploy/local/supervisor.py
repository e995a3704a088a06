"""Keeps processes running: starts each, waits for its readiness, starts it again when it dies, and stops it.

One thread per process, so that a slow probe of one delays no other. Who runs is written to the stack's file at every
change: whoever comes after a killed supervisor finds exactly the processes that it left behind.
"""

from __future__ import annotations

import contextlib
import enum
import http.client
import json
import os
import signal
import subprocess
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import psutil

from deploy.local import logs
from deploy.local.processes import Identity
from deploy.trouble import Trouble, of_os_error

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0
"""A process that dies at once is tried again after 0.1, 0.2, 0.4 ... seconds: quick when it was an accident, and the
processor is not burnt when it was not."""
STEADY_S = 20.0
"""A process that lived this long starts with the short pause again."""
_POLL_S = 0.05
_POLL_READY_S = 0.2
"""Twenty processes that are ready are looked at five times a second each, and no more often: it adds up."""
_PROBE_READY_S = 1.0
_PROBE_TIMEOUT_S = 2.0
_ROTATE_S = 5.0
GIVE_UP_AFTER = 4
"""A process that died this often in a row without getting ready will not come up by itself."""


class State(enum.StrEnum):
    """What a supervised process is doing."""

    STARTING = "starting"
    READY = "ready"
    UNREADY = "unready"
    PAUSED = "paused"
    STOPPED = "stopped"


def nothing() -> None:
    """Nothing to do before a start."""


def no_lock() -> IO[bytes] | None:
    """No lock to hold."""
    return None


@dataclass(frozen=True, slots=True)
class Program:
    """How one process is run."""

    name: str
    port: int
    command: Callable[[], Sequence[str]]
    ready: Callable[[], bool]
    environment: Mapping[str, str]
    before: Callable[[], None] = nothing
    """Called before every start, the first and all others."""
    lock: Callable[[], IO[bytes] | None] = no_lock
    """Opened before every start; the process inherits it and holds it until it ends."""
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 15.0
    options: Mapping[str, Any] = field(default_factory=dict)
    """More arguments for subprocess: the user to run as."""


def http_ready(port: int, path: str = "/readyz") -> Callable[[], bool]:
    """Probe for a process that says by HTTP whether it is ready."""

    def ready() -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_PROBE_TIMEOUT_S)
        try:
            connection.request("GET", path)
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    return ready


class Keeper:
    """Keeps one process running from `start` to `stop`."""

    def __init__(self, program: Program, log: Path, changed: Callable[[], None]) -> None:
        self.program = program
        self.log = log
        self.state = State.STOPPED
        self.restarts = 0
        self.failures = 0
        """How often in a row it died without having been ready."""
        self.identity: Identity | None = None
        self.trouble: Trouble | None = None
        self._changed = changed
        self._stopping = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._keep, name=f"keep {program.name}", daemon=True)

    @property
    def pid(self) -> int:
        """The pid of the process that runs now. Raises `ProcessLookupError` between two lives."""
        if self.identity is None:
            raise ProcessLookupError(self.program.name)
        return self.identity.pid

    @property
    def ready(self) -> bool:
        """Whether its last probe succeeded, and it has not died since."""
        return self.state is State.READY and self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def request_stop(self) -> None:
        """Begin to end; `join` waits for it."""
        self._stopping.set()

    def join(self) -> None:
        """Wait until the process has ended. It is killed when it does not end in its time."""
        if self._thread.is_alive():
            self._thread.join()

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Send a signal, as an accident would; SIGKILL returns when the process is dead.

        Raises `ProcessLookupError` between two lives.
        """
        process = self._process
        os.kill(self.pid, number)
        if number == signal.SIGKILL and process is not None:
            process.wait()

    def _keep(self) -> None:
        deaths_in_a_row = 0
        while not self._stopping.is_set():
            started = time.monotonic()
            process = self._spawn()
            if process is not None:
                self._watch(process)
            if self._stopping.is_set():
                break
            deaths_in_a_row = 0 if time.monotonic() - started >= STEADY_S else deaths_in_a_row + 1
            self.restarts += 1
            self.failures += 1
            self._become(State.PAUSED)
            self._stopping.wait(min(FIRST_PAUSE_S * 2.0 ** max(0, deaths_in_a_row - 1), LONGEST_PAUSE_S))
        self._end()

    def _spawn(self) -> subprocess.Popen[bytes] | None:
        try:
            self.program.before()
            lock = self.program.lock()
            with self.log.open("ab") as output, contextlib.ExitStack() as held:
                if lock is not None:
                    held.enter_context(lock)  # from here on it is the process's alone
                self._process = process = subprocess.Popen(
                    list(self.program.command()),
                    **{"cwd": "/", **self.program.options, "env": dict(self.program.environment)},
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    pass_fds=() if lock is None else (lock.fileno(),),
                    start_new_session=True,  # a Ctrl-C at the terminal is for us; we stop the processes in order
                )
            self.identity = Identity.of(process.pid)
        except Trouble as trouble:
            self.trouble = trouble
            return None
        except OSError as error:
            self.trouble = of_os_error(error, self.log) or Trouble(
                f"{self.program.name} could not be started: {error}", f"เริ่ม {self.program.name} ไม่ได้: {error}"
            )
            return None
        except psutil.NoSuchProcess:
            return None  # it has ended already
        except Exception as error:
            self._note("It could not be started:")
            self.trouble = Trouble(
                f"{self.program.name} could not be started ({type(error).__name__}: {error}); in full in {self.log}.",
                f"เริ่ม {self.program.name} ไม่ได้ ดูรายละเอียดใน {self.log}",
            )
            return None
        self.trouble = None
        self._become(State.STARTING)
        return process

    def _watch(self, process: subprocess.Popen[bytes]) -> None:
        """Until the process has died, or is to be stopped."""
        next_probe, ready = 0.0, False
        while process.poll() is None and not self._stopping.is_set():
            if time.monotonic() >= next_probe:
                ready = self._probe()
                if ready and process.poll() is None:
                    self.failures = 0
                    self._become(State.READY)
                elif self.state is State.READY:
                    self._become(State.UNREADY)
                next_probe = time.monotonic() + (_PROBE_READY_S if ready else _POLL_S)
            self._stopping.wait(_POLL_READY_S if ready else _POLL_S)
        if process.poll() is not None:
            self.identity = None

    def _probe(self) -> bool:
        """Whether the process says that it is ready. A probe that fails in a way nobody foresaw has not said so.

        A client whose server is killed in the middle of an answer raises what it likes. That must not end the keeping.
        """
        try:
            return self.program.ready()
        except Exception:
            self._note("Its probe failed:")
            return False

    def _note(self, what: str) -> None:
        """Write what went wrong around the process into its log, where an operator looks."""
        with contextlib.suppress(OSError), self.log.open("a") as log:
            log.write(f"supervisor: {what}\n{traceback.format_exc()}")

    def _end(self) -> None:
        process = self._process
        if process is not None and process.poll() is None:
            process.send_signal(self.program.stop_signal)
            # A process that is stopped (SIGSTOP) cannot hear the signal.
            process.send_signal(signal.SIGCONT)
            try:
                process.wait(self.program.stop_seconds)
            except subprocess.TimeoutExpired:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        self.identity = None
        self._become(State.STOPPED)

    def _become(self, state: State) -> None:
        if state is not self.state:
            self.state = state
            self._changed()


class Supervisor:
    """The keepers of one stack, and the file that tells of them."""

    def __init__(self, stack_file: Path, log_folder: Path, port_base: int) -> None:
        self._file = stack_file
        self._logs = log_folder
        self._port_base = port_base
        self._me = Identity.of(os.getpid())
        self._writing = threading.Lock()
        self._closed = threading.Event()
        self._rotator = threading.Thread(target=self._rotate, name="rotate logs", daemon=True)
        self.keepers: dict[str, Keeper] = {}

    def open(self) -> None:
        """Begin: from now on the file exists, and says that this process is in charge."""
        self._logs.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._logs.chmod(0o700)
        self._write()
        self._rotator.start()

    def start(self, program: Program) -> Keeper:
        """Keep one more program running."""
        keeper = Keeper(program, self._logs / f"{program.name}.log", self._write)
        self.keepers[program.name] = keeper
        keeper.start()
        return keeper

    def wait_ready(self, names: Iterable[str], seconds: float) -> None:
        """Wait until the named processes are ready. Raises `Trouble` with the cause when one does not get there."""
        waiting = list(names)
        deadline = time.monotonic() + seconds
        while waiting := [name for name in waiting if not self.keepers[name].ready]:
            for name in waiting:
                keeper = self.keepers[name]
                if keeper.failures >= GIVE_UP_AFTER or keeper.trouble or time.monotonic() > deadline:
                    raise keeper.trouble or _not_ready(keeper)
            time.sleep(_POLL_S)

    def stop(self, names: Iterable[str]) -> None:
        """Stop the named processes, all at the same time, and wait for their end."""
        keepers = [self.keepers[name] for name in names if name in self.keepers]
        for keeper in keepers:
            keeper.request_stop()
        for keeper in keepers:
            keeper.join()
            del self.keepers[keeper.program.name]
        self._write()

    def close(self) -> None:
        """The clean end: nothing runs, so the file goes."""
        self._closed.set()
        with self._writing:
            self._file.unlink(missing_ok=True)

    def _write(self) -> None:
        with self._writing:
            if self._closed.is_set():
                return
            unfinished = self._file.with_suffix(".unfinished")
            # A full disk must not end the supervision; the file of the last change stays.
            with contextlib.suppress(OSError):
                unfinished.write_text(json.dumps(self._describe(), indent=1))
                unfinished.replace(self._file)

    def _describe(self) -> dict[str, Any]:
        return {
            "supervisor": {"pid": self._me.pid, "started": self._me.started},
            "port_base": self._port_base,
            "processes": [
                {
                    "name": keeper.program.name,
                    "pid": identity.pid if (identity := keeper.identity) else None,
                    "started": identity.started if identity else None,
                    "port": keeper.program.port,
                    "state": str(keeper.state),
                    "restarts": keeper.restarts,
                }
                for keeper in list(self.keepers.values())
            ],
        }

    def _rotate(self) -> None:
        while not self._closed.wait(_ROTATE_S):
            with contextlib.suppress(OSError):
                logs.rotate(self._logs)


def _not_ready(keeper: Keeper) -> Trouble:
    name = keeper.program.name
    what = f"It ended {keeper.failures} times" if keeper.failures else "It runs, but says that it is not ready"
    return Trouble(
        f"{name} did not become ready. {what}; its last lines, in full in {keeper.log}:\n{logs.tail(keeper.log)}",
        f"{name} ไม่พร้อมทำงาน ดูรายละเอียดใน {keeper.log}",
    )
