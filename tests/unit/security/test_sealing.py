"""Sealing: what was sealed opens, and only as what it was sealed for."""

import base64
import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.security import sealing
from shared.security.sealing import KeyRing, NoSuchKey, SealBroken, Sealed, add, replaced_at, rotate, use

NOW = datetime(2022, 2, 5, 3, 0, tzinfo=UTC)
RING = KeyRing("k1", {"k1": os.urandom(32)})


@given(st.binary(max_size=4096), st.text(), st.text())
def test_what_was_sealed_opens(plaintext: bytes, household: str, field: str) -> None:
    try:
        (household + field).encode()
    except UnicodeEncodeError:
        return
    sealed = RING.seal(plaintext, household=household, field=field)
    assert RING.open_sealed(sealed, household=household, field=field) == plaintext
    assert not plaintext or len(plaintext) < 8 or plaintext not in sealed.ciphertext


@given(st.data())
def test_any_changed_byte_breaks_the_seal(data: st.DataObject) -> None:
    sealed = RING.seal(b"0812345678", household="h", field="phone")
    content = bytearray(sealed.wrapped_key + sealed.ciphertext)
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    changed = bytes(content)
    wrapped_key, ciphertext = changed[: len(sealed.wrapped_key)], changed[len(sealed.wrapped_key) :]
    with pytest.raises(SealBroken):
        RING.open_sealed(Sealed(sealed.key_id, wrapped_key, ciphertext), household="h", field="phone")


def test_sealed_data_are_bound_to_their_household_and_field() -> None:
    sealed = RING.seal(b"secret", household="h1", field="name")
    for household, field in (("h2", "name"), ("h1", "phone"), ("h1n", "ame"), ("h1\0name", "")):
        with pytest.raises(SealBroken):
            RING.open_sealed(sealed, household=household, field=field)


def test_the_same_text_never_looks_the_same() -> None:
    first, second = (RING.seal(b"same", household="h", field="f") for _ in range(2))
    assert first.ciphertext != second.ciphertext
    assert first.wrapped_key != second.wrapped_key


def test_a_destroyed_data_key_cannot_be_replaced_by_another() -> None:
    sealed, other = (RING.seal(b"same", household="h", field="f") for _ in range(2))
    with pytest.raises(SealBroken):
        RING.open_sealed(sealed._replace(wrapped_key=other.wrapped_key), household="h", field="f")
    with pytest.raises(SealBroken, match="cut off"):
        RING.open_sealed(sealed._replace(wrapped_key=b""), household="h", field="f")


def test_an_old_key_still_opens_after_a_rotation() -> None:
    old_key, new_key = os.urandom(32), os.urandom(32)
    sealed = KeyRing("2021", {"2021": old_key}).seal(b"old", household="h", field="f")
    rotated = KeyRing("2022", {"2021": old_key, "2022": new_key})
    assert rotated.open_sealed(sealed, household="h", field="f") == b"old"
    assert rotated.seal(b"new", household="h", field="f").key_id == "2022"
    with pytest.raises(SealBroken, match="not in the ring"):
        KeyRing("2022", {"2022": new_key}).open_sealed(sealed, household="h", field="f")


def test_a_ring_is_judged_when_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    good = base64.b64encode(os.urandom(32)).decode()
    documents: tuple[object, ...] = (
        "",
        [],
        {},
        {"current": "k2", "keys": {"k1": good}},
        {"current": "k1", "keys": {"k1": "short"}},
        {"current": "k1", "keys": {"k1": base64.b64encode(b"16 bytes of key.").decode()}},
        {"current": "k1", "keys": [good]},
    )
    for document in documents:
        path.write_text(json.dumps(document))
        with pytest.raises(ValueError, match=r"keys\.json"):
            KeyRing.from_file(path)
    path.write_text(json.dumps({"current": "k1", "keys": {"k1": good}}))
    assert KeyRing.from_file(path).seal(b"", household="h", field="f").key_id == "k1"


@pytest.fixture
def ring_file(tmp_path: Path) -> Path:
    """A ring with one key, k1."""
    path = tmp_path / "keys.json"
    path.write_text(json.dumps({"current": "k1", "keys": {"k1": base64.b64encode(os.urandom(32)).decode()}}))
    return path


def test_a_key_that_was_added_opens_before_it_seals(ring_file: Path, tmp_path: Path) -> None:
    """Two processes with copies of their own: in one step the second could not open what the first seals."""
    late = tmp_path / "late.json"
    late.write_bytes(ring_file.read_bytes())
    second = KeyRing.from_file(late)
    assert add(ring_file) == "k2"
    first = KeyRing.from_file(ring_file)
    sealed = first.seal(b"name", household="h", field="f")
    assert (sealed.key_id, second.open_sealed(sealed, household="h", field="f")) == ("k1", b"name")

    beforehand = ring_file.read_bytes()
    use(ring_file, "k2", NOW)
    assert replaced_at(ring_file) == NOW
    assert first.reload()
    sealed = first.seal(b"name", household="h", field="f")
    assert sealed.key_id == "k2"
    with pytest.raises(SealBroken, match="not in the ring"):
        second.open_sealed(sealed, household="h", field="f")
    late.unlink()
    late.write_bytes(beforehand)
    assert second.open_sealed(sealed, household="h", field="f") == b"name", "it reads its copy again when it has to"
    assert second.current == "k1"


def test_only_a_key_that_is_there_is_used(ring_file: Path) -> None:
    before = ring_file.read_bytes()
    with pytest.raises(NoSuchKey):
        use(ring_file, "k2", NOW)
    use(ring_file, "k1", NOW)
    assert ring_file.read_bytes() == before


def test_a_file_that_is_replaced_while_it_is_read_is_read_again(
    ring_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = sealing._read

    def slowly(path: Path) -> tuple[str, dict[str, bytes]]:
        found = read(path)
        monkeypatch.setattr(sealing, "_read", read)
        rotate(path, NOW)
        return found

    monkeypatch.setattr(sealing, "_read", slowly)
    ring = KeyRing.from_file(ring_file)
    assert ring.current == "k1"
    assert ring.reload()
    assert ring.current == "k2"
