"""Kafka and PostgreSQL on one machine: restarts, left-over processes, two stacks, ordinary users, clear messages."""

from __future__ import annotations

import os
import pwd
import signal
import socket
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import asyncpg
import psutil
import pytest

from deploy import provisioning
from deploy.local import ports
from deploy.local.home import CHECKOUT, Home
from deploy.local.kafka import FORMER_MECHANISM
from deploy.local.stack import Stack
from deploy.trouble import Trouble
from tests.runtime import Runtime, temporary_home

SUPERVISE = """
import signal, sys, threading
from pathlib import Path
from deploy.local.home import Home
from deploy.local.stack import Stack
stack = Stack(Home(Path(sys.argv[1]), Path(sys.argv[2])), int(sys.argv[3]))
stack.start_infrastructure()
stopping = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stopping.set())
print("ready", flush=True)
stopping.wait()
stack.stop()
"""


@pytest.fixture
def home() -> Iterator[Home]:
    with temporary_home() as home:
        yield home


def _supervise(home: Home, base: int, python: str = sys.executable, **options: Any) -> subprocess.Popen[str]:
    """A supervisor in a process of its own, ready. It uses our packages, whichever interpreter runs it."""
    process: subprocess.Popen[str] = subprocess.Popen(
        [python, "-c", SUPERVISE, str(home.root), str(home.tools), str(base)],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": f"{CHECKOUT}:{sysconfig.get_path('purelib')}"},
        stdout=subprocess.PIPE,
        text=True,
        **options,
    )
    assert process.stdout
    if process.stdout.readline() != "ready\n":
        process.stdout.close()
        process.terminate()
        pytest.fail(f"the supervisor ended with {process.wait(60)}")
    return process


