"""The supervisor, tried with small stand-in processes."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deploy.local import logs, processes
from deploy.local.processes import Identity
from deploy.local.supervisor import GIVE_UP_AFTER, Keeper, Program, State, Supervisor, http_ready
from deploy.trouble import Trouble

STAND_IN = """
import http.server, sys
class Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
    def log_message(self, *_): pass
print("serving", flush=True)
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Ready).serve_forever()
"""
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    supervisor = Supervisor(tmp_path / "stack.json", tmp_path / "logs", 21_000)
    supervisor.open()
    yield supervisor
    supervisor.stop(list(supervisor.keepers))
    supervisor.close()


def test_logs_are_for_their_owner_only_also_where_the_folder_stood_open(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    folder.chmod(0o755)
    opened = Supervisor(tmp_path / "stack.json", folder, 21_000)
    opened.open()
    opened.close()
    assert folder.stat().st_mode & 0o777 == 0o700


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _program(name: str, code: str, port: int = 0, **options: object) -> Program:
    defaults: dict[str, object] = {
        "name": name,
        "port": port,
        "command": lambda: [sys.executable, "-c", code, str(port)],
        "ready": http_ready(port) if port else lambda: True,
        "environment": {"PATH": os.defpath},
    }
    return Program(**{**defaults, **options})  # type: ignore[arg-type]


def _eventually(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_ready_means_that_the_process_says_so(supervisor: Supervisor, port: int) -> None:
    keeper = supervisor.start(_program("web", STAND_IN, port))
    assert not keeper.ready
    supervisor.wait_ready(["web"], 10)
    assert keeper.state is State.READY


def test_a_process_that_dies_is_started_again(supervisor: Supervisor, port: int, tmp_path: Path) -> None:
    keeper = supervisor.start(_program("web", STAND_IN, port))
    supervisor.wait_ready(["web"], 10)
    first = keeper.pid
    keeper.kill(signal.SIGKILL)
    assert not keeper.ready
    supervisor.wait_ready(["web"], 10)
    assert keeper.restarts == 1
    assert keeper.pid != first
    (written,) = json.loads((tmp_path / "stack.json").read_text())["processes"]
    assert (written["name"], written["pid"], written["state"], written["restarts"]) == ("web", keeper.pid, "ready", 1)


def test_one_that_dies_at_once_is_given_up_with_its_last_words(supervisor: Supervisor) -> None:
    supervisor.start(_program("broken", "import sys; sys.exit('no such setting')", ready=lambda: False))
    with pytest.raises(Trouble, match="no such setting"):
        supervisor.wait_ready(["broken"], 30)


def test_one_that_was_killed_often_but_got_ready_each_time_is_not_given_up(supervisor: Supervisor, port: int) -> None:
    keeper = supervisor.start(_program("web", STAND_IN, port))
    for _ in range(GIVE_UP_AFTER + 1):
        supervisor.wait_ready(["web"], 10)
        keeper.kill()
    supervisor.wait_ready(["web"], 10)
    assert keeper.restarts == GIVE_UP_AFTER + 1


def test_the_pause_between_two_lives_grows(supervisor: Supervisor) -> None:
    keeper = supervisor.start(_program("broken", "raise SystemExit(1)", ready=lambda: False))
    _eventually(lambda: keeper.restarts >= 4)
    before = keeper.restarts
    time.sleep(0.5)  # the fifth pause is 1.6 s
    assert keeper.restarts <= before + 1


def test_one_that_runs_but_is_not_ready_is_named(supervisor: Supervisor) -> None:
    supervisor.start(_program("slow", DEAF, ready=lambda: False, stop_seconds=0.2))
    with pytest.raises(Trouble, match="says that it is not ready"):
        supervisor.wait_ready(["slow"], 0.5)


def test_one_that_cannot_be_started_says_why(supervisor: Supervisor) -> None:
    supervisor.start(_program("missing", "", command=lambda: ["/nonexistent/program"]))
    with pytest.raises(Trouble, match="missing could not be started"):
        supervisor.wait_ready(["missing"], 10)


def test_a_probe_that_fails_unforeseen_does_not_end_the_keeping(supervisor: Supervisor, port: int) -> None:
    """The answer of a server that is killed while it gives it: the client raises what nobody has foreseen."""
    failures = iter([None, RuntimeError("cannot switch to state 12")])

    def ready() -> bool:
        if error := next(failures, None):
            raise error
        return http_ready(port)()

    keeper = supervisor.start(_program("web", STAND_IN, port, ready=ready))
    supervisor.wait_ready(["web"], 10)
    keeper.kill()
    supervisor.wait_ready(["web"], 10)
    assert keeper.restarts == 1
    assert "cannot switch to state 12" in keeper.log.read_text()


def test_a_start_that_fails_unforeseen_is_tried_again(supervisor: Supervisor, port: int) -> None:
    failures = iter([ValueError("half a file")])

    def before() -> None:
        if error := next(failures, None):
            raise error

    keeper = supervisor.start(_program("web", STAND_IN, port, before=before))
    _eventually(lambda: keeper.ready)
    assert keeper.restarts == 1
    assert "half a file" in keeper.log.read_text()


def test_one_that_does_not_listen_to_the_stop_is_killed(supervisor: Supervisor) -> None:
    keeper = supervisor.start(_program("deaf", DEAF, stop_seconds=0.2))
    _eventually(lambda: "deaf" in logs.tail(keeper.log))
    identity = keeper.identity
    supervisor.stop(["deaf"])
    assert identity
    assert not identity.alive()


def test_one_that_is_suspended_can_be_stopped(supervisor: Supervisor, port: int) -> None:
    keeper = supervisor.start(_program("web", STAND_IN, port))
    supervisor.wait_ready(["web"], 10)
    keeper.kill(signal.SIGSTOP)
    began = time.monotonic()
    supervisor.stop(["web"])
    assert time.monotonic() - began < 5


def test_between_two_lives_there_is_no_pid(tmp_path: Path) -> None:
    with pytest.raises(ProcessLookupError):
        _ = Keeper(_program("web", ""), tmp_path / "web.log", lambda: None).pid


def test_a_clean_end_leaves_no_file(tmp_path: Path) -> None:
    supervisor = Supervisor(tmp_path / "stack.json", tmp_path / "logs", 21_000)
    supervisor.open()
    assert (tmp_path / "stack.json").exists()
    supervisor.close()
    assert not (tmp_path / "stack.json").exists()


def test_only_the_process_of_that_start_is_ended() -> None:
    with subprocess.Popen([sys.executable, "-c", DEAF], stdout=subprocess.PIPE) as bystander:
        assert bystander.stdout
        bystander.stdout.readline()
        ours = Identity.of(bystander.pid)
        somebody_elses = Identity(ours.pid, ours.started - 60)
        assert processes.end([somebody_elses]) == 0
        assert ours.alive()
        assert processes.end([ours], patience=0.2) == 1
        assert not ours.alive()


def test_processes_of_a_stack_are_known_by_their_environment() -> None:
    environment = {"PATH": os.defpath, processes.STACK_VARIABLE: "/somewhere/a"}
    with subprocess.Popen([sys.executable, "-c", DEAF], stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout
        process.stdout.readline()
        try:
            assert [each.pid for each in processes.of_stack("/somewhere/a")] == [process.pid]
            assert processes.of_stack("/somewhere") == []
        finally:
            process.kill()


def test_a_log_is_bounded_while_its_process_goes_on_writing(tmp_path: Path) -> None:
    path = tmp_path / "web.log"
    with path.open("ab", buffering=0) as writer:
        writer.write(b"old\n" * 100)
        logs.rotate(tmp_path, maximum=100)
        writer.write(b"new\n")
    assert path.read_text() == "new\n"
    assert (tmp_path / "web.log.1").read_text() == "old\n" * 100
    assert logs.tail(path) == "new"
    assert logs.tail(tmp_path / "none.log") == ""
