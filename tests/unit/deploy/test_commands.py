"""How commands end, and what they say of what goes wrong around them."""

from __future__ import annotations

import argparse
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from deploy.local import backups, commands
from deploy.local.backups import Backup
from deploy.local.home import Home


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """Of signals: as they were."""
    former = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
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
