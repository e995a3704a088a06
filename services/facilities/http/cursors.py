"""Cursors: behind which place the next page begins."""

import base64
import binascii
from datetime import UTC, datetime
from uuid import UUID

from services.facilities.domain.violations import Violation
from services.facilities.http.parts import invalid
from shared.web.problems import Problem


def write_id(last: UUID) -> str:
    """The cursor of a list in the order of ids."""
    return base64.urlsafe_b64encode(last.bytes).decode().rstrip("=")


def read_id(cursor: str) -> UUID:
    """The id that a cursor stands for. Raises a 400 problem."""
    try:
        return UUID(bytes=_bytes(cursor))
    except ValueError:
        raise _unknown() from None


def write_ids(one: UUID, other: UUID) -> str:
    """The cursor of a list in the order of pairs of ids."""
    return base64.urlsafe_b64encode(one.bytes + other.bytes).decode().rstrip("=")


def read_ids(cursor: str) -> tuple[UUID, UUID]:
    """The pair of ids that a cursor stands for. Raises a 400 problem."""
    bytes_ = _bytes(cursor)
    if len(bytes_) != 32:
        raise _unknown()
    return UUID(bytes=bytes_[:16]), UUID(bytes=bytes_[16:])


def write_moment(at: datetime, last: UUID) -> str:
    """The cursor of a list in the order of times and ids."""
    return base64.urlsafe_b64encode(last.bytes + at.isoformat().encode()).decode().rstrip("=")


def read_moment(cursor: str) -> tuple[datetime, UUID]:
    """The time and the id that a cursor stands for. Raises a 400 problem."""
    try:
        bytes_ = _bytes(cursor)
        return datetime.fromisoformat(bytes_[16:].decode()).astimezone(UTC), UUID(bytes=bytes_[:16])
    except (ValueError, OverflowError):
        raise _unknown() from None


def write_name(spelling: str, last: UUID) -> str:
    """The cursor of a list in the order of names, or of other texts, and ids."""
    return base64.urlsafe_b64encode(last.bytes + spelling.encode()).decode().rstrip("=")


def read_name(cursor: str) -> tuple[str, UUID]:
    """The name's spelling and the id that a cursor stands for. Raises a 400 problem."""
    try:
        bytes_ = _bytes(cursor)
        spelling = bytes_[16:].decode()
        if "\0" in spelling:
            raise ValueError
        return spelling, UUID(bytes=bytes_[:16])
    except ValueError:
        raise _unknown() from None


def _bytes(cursor: str) -> bytes:
    try:
        return base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        raise _unknown() from None


def _unknown() -> Problem:
    return invalid(
        [Violation("cursor", "unknown_cursor", "ไม่ใช่ cursor ที่ระบบนี้ให้ไว้", "This is not a cursor that was given here")]
    )
