"""Which backup is restored, and onto what."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from deploy.local import backups, restoring
from deploy.local.home import Home
from deploy.local.postgres import Postgres
from deploy.local.secrets import Secrets
from deploy.local.tools import Tools
from deploy.trouble import Trouble
from shared.observability.clock import SystemClock
from shared.security import sealing, signing_keys

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


def test_no_empty_database_is_made_where_restoring_was_cut_off(tmp_path: Path) -> None:
    home = Home(tmp_path / "home", tmp_path / "tools")
    postgres = Postgres(home.state / "postgres", Tools(home.tools), Secrets(home.secrets), 8100)
    (home.state / "postgres" / "data.restored").mkdir(parents=True)
    with pytest.raises(Trouble, match=r"jitasa restore` again"):
        postgres.prepare()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """One with secrets, of which a backup was taken into `kept`."""
    home = Home(tmp_path / "home", tmp_path / "tools")
    Secrets(home.secrets)
    (home.secrets / "kafka-external.pem").write_text("a certificate\n")
    home.issuers.write_text("[]\n")
    backups.keep_keys(home, tmp_path / "kept")
    return home


def in_home(home: Home) -> dict[str, str]:
    """Everything that the home's programs sign in or seal with."""
    return {path.name: path.read_text() for path in (*home.secrets.iterdir(), home.issuers)}


def test_keys_are_put_into_an_empty_home(home: Home, tmp_path: Path) -> None:
    other = Home(tmp_path / "other", tmp_path / "tools")
    restoring.put_keys(other, tmp_path / "kept")
    assert in_home(other) == in_home(home)


def test_what_was_renewed_since_the_backup_stays_as_it_is(home: Home, tmp_path: Path) -> None:
    secrets, now = Secrets(home.secrets), SystemClock().now()
    for file in ("kafka-external.pem", "kafka-survey-relay", "postgres-survey"):
        (home.secrets / file).write_text("renewed\n")
    for ring in (secrets.sealing_keys, secrets.registration_sealing_keys, secrets.subscriber_sealing_keys):
        sealing.rotate(ring, now)
    signing_keys.rotate(secrets.signing_keys, now, compromised=True)
    home.issuers.write_text("[1]\n")
    renewed = in_home(home)
    restoring.put_keys(home, tmp_path / "kept")
    assert in_home(home) == renewed


@pytest.mark.parametrize("file", ["household-key", "blind-index-key", "postgres-postgres"])
def test_another_key_that_data_is_found_by_is_refused(home: Home, tmp_path: Path, file: str) -> None:
    (home.secrets / file).write_text("another\n")
    with pytest.raises(Trouble, match=file):
        restoring.put_keys(home, tmp_path / "kept")


@pytest.mark.parametrize("file", ["sealing-keys", "registration-sealing-keys", "subscriber-sealing-keys"])
@pytest.mark.parametrize("keys", [{"k2": "bmV3"}, {"k1": "bmV3", "k2": "bmV3"}])
def test_a_ring_without_the_backups_keys_is_refused(
    home: Home, tmp_path: Path, file: str, keys: dict[str, str]
) -> None:
    """It was retired, or another key has its name."""
    (home.secrets / f"{file}.json").write_text(json.dumps({"current": "k2", "keys": keys}))
    with pytest.raises(Trouble, match="lacks keys"):
        restoring.put_keys(home, tmp_path / "kept")


def test_the_newest_keys_have_to_open_the_chosen_backup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ring from which a key was retired since is refused, also in an empty home."""
    backed_up(tmp_path / "backups", MONDAY)
    for day, ring in ((MONDAY, {"k1": "one"}), (FRIDAY, {"k2": "two"})):
        kept = tmp_path / "keys" / f"{day:%Y%m%dT%H%M%SZ}"
        kept.mkdir(parents=True)
        (kept / "sealing-keys.json").write_text(json.dumps({"current": max(ring), "keys": ring}))
    monkeypatch.setattr(backups, "verify", lambda *_: None)
    home = Home(tmp_path / "home", tmp_path / "tools")
    with pytest.raises(Trouble, match="lacks keys"):
        restoring.restore(home, Tools(home.tools), tmp_path / "backups", tmp_path / "keys", 8100, None)
