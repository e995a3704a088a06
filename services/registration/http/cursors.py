"""Opaque cursors of lists that are ordered by a time and an id."""

from __future__ import annotations

import base64
import binascii
import json
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from fastapi import Query

from services.registration.http.refusals import unknown_field

CursorText = Annotated[str | None, Query(max_length=300)]
"""A cursor as it comes in a request; ours have about 120 characters."""


def write_cursor(at: datetime, last: UUID) -> str:
    """Make the cursor that leads on from the last thing of a page."""
    return base64.urlsafe_b64encode(json.dumps([at.isoformat(), str(last)]).encode()).decode()


def read_cursor(text: str | None) -> tuple[datetime, UUID] | None:
    """Read a cursor of ours; None leads to the first page. Raises a 400 problem for anything else."""
    if text is None:
        return None
    try:
        at, last = json.loads(base64.urlsafe_b64decode(text))
        return datetime.fromisoformat(at).astimezone(UTC), UUID(last)
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError, binascii.Error):
        raise unknown_field("cursor", "ตัวชี้หน้าไม่ถูกต้อง", "This is not a cursor of ours", code="invalid") from None