def _eventually(condition: Callable[[], bool], seconds: float = 90.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("name", ["kafka", "postgres"])
def test_a_killed_broker_or_database_is_started_again(runtime: Runtime, name: str) -> None:
    keeper = runtime.stack.process(name)
    first, restarts = keeper.pid, keeper.restarts
    runtime.stack.kill(name, signal.SIGKILL)
    _eventually(lambda: keeper.restarts > restarts and keeper.ready)
    assert keeper.pid != first


async def test_what_was_committed_is_there_after_a_kill(runtime: Runtime) -> None:
    settings = runtime.create_database("survey")
    arguments = runtime.stack.postgres.connection("survey", settings.database)
    connection = await asyncpg.connect(**arguments)
    await connection.execute("CREATE TABLE kept (number int); INSERT INTO kept VALUES (7)")
    keeper = runtime.stack.process("postgres")
    restarts = keeper.restarts
    runtime.stack.kill("postgres", signal.SIGKILL)
    connection.terminate()
    _eventually(lambda: keeper.restarts > restarts and keeper.ready)
    connection = await asyncpg.connect(**arguments)
    assert await connection.fetchval("SELECT number FROM kept") == 7
    await connection.close()


def test_after_a_killed_supervisor_the_next_start_ends_what_it_left_and_nothing_else(
    runtime: Runtime, home: Home
) -> None:
    base = ports.free_base()
    with _supervise(home, base) as supervisor:
        supervisor.kill()
    left = [each for each in psutil.process_iter() if _belongs_to(each, home)]
    assert {process.name() for process in left} >= {"java", "postgres"}

    reports: list[str] = []
    stack = Stack(home, base, report=reports.append)
    try:
        stack.start_infrastructure()
        assert not any(process.is_running() for process in left)
        assert any("left behind" in report for report in reports)
        assert runtime.stack.kafka.ready(), "the other stack was not touched"
        assert runtime.stack.postgres.ready()
        assert stack.kafka.cluster_id != runtime.stack.kafka.cluster_id
    finally:
        stack.stop()
    assert not [each for each in psutil.process_iter() if _belongs_to(each, home)]
    assert not home.stack_file.exists()


def _belongs_to(process: psutil.Process, home: Home) -> bool:
    try:
        return process.environ().get("JITASA_STACK") == str(home.root)
    except (psutil.Error, OSError):
        return False


def test_a_second_stack_in_the_same_home_is_refused(runtime: Runtime) -> None:
    with pytest.raises(Trouble, match="already runs"):
        Stack(runtime.stack.home, ports.free_base()).start_infrastructure()
    assert runtime.stack.kafka.ready()


def test_a_foreign_listener_is_named_and_left_alone(home: Home) -> None:
    base = ports.free_base()
    message = rf"port {base + 50} \(for kafka\): process {os.getpid()}"
    with socket.create_server(("127.0.0.1", base + 50)), pytest.raises(Trouble, match=message):
        Stack(home, base).start_infrastructure()
    assert not home.stack_file.exists()


def test_a_foreign_broker_is_not_taken_for_ours(runtime: Runtime, home: Home) -> None:
    other = Stack(home, ports.free_base())
    other.kafka.prepare()
    other.kafka.port = runtime.stack.kafka.port
    assert not other.kafka.ready()


def test_data_of_another_version_is_refused_and_left(home: Home) -> None:
    data = home.state / "postgres" / "data"
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("14\n")
    with pytest.raises(Trouble, match="belongs to PostgreSQL 14"):
        Stack(home, ports.free_base()).postgres.prepare()
    assert (data / "PG_VERSION").read_text() == "14\n"


@pytest.mark.skipif(os.getuid() != 0, reason="only root starts the database as another user")
def test_a_folder_that_the_databases_user_cannot_enter_is_named(home: Home) -> None:
    home.root.chmod(0o700)
    with pytest.raises(Trouble) as caught:
        Stack(home, ports.free_base()).postgres.prepare()
    assert f"chmod o+x {home.root}" in caught.value.en
    assert "JITASA_HOME=" in caught.value.en


@pytest.mark.skipif(
    os.getuid() != 0, reason="only root can become another user; as one, every other test here is this test"
)
def test_an_ordinary_user_can_run_it(home: Home) -> None:
    user = pwd.getpwnam("daemon").pw_uid  # PostgreSQL wants one that the system knows
    ordinary = {"user": user, "group": user, "extra_groups": [], "cwd": "/"}
    python = _interpreter_for(ordinary)
    os.chown(home.root, user, user)
    with _supervise(home, ports.free_base(), python, **ordinary) as supervisor:
        owners = {process.uids().real for process in psutil.process_iter() if _belongs_to(process, home)}
        supervisor.terminate()
    assert owners == {user}
    assert supervisor.returncode == 0
    assert {path.stat().st_uid for path in home.root.rglob("*")} == {user}


def _interpreter_for(ordinary: Mapping[str, Any]) -> str:
    """An interpreter of our version that this user may run with our code, or a stated skip."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    check = f"import sys, deploy, psutil; assert sys.version.startswith('{version}.')"
    path = f"{CHECKOUT}:{sysconfig.get_path('purelib')}"
    for python in (sys.executable, f"/usr/bin/python{version}", f"/usr/local/bin/python{version}"):
        try:
            done = subprocess.run(
                [python, "-c", check], env={"PYTHONPATH": path}, stderr=subprocess.DEVNULL, check=False, **ordinary
            )
        except OSError:
            continue
        if done.returncode == 0:
            return python
    pytest.skip("Python or the checkout lies in a folder that other users cannot enter")


def test_no_secret_is_on_a_command_line(runtime: Runtime) -> None:
    secrets = {path.read_text().strip() for path in runtime.stack.secrets.folder.iterdir()}
    for name in ("kafka", "postgres"):
        line = " ".join(psutil.Process(runtime.stack.process(name).pid).cmdline())
        assert not [secret for secret in secrets if secret in line]


def test_no_secret_is_in_a_log(runtime: Runtime) -> None:
    secrets = {path.read_text().strip() for path in runtime.stack.secrets.folder.iterdir()}
    written = "".join(path.read_text(errors="replace") for path in Path(runtime.stack.home.logs).glob("*.log"))
    assert written
    assert not [secret for secret in secrets if secret in written]


def test_a_home_from_before_subscribers_had_a_listener_is_taken_over(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its services signed in by the mechanism that is the subscribers' now; nothing of that is left afterwards."""
    base = ports.free_base()
    before = Stack(home, base).kafka
    with monkeypatch.context() as patch:
        patch.setattr("deploy.local.kafka.MECHANISM", FORMER_MECHANISM)
        before.prepare()
    (before.folder / "mechanism").unlink()  # it had no such file
    cluster = before.cluster_id
    stack = Stack(home, base)
    try:
        stack.start_infrastructure()
        assert stack.kafka.cluster_id == cluster
        everybodys = stack.kafka.admin().describe_user_scram_credentials()
        found = everybodys.result(10)  # type: ignore[union-attr]  # one answer for all
        assert {"broker", "admin", "survey"} <= found.keys()
        for user, held in found.items():
            mechanisms = [each.mechanism for each in held.scram_credential_infos]
            assert mechanisms == [provisioning.INTERNAL], user
    finally:
        stack.stop()
