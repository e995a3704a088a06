"""Opaque cursors of lists that are ordered by a time and an id, or by area, time and id as persons are."""

from __future__ import annotations

import base64
import binascii
import json
from datetime import UTC, datetime
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import Query

from services.registration.http.refusals import unknown_field
from shared.areas.register import is_current
from shared.web.problems import Problem

_BROKEN: Final = (ValueError, TypeError, AttributeError, OverflowError, RecursionError, binascii.Error)

CursorText = Annotated[str | None, Query(max_length=300)]
"""A cursor as it comes in a request; ours have about 120 characters."""


def write_cursor(at: datetime, last: UUID) -> str:
    """Make the cursor that leads on from the last thing of a page."""
    return _write(at.isoformat(), str(last))


def write_person_cursor(area: str, at: datetime, last: UUID) -> str:
    """Make the cursor that leads on from the last person of a page."""
    return _write(area, at.isoformat(), str(last))


def read_cursor(text: str | None) -> tuple[datetime, UUID] | None:
    """Read a cursor of ours; None leads to the first page. Raises a 400 problem for anything else."""
    if text is None:
        return None
    try:
        at, last = _read(text)
        return datetime.fromisoformat(at).astimezone(UTC), UUID(last)
    except _BROKEN:
        raise _not_a_cursor() from None


def read_person_cursor(text: str | None) -> tuple[str, datetime, UUID] | None:
    """Read a cursor of a list of persons; as `read_cursor`."""
    if text is None:
        return None
    try:
        area, at, last = _read(text)
        if not is_current(area):
            raise ValueError
        return area, datetime.fromisoformat(at).astimezone(UTC), UUID(last)
    except _BROKEN:
        raise _not_a_cursor() from None


def _write(*place: str) -> str:
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode()


def _read(text: str) -> Any:
    return json.loads(base64.urlsafe_b64decode(text))


def _not_a_cursor() -> Problem:
    return unknown_field("cursor", "ตัวชี้หน้าไม่ถูกต้อง", "This is not a cursor of ours", code="invalid")
