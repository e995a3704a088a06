"""The file format of a single secret key, shared by the blind index and the household ids."""

from __future__ import annotations

import base64
import binascii
from pathlib import Path

_KEY_BYTES = 32  # as long as the output of the hash: a longer key would add nothing


def read_secret_key(path: Path) -> bytes:
    """Read a file with the base64 of 32 random bytes. Raises `ValueError` naming the file otherwise."""
    try:
        key = base64.b64decode(path.read_bytes().strip(), validate=True)
    except binascii.Error as error:
        raise ValueError(f"{path} does not hold base64") from error
    if len(key) != _KEY_BYTES:
        raise ValueError(f"{path} must hold the base64 of {_KEY_BYTES} bytes, not of {len(key)}")
    return key
