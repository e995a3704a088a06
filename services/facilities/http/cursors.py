"""Cursors: behind which place the next page begins."""

import base64
import binascii
from uuid import UUID

from services.facilities.domain.violations import Violation
from services.facilities.http.parts import invalid


def write_id(last: UUID) -> str:
    """The cursor of a list in the order of ids."""
    return base64.urlsafe_b64encode(last.bytes).decode().rstrip("=")


def read_id(cursor: str) -> UUID:
    """The id that a cursor stands for. Raises a 400 problem."""
    try:
        return UUID(bytes=base64.b64decode(cursor + "==", altchars=b"-_", validate=True))
    except (ValueError, binascii.Error):
        raise invalid(
            [
                Violation(
                    "cursor", "unknown_cursor", "ไม่ใช่ cursor ที่ระบบนี้ให้ไว้", "This is not a cursor that was given here"
                )
            ]
        ) from None
