"""Where a page of a list ends, as an opaque text for the next question."""

import base64
import binascii
from collections.abc import Callable
from typing import TypeVar

from shared.web.problems import FieldError, Message, Problem

Place = TypeVar("Place")


def cursor_of(place: bytes) -> str:
    """The cursor of a place in a list."""
    return base64.urlsafe_b64encode(place).decode().rstrip("=")


def place_of(cursor: str, read: Callable[[bytes], Place]) -> Place:
    """The place that a cursor names. `read` raises ValueError or OverflowError for what is none; raises a problem
    then."""
    try:
        return read(base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True))
    except (ValueError, OverflowError, binascii.Error):
        raise not_a_cursor("cursor") from None


def not_a_cursor(path: str) -> Problem:
    """What is answered to anything else; path: the parameter's name."""
    message = Message("ตัวชี้หน้าไม่ถูกต้อง โปรดเริ่มใหม่", "This is not a cursor of ours, please begin again")
    return Problem(400, "invalid", errors=[FieldError(path, "not_a_cursor", message)])
