"""How commands end, and what they say of what goes wrong around them."""

from __future__ import annotations

import argparse
import errno
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import psutil
import pytest
from confluent_kafka import KafkaException

from deploy import __main__ as entry
from deploy import partitions
from deploy.local import backups, commands
from deploy.local.backups import Backup
from deploy.local.home import Home
from deploy.scale import ONE_OF_EACH
from deploy.trouble import Trouble
from shared.postgres import lost_changes


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """Of signals: as a terminal leaves them, although the tests may run without one; behind it as they were."""
    former = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    for number, handler in former.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_command_is_interrupted_once(number: signal.Signals) -> None:
    """Also by the end of its terminal: what it started has no other to end it."""
    with commands._until_stopped() as stopping:
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)
        assert stopping.is_set()
        signal.raise_signal(number)


def test_the_end_of_the_terminal_may_be_ignored() -> None:
    """As `nohup` has it."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with commands._until_stopped() as stopping:
        signal.raise_signal(signal.SIGHUP)
        assert not stopping.is_set()


class Follower:
    """What receives changes: whatever happens while it is looked at, it has to be ended."""

    def __init__(self, happens: Callable[[], None]) -> None:
        self.happens = happens
        self.stopped = 0

    def complete(self) -> bool:
        """It is looked at."""
        self.happens()
        return True

    def stop(self) -> None:
        """Counts."""
        self.stopped += 1


def backing_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, follower: Follower) -> int:
    """The command, which follows, in a home whose stack runs."""
    monkeypatch.setattr(commands, "_attached", lambda home: SimpleNamespace(postgres=None))
    monkeypatch.setattr(backups, "take", lambda *_, follow: (Backup(tmp_path / "made"), follower))
    chosen = argparse.Namespace(to=tmp_path, keys=tmp_path, follow=True)
    return commands.backup(Home(tmp_path, tmp_path), chosen)


def test_who_follows_ends_with_the_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    follower = Follower(lambda: signal.raise_signal(signal.SIGHUP))
    assert backing_up(tmp_path, monkeypatch, follower) == 0
    assert follower.stopped == 1


def test_who_follows_ends_when_nothing_can_be_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The terminal has gone before the first word."""

    def gone(*_: Any, **__: Any) -> None:
        raise BrokenPipeError

    follower = Follower(lambda: None)
    monkeypatch.setattr("builtins.print", gone)
    with pytest.raises(BrokenPipeError):
        backing_up(tmp_path, monkeypatch, follower)
    assert follower.stopped == 1


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (NotADirectoryError(errno.ENOTDIR, "Not a directory", "/mnt/backups/x"), "/mnt/backups/x"),
        (OSError(errno.ENOSPC, "No space left on device"), "No space left on device"),
        (shutil.Error([("/from/a", "/to/a", "it is full"), ("/from/b", "/to/b", "it is full")]), "it is full\n"),
    ],
)
def test_what_folders_do_not_take_is_said_with_a_remedy(error: OSError, said: str) -> None:
    with pytest.raises(Trouble) as told, commands._folders("Name another.", "โฟลเดอร์อื่น"):
        raise error
    assert said in told.value.en
    assert said.strip() in told.value.th
    assert told.value.en.endswith("Name another.")


def test_a_file_is_no_folder_for_backups(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(commands, "_attached", lambda home: SimpleNamespace(postgres=None))
    (tmp_path / "file").touch()
    assert entry.main(["backup", "--to", str(tmp_path / "file"), "--keys", str(tmp_path / "keys")]) == 1
    assert "name another folder by --to or --keys" in capsys.readouterr().err


def test_what_the_system_refuses_is_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(_: argparse.Namespace) -> int:
        raise PermissionError(errno.EACCES, "Permission denied", "/somewhere")

    monkeypatch.setattr(commands, "run", refused)
    assert entry.main(["status"]) == 1
    assert "The folder /somewhere cannot be written" in capsys.readouterr().err


@pytest.mark.parametrize("task", [["lost-changes"], ["partitions", "48"]])
def test_a_database_or_a_kafka_that_does_not_answer_is_said(
    task: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stack runs, but neither of the two."""

    def away(*_: Any, **__: Any) -> int:
        raise ConnectionRefusedError if task == ["lost-changes"] else KafkaException("away")

    monkeypatch.setattr(commands, "_attached", lambda home: MagicMock())
    monkeypatch.setattr(lost_changes, "show", away)
    monkeypatch.setattr(partitions, "grow", away)
    with pytest.raises(Trouble, match="does not answer"):
        commands.admin(Home(tmp_path, tmp_path), argparse.Namespace(arguments=task))


def test_the_stack_of_another_user_is_not_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    process = MagicMock()
    process.send_signal.side_effect = psutil.AccessDenied
    process.username.return_value = "somchai"
    monkeypatch.setattr(commands, "supervisor_of", lambda home: SimpleNamespace(find=lambda: process))
    with pytest.raises(Trouble, match="somchai"):
        commands.down(Home(tmp_path, tmp_path), argparse.Namespace())


def test_a_stack_that_ended_just_before_the_signal_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    process = MagicMock()
    process.send_signal.side_effect = psutil.NoSuchProcess(1)
    supervisor = SimpleNamespace(find=lambda: process, alive=lambda: False)
    monkeypatch.setattr(commands, "supervisor_of", lambda home: supervisor)
    assert commands.down(Home(tmp_path, tmp_path), argparse.Namespace()) == 0
    assert capsys.readouterr().out == "Stopped.\n"


def test_what_a_detached_supervisor_says_is_for_its_owner_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the first word on: the folder of logs is there before it."""
    home = Home(tmp_path, tmp_path)
    monkeypatch.setattr(subprocess, "Popen", MagicMock())  # which ends without a word
    with pytest.raises(Trouble, match="without a word"):
        commands._up_detached(home, ONE_OF_EACH, monitored=False)
    assert home.logs.stat().st_mode & 0o777 == 0o700
