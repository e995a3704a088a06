"""Which backup is restored, and onto what."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from deploy.local import restoring
from deploy.local.home import Home
from deploy.local.tools import Tools
from deploy.trouble import Trouble

MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY = (datetime(2022, 2, day, 8, tzinfo=UTC) for day in range(7, 12))


def backed_up(folder: Path, began: datetime, *, followed_until: datetime | None = None) -> Path:
    """A backup without its files."""
    backup = folder / f"{began:%Y%m%dT%H%M%SZ}"
    (backup / "base").mkdir(parents=True)
    if followed_until is not None:
        changes = backup / "wal" / "000000010000000000000001.partial"
        changes.parent.mkdir()
        changes.touch()
        os.utime(changes, (followed_until.timestamp(), followed_until.timestamp()))
    return backup


def test_a_followed_backup_is_preferred_to_a_later_one_that_knows_less(tmp_path: Path) -> None:
    followed = backed_up(tmp_path, MONDAY, followed_until=FRIDAY)
    later = backed_up(tmp_path, WEDNESDAY)
    assert restoring.choose(tmp_path, None).folder == followed
    assert restoring.choose(tmp_path, THURSDAY).folder == followed
    assert restoring.choose(later, None).folder == later, "which was named itself"


def test_a_later_backup_is_preferred_to_one_that_is_no_longer_followed(tmp_path: Path) -> None:
    followed = backed_up(tmp_path, MONDAY, followed_until=TUESDAY)
    later = backed_up(tmp_path, WEDNESDAY)
    assert restoring.choose(tmp_path, None).folder == later
    assert restoring.choose(tmp_path, TUESDAY).folder == followed


def test_a_moment_needs_a_followed_backup_from_before_it(tmp_path: Path) -> None:
    plain = backed_up(tmp_path, MONDAY)
    for folder in (tmp_path, plain):
        with pytest.raises(Trouble, match="was followed"):
            restoring.choose(folder, FRIDAY)
    backed_up(tmp_path, WEDNESDAY, followed_until=FRIDAY)
    with pytest.raises(Trouble, match="as old as"):
        restoring.choose(tmp_path, TUESDAY)


def test_nothing_is_restored_where_a_stack_has_the_home(tmp_path: Path) -> None:
    """Which would make its own database in the same place."""
    home = Home(tmp_path / "home", tmp_path / "tools")
    backed_up(tmp_path / "backups", MONDAY)
    home.state.mkdir(parents=True)
    with home.take(), pytest.raises(Trouble, match="already runs"):
        restoring.restore(home, Tools(home.tools), tmp_path / "backups", tmp_path / "keys", 8100, None)
    assert [path.name for path in home.state.iterdir()] == ["lock"]
