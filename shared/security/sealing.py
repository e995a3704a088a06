"""Sealing of personal data: AES-256-GCM under a fresh data key, itself sealed under a key that can be rotated.

Erasing a record means destroying its wrapped data key: the ciphertext that lies on in logs and copies can then never
be opened again.

Keys are rotated while processes run. `rotate` puts a new one into the file; every process reads the file again within
seconds, and at once when it meets a key that it does not know. Where processes have copies of the file that change at
different times, as pods on several nodes, `rotate` is done in two steps: `add` gives them a key that opens, and `use`
lets it seal once every copy has it. Then the data keys are wrapped anew (shared/postgres/rewrapping.py), and `retire`
takes the old key out: with it every copy that is still wrapped under it, in logs, dead rows and backups, is closed for
good.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

import structlog
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from shared.observability.metrics import SEALING_KEYS
from shared.security.key_file import Followed, alone, replace

RELOAD_SECONDS: Final = 5.0
"""How often processes look whether the file was replaced: one `stat`."""

_KEY_BYTES = 32
_NONCE_BYTES = 12
_TAG_BYTES = 16

_log = structlog.get_logger(__name__)


class SealBroken(Exception):
    """What was to be opened is damaged, was sealed for another household or field, or under a key not in the ring."""


class KeyNeeded(Exception):
    """The key cannot be taken out: it is the current one, or there is none of this name."""


class NoSuchKey(Exception):
    """The file holds no key of this name."""


class Sealed(NamedTuple):
    """Sealed data: the id of the key-encryption key, the data key wrapped under it, and the ciphertext."""

    key_id: str
    wrapped_key: bytes
    ciphertext: bytes


class KeyRing:
    """The key-encryption keys: the current one seals; older ones still open what was sealed under them."""

    def __init__(self, current: str, keys: Mapping[str, bytes], file: Followed | None = None) -> None:
        self._file = file
        self._take(current, keys)

    def _take(self, current: str, keys: Mapping[str, bytes]) -> None:
        if current not in keys:
            raise ValueError(f"the current sealing key {current!r} is not among the keys")
        if any(len(key) != _KEY_BYTES for key in keys.values()):
            raise ValueError(f"every sealing key must have {_KEY_BYTES} bytes")
        self._current = current
        SEALING_KEYS.clear()
        for key_id in keys:
            SEALING_KEYS.labels(key_id, "seals" if key_id == current else "opens").set(1)
        # AESGCM expands the key when it is made: once here instead of once a record.
        self._wrapping = {key_id: AESGCM(key) for key_id, key in keys.items()}

    @classmethod
    def from_file(cls, path: Path) -> KeyRing:
        """Read `{"current": "k1", "keys": {"k1": "<base64 of 32 bytes>"}}`. Raises `ValueError` naming the file."""
        file = Followed(path, "sealing_keys_unreadable")  # before it is read: what replaces it meanwhile is another
        return cls(*_read(path), file)

    @property
    def current(self) -> str:
        """The id of the key that seals."""
        return self._current

    @property
    def key_ids(self) -> frozenset[str]:
        """The ids of all keys of the ring."""
        return frozenset(self._wrapping)

    def reload(self) -> bool:
        """Read the file again if it was replaced; True if so. A bad one is logged, and the keys stay as they were."""
        if self._file is None or not self._file.reload(lambda path: self._take(*_read(path))):
            return False
        _log.info("sealing_keys", current=self._current, known=sorted(self._wrapping))
        return True

    async def follow(self) -> None:
        """Reload whenever the file is replaced, until cancelled."""
        while True:
            await asyncio.sleep(RELOAD_SECONDS)
            self.reload()

    def seal(self, plaintext: bytes, *, household: str, field: str) -> Sealed:
        """Seal `plaintext` so that it opens only as `field` of `household`: the id of the household or person."""
        binding = _binding(household, field)
        fresh = os.urandom(_KEY_BYTES + 2 * _NONCE_BYTES)  # one call into the kernel for all three
        data_key, nonce, wrap_nonce = fresh[:_KEY_BYTES], fresh[_KEY_BYTES:-_NONCE_BYTES], fresh[-_NONCE_BYTES:]
        return Sealed(
            self._current,
            wrap_nonce + self._wrapping[self._current].encrypt(wrap_nonce, data_key, binding),
            nonce + AESGCM(data_key).encrypt(nonce, plaintext, binding),
        )

    def open_sealed(self, sealed: Sealed, *, household: str, field: str) -> bytes:
        """Give back what was sealed. Raises `SealBroken`."""
        binding = _binding(household, field)
        if len(sealed.ciphertext) < _NONCE_BYTES + _TAG_BYTES:
            raise SealBroken("the sealed data are cut off")
        try:
            data_key = self._unwrap(sealed.key_id, sealed.wrapped_key, binding)
            return AESGCM(data_key).decrypt(sealed.ciphertext[:_NONCE_BYTES], sealed.ciphertext[_NONCE_BYTES:], binding)
        except InvalidTag:
            raise SealBroken("the sealed data are damaged or belong to another household or field") from None

    def rewrap(self, key_id: str, wrapped_key: bytes, *, household: str, field: str) -> tuple[str, bytes]:
        """Wrap a data key under the current key instead, and return that key's id and the wrapped data key. What it
        seals stays as it is. Raises `SealBroken`."""
        binding = _binding(household, field)
        try:
            data_key = self._unwrap(key_id, wrapped_key, binding)
        except InvalidTag:
            raise SealBroken("the wrapped key is damaged or belongs to another household or field") from None
        nonce = os.urandom(_NONCE_BYTES)
        return self._current, nonce + self._wrapping[self._current].encrypt(nonce, data_key, binding)

    def _unwrap(self, key_id: str, wrapped_key: bytes, binding: bytes) -> bytes:
        if key_id not in self._wrapping:
            self.reload()  # another process may already seal under a key that is new
        wrapping = self._wrapping.get(key_id)
        if wrapping is None:
            raise SealBroken(f"sealing key {key_id!r} is not in the ring")
        if len(wrapped_key) != _NONCE_BYTES + _KEY_BYTES + _TAG_BYTES:
            raise SealBroken("the sealed data are cut off")
        return wrapping.decrypt(wrapped_key[:_NONCE_BYTES], wrapped_key[_NONCE_BYTES:], binding)


def add(path: Path) -> str:
    """Put a new key into a file, which opens and does not seal yet, and return its id. Raises `OSError` and
    `ValueError`."""
    with alone(path):
        document = _document(path)
        key_id = _add(document)
        _write(path, document)
    return key_id


def use(path: Path, key_id: str, now: datetime) -> None:
    """Let a key of a file seal from now on. Raises `NoSuchKey`, `OSError` and `ValueError`."""
    with alone(path):
        document = _document(path)
        if key_id not in document["keys"]:
            raise NoSuchKey(key_id)
        if key_id != document["current"]:
            _use(document, key_id, now)
            _write(path, document)


def rotate(path: Path, now: datetime) -> str:
    """Put a new key into a file, which seals from now on, and return its id. Raises `OSError` and `ValueError`."""
    with alone(path):
        document = _document(path)
        key_id = _add(document)
        _use(document, key_id, now)
        _write(path, document)
    return key_id


def retire(path: Path, key_id: str) -> None:
    """Take an old key out of a file: what is still wrapped under it can never be opened again. Raises `KeyNeeded`,
    `OSError` and `ValueError`."""
    with alone(path):
        document = _document(path)
        if key_id == document["current"] or key_id not in document["keys"]:
            raise KeyNeeded(key_id)
        del document["keys"][key_id]
        document.get("since", {}).pop(key_id, None)
        _write(path, document)


def replaced_at(path: Path) -> datetime | None:
    """Since when the current key seals; None for one that no `rotate` made. Raises `OSError` and `ValueError`."""
    document = _document(path)
    since = document.get("since", {}).get(document["current"])
    return None if since is None else datetime.fromisoformat(since)


def _document(path: Path) -> dict[str, Any]:
    _read(path)  # whatever is not a ring is refused before it is changed
    document: dict[str, Any] = json.loads(path.read_bytes())
    return document


def _add(document: dict[str, Any]) -> str:
    keys = document["keys"]
    number = 1 + max((int(key_id[1:]) for key_id in keys if key_id[1:].isdigit()), default=0)
    key_id = f"k{number}"
    keys[key_id] = base64.b64encode(os.urandom(_KEY_BYTES)).decode()
    return key_id


def _use(document: dict[str, Any], key_id: str, now: datetime) -> None:
    document |= {"current": key_id, "since": document.get("since", {}) | {key_id: now.isoformat()}}


def _write(path: Path, document: dict[str, Any]) -> None:
    replace(path, json.dumps(document) + "\n")


def _read(path: Path) -> tuple[str, dict[str, bytes]]:
    try:
        document = json.loads(path.read_bytes())
        keys = {key_id: base64.b64decode(key, validate=True) for key_id, key in document["keys"].items()}
        if document["current"] not in keys or any(len(key) != _KEY_BYTES for key in keys.values()):
            raise ValueError(f"the current key is not among the keys, or one has not {_KEY_BYTES} bytes")
        return document["current"], keys
    except (ValueError, KeyError, TypeError, AttributeError, binascii.Error) as error:
        raise ValueError(f"{path} does not hold sealing keys: {error}") from error


def _binding(household: str, field: str) -> bytes:
    # The zero byte cannot occur in an id, so no two pairs give the same bytes.
    return f"{household}\0{field}".encode()
