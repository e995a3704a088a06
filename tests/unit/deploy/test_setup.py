"""Set-up: what makes a part stale, how a cut-off one is redone, and what failures say."""

from __future__ import annotations

import errno
import fcntl
import importlib.util
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from deploy import setup
from deploy.__main__ import parse
from deploy.local.home import CHECKOUT
from deploy.trouble import Trouble, of_os_error


def test_a_part_is_fresh_only_while_what_it_is_made_from_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listing = tmp_path / "jars.sha256"
    listing.write_text("one")
    monkeypatch.setattr(setup, "JAR_LIST", listing)
    assert not setup.fresh(tmp_path, setup.JARS)
    setup.stamp(tmp_path, setup.JARS)
    assert setup.fresh(tmp_path, setup.JARS)
    listing.write_text("two")
    assert not setup.fresh(tmp_path, setup.JARS)


def test_a_part_that_was_begun_again_is_stale_until_it_is_complete(tmp_path: Path) -> None:
    setup.stamp(tmp_path, setup.WEB)
    setup.unstamp(tmp_path, setup.WEB)
    assert not setup.fresh(tmp_path, setup.WEB)


def test_packages_whose_python_was_removed_are_stale(tmp_path: Path) -> None:
    python = tmp_path / "venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    setup.stamp(tmp_path, setup.VENV)
    assert setup.fresh(tmp_path, setup.VENV)
    python.unlink()
    python.symlink_to(tmp_path / "removed")
    assert not setup.fresh(tmp_path, setup.VENV)


def test_nothing_is_replaced_under_a_running_stack(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    with (state / "lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        done = _jitasa("up", JITASA_HOME=str(tmp_path))
    assert done.returncode == 1
    assert "jitasa down" in done.stderr
    assert not (tmp_path / "tools").exists()


def test_two_setups_wait_for_each_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    order: list[str] = []
    waiting = threading.Event()

    def second() -> None:
        waiting.set()
        with setup.locked(tmp_path):
            order.append("second")

    with setup.locked(tmp_path):
        thread = threading.Thread(target=second)
        thread.start()
        waiting.wait()
        thread.join(0.2)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]
    assert "Another set-up is running" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("output", "says"),
    [
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "disk is full"),
        ("WARNING: Retrying ... NewConnectionError(...)\nERROR: No matching distribution found for x", "No network"),
        ("npm error code EAI_AGAIN", "No network"),
        ("ERROR: [Errno 13] Permission denied: '/x'", "cannot be written"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES", "DO NOT MATCH THE HASHES"),
    ],
)
def test_an_installers_failure_is_explained(output: str, says: str, tmp_path: Path) -> None:
    trouble = setup.explain(output, "the packages", tmp_path)
    assert says in trouble.en
    assert trouble.th


@pytest.mark.parametrize(
    ("number", "says"), [(errno.ENOSPC, "full"), (errno.EROFS, "cannot be written"), (errno.ENOENT, None)]
)
def test_an_error_of_the_system_is_explained_where_it_can_be(number: int, says: str | None) -> None:
    trouble = of_os_error(OSError(number, os.strerror(number)), "/home/x")
    assert (says in trouble.en) if trouble and says else trouble is None and says is None


def _jitasa(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", str(CHECKOUT / "jitasa"), *arguments],
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_without_python_the_script_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "dirname").symlink_to("/usr/bin/dirname")
    (tmp_path / "cat").symlink_to("/bin/cat")
    stub = tmp_path / "python3"
    stub.write_text("#!/bin/sh\necho 'command not found' >&2\nexit 127\n")  # as version managers leave them
    stub.chmod(0o755)
    done = _jitasa("status", PATH=str(tmp_path))
    assert done.returncode == 1
    assert "Python 3.11" in done.stderr
    assert "กรุณาติดตั้ง" in done.stderr


def test_a_python_that_does_not_run_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "dirname").symlink_to("/usr/bin/dirname")
    stub = tmp_path / "python3"
    stub.write_text("#!/bin/sh\nexit 127\n")
    stub.chmod(0o755)
    (tmp_path / "python3.13").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    (tmp_path / "python3.13").chmod(0o755)
    done = _jitasa("status", PATH=str(tmp_path), JITASA_HOME=str(tmp_path / "home"))
    assert done.returncode == 3
    assert "Nothing has been set up" in done.stdout


def test_a_home_that_cannot_be_made_is_one_clear_message(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = _jitasa("up", JITASA_HOME=str(tmp_path / "file" / "home"))
    assert done.returncode == 1
    assert "JITASA_HOME" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_mistyped_command_fetches_nothing(tmp_path: Path) -> None:
    done = _jitasa("upp", JITASA_HOME=str(tmp_path / "home"))
    assert done.returncode == 2
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("command", ["test", "admin"])
def test_what_follows_test_and_admin_is_passed_on_as_it_is(command: str) -> None:
    assert parse([command, "-q", "--help", "x"]).arguments == ["-q", "--help", "x"]


def test_a_python_without_venv_is_one_clear_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "ensurepip" else found(name))
    with pytest.raises(Trouble, match="python3-venv"):
        setup.prepare(tmp_path, testing=False)


def test_a_disk_without_room_is_noticed_before_anything_is_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(setup, "NEEDED_MEGABYTES", 10**9)
    with pytest.raises(Trouble, match="disk is full"):
        setup.prepare(tmp_path, testing=False)
    assert not (tmp_path / "venv").exists()
