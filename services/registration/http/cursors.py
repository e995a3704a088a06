"""Opaque cursors: the place of the last row of a page, as text that only we write and read."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from typing import TypeVar

from services.registration.http.refusals import unknown_field

T = TypeVar("T")


def write_cursor(*place: str) -> str:
    """Return the cursor that leads on from `place`."""
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode()


def read_cursor(text: str, read: Callable[[Sequence[str]], T]) -> T:
    """Return what `read` makes of the place in a cursor; a problem is raised for what is no cursor of ours.

    read: may raise whatever comes of values that are not those of `write_cursor`.
    """
    try:
        return read(json.loads(base64.urlsafe_b64decode(text)))
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError, binascii.Error):
        raise unknown_field("cursor", "ตัวชี้หน้าไม่ถูกต้อง", "This is not a cursor of ours", code="invalid") from None
