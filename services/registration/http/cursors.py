"""Cursors: where the next page of a list begins, in a form that callers pass back and do not read."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query

from services.registration.http.refusals import unknown_field
from shared.areas.register import is_current

CursorText = Annotated[str | None, Query(max_length=1_500)]
"""The longest holds a name of 200 characters, each of them six in JSON and those four thirds in base64."""


def write(*place: object) -> str:
    """Write a cursor of texts, ids and times."""
    parts = [part.isoformat() if isinstance(part, datetime) else str(part) for part in place]
    return base64.urlsafe_b64encode(json.dumps(parts, ensure_ascii=False).encode()).decode()


def read(text: str, *kinds: Callable[[str], Any]) -> tuple[Any, ...]:
    """Read a cursor whose parts `kinds` turn from text into what they are. Raises a 400 problem."""
    try:
        parts = json.loads(base64.urlsafe_b64decode(text))
        if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
            raise ValueError
        return tuple(kind(part) for kind, part in zip(kinds, parts, strict=True))
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError, binascii.Error):
        raise unknown_field("cursor", "ตัวชี้หน้าไม่ถูกต้อง", "This is not a cursor of ours", code="invalid") from None


def moment(text: str) -> datetime:
    """Read a time with its zone."""
    return datetime.fromisoformat(text).astimezone(UTC)


def place(text: str) -> str:
    """Read the code of an area in use."""
    if not is_current(text):
        raise ValueError(text)
    return text


def plain(text: str) -> str:
    """Read text that a database can hold."""
    if "\0" in text:
        raise ValueError("a zero byte")
    text.encode()
    return text


def write_cursor(at: datetime, last: UUID) -> str:
    """Write the cursor of a list that is ordered by a time and an id."""
    return write(at, last)


def read_cursor(text: str | None) -> tuple[datetime, UUID] | None:
    """Read such a cursor; None leads to the first page. Raises a 400 problem for anything else."""
    if text is None:
        return None
    at, last = read(text, moment, UUID)
    return at, last


def write_person_cursor(area: str, at: datetime, last: UUID) -> str:
    """Write the cursor of a list of persons, by area, time and id."""
    return write(area, at, last)


def read_person_cursor(text: str | None) -> tuple[str, datetime, UUID] | None:
    """Read a cursor of a list of persons; as `read_cursor`."""
    if text is None:
        return None
    area, at, last = read(text, place, moment, UUID)
    return area, at, last
