"""Sealing of personal data: AES-256-GCM under a fresh data key, itself sealed under a key that can be rotated.

Erasing a record means destroying its wrapped data key: the ciphertext that lies on in logs and copies can then never
be opened again.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_KEY_BYTES = 32
_NONCE_BYTES = 12
_TAG_BYTES = 16


class SealBroken(Exception):
    """What was to be opened is damaged, was sealed for another household or field, or under a key not in the ring."""


class Sealed(NamedTuple):
    """Sealed data: the id of the key-encryption key, the data key wrapped under it, and the ciphertext."""

    key_id: str
    wrapped_key: bytes
    ciphertext: bytes


class KeyRing:
    """The key-encryption keys: the current one seals; older ones still open what was sealed under them."""

    def __init__(self, current: str, keys: Mapping[str, bytes]) -> None:
        if current not in keys:
            raise ValueError(f"the current sealing key {current!r} is not among the keys")
        if any(len(key) != _KEY_BYTES for key in keys.values()):
            raise ValueError(f"every sealing key must have {_KEY_BYTES} bytes")
        self._current = current
        # AESGCM expands the key when it is made: once here instead of once a record.
        self._wrapping = {key_id: AESGCM(key) for key_id, key in keys.items()}

    @classmethod
    def from_file(cls, path: Path) -> KeyRing:
        """Read `{"current": "k1", "keys": {"k1": "<base64 of 32 bytes>"}}`. Raises `ValueError` naming the file."""
        try:
            document = json.loads(path.read_bytes())
            keys = {key_id: base64.b64decode(key, validate=True) for key_id, key in document["keys"].items()}
            return cls(document["current"], keys)
        except (ValueError, KeyError, TypeError, AttributeError, binascii.Error) as error:
            raise ValueError(f"{path} does not hold sealing keys: {error}") from error

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
        try:
            wrapping = self._wrapping[sealed.key_id]
        except KeyError:
            raise SealBroken(f"sealing key {sealed.key_id!r} is not in the ring") from None
        if (
            len(sealed.wrapped_key) != _NONCE_BYTES + _KEY_BYTES + _TAG_BYTES
            or len(sealed.ciphertext) < _NONCE_BYTES + _TAG_BYTES
        ):
            raise SealBroken("the sealed data are cut off")
        try:
            data_key = wrapping.decrypt(sealed.wrapped_key[:_NONCE_BYTES], sealed.wrapped_key[_NONCE_BYTES:], binding)
            return AESGCM(data_key).decrypt(sealed.ciphertext[:_NONCE_BYTES], sealed.ciphertext[_NONCE_BYTES:], binding)
        except InvalidTag:
            raise SealBroken("the sealed data are damaged or belong to another household or field") from None


def _binding(household: str, field: str) -> bytes:
    # The zero byte cannot occur in an id, so no two pairs give the same bytes.
    return f"{household}\0{field}".encode()
