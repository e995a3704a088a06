"""Secrets are made once, closed to others, and of the form that the services read."""

from __future__ import annotations

from pathlib import Path

from deploy.local.secrets import Secrets
from shared.security.blind_index import BlindIndex
from shared.security.keyed_ids import HouseholdIds
from shared.security.sealing import KeyRing
from shared.security.tokens import TokenSigner


def test_files_are_for_their_owner_only_also_when_somebody_opened_them(tmp_path: Path) -> None:
    secrets = Secrets(tmp_path / "secrets")
    secrets.household_key.chmod(0o644)
    secrets.folder.chmod(0o755)
    Secrets(secrets.folder)
    assert secrets.folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in secrets.folder.iterdir()} == {0o600}


def test_a_second_start_keeps_them(tmp_path: Path) -> None:
    secrets = Secrets(tmp_path / "secrets")
    before = {path.name: path.read_bytes() for path in secrets.folder.iterdir()}
    Secrets(secrets.folder)
    assert {path.name: path.read_bytes() for path in secrets.folder.iterdir()} == before


def test_no_two_passwords_are_the_same(tmp_path: Path) -> None:
    secrets = Secrets(tmp_path / "secrets")
    texts = [path.read_text() for path in secrets.folder.iterdir()]
    assert len(set(texts)) == len(texts)


def test_the_services_can_read_them(tmp_path: Path) -> None:
    secrets = Secrets(tmp_path / "secrets")
    KeyRing.from_file(secrets.sealing_keys)
    KeyRing.from_file(secrets.subscriber_sealing_keys)
    HouseholdIds.from_file(secrets.household_key)
    BlindIndex.from_file(secrets.blind_index_key)
    TokenSigner.from_file(secrets.signing_keys, issuer="http://127.0.0.1:1")


def test_a_ring_that_both_services_had_is_copied_for_registration(tmp_path: Path) -> None:
    """What registration sealed under it before it had a ring of its own opens again."""
    secrets = Secrets(tmp_path / "secrets")
    assert secrets.registration_sealing_keys.read_text() != secrets.sealing_keys.read_text()
    secrets.registration_sealing_keys.unlink()
    Secrets(secrets.folder)
    assert secrets.registration_sealing_keys.read_text() == secrets.sealing_keys.read_text()
