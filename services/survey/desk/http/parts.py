"""What the desk's routes share: their tools, the areas that they take, cursors and texts."""

import base64
import binascii
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final
from uuid import UUID

from fastapi import Query
from starlette.requests import Request

from services.survey.desk.imports import Imports
from services.survey.intake import RETRY_AFTER_SECONDS
from shared.areas.digits import to_arabic_digits
from shared.areas.register import is_current
from shared.observability.clock import Clock
from shared.postgres.pool import UNREACHABLE, Connection, acquire
from shared.security.keyed_ids import HouseholdIds
from shared.security.principal import Principal
from shared.security.sealing import KeyRing
from shared.web.authentication import area_asked
from shared.web.problems import FieldError, Message, Problem, language_of

LEAST_AREA: Final = 4
"""Digits of a district: house by house is a coordinator's work. Of provinces and the country the figures are
reporting's."""

AreaText = Annotated[str | None, Query(max_length=20, description="A district or subdistrict; without it your own")]
CursorText = Annotated[str | None, Query(max_length=80)]

_TOO_WIDE = Message("โปรดเลือกอำเภอหรือตำบล", "Choose a district or a subdistrict")
_UNKNOWN_AREA = Message("ไม่มีรหัสพื้นที่นี้", "There is no area with this code")
_CURSOR = Message("ตัวชี้หน้าไม่ถูกต้อง โปรดเริ่มใหม่", "This is not a cursor of ours, please begin again")
NOT_FOUND: Final = Message("ไม่พบในพื้นที่ของท่าน", "There is no such thing in your area")

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_PLACE: Final = struct.Struct(">6sq16s")
_MOMENT: Final = struct.Struct(">q16s")


def ring_of(request: Request) -> KeyRing:
    """What seals and opens."""
    ring: KeyRing = request.app.state.sealing
    return ring


def ids_of(request: Request) -> HouseholdIds:
    """What makes households' ids."""
    ids: HouseholdIds = request.app.state.household_ids
    return ids


def now_of(request: Request) -> datetime:
    """The present moment."""
    clock: Clock = request.app.state.clock
    return clock.now()


def imports_of(request: Request) -> Imports:
    """What takes lists of houses; one for the process."""
    state = request.app.state
    if not hasattr(state, "house_imports"):
        state.house_imports = Imports()
    found: Imports = state.house_imports
    return found


@asynccontextmanager
async def database(request: Request) -> AsyncIterator[Connection]:
    """A connection in a transaction. A database that is away is a 503 problem."""
    try:
        async with acquire(request.app.state.pool) as connection, connection.transaction():
            yield connection
    except UNREACHABLE:
        raise away() from None


def away() -> Problem:
    """The answer for a database that is away: nothing was changed, or the same may be sent again."""
    return Problem(503, headers={"Retry-After": str(RETRY_AFTER_SECONDS)})


def area_of(caller: Principal, text: str | None, *, least: int = LEAST_AREA) -> str:
    """The area that a request names, the caller's own if it names none. Raises a 400 or 403 problem."""
    area = area_asked(caller, None if text is None else to_arabic_digits(text).strip())
    if not is_current(area):
        raise invalid("area", "unknown_area", _UNKNOWN_AREA)
    if len(area) < least:
        raise invalid("area", "too_wide", _TOO_WIDE)
    return area


def invalid(path: str, code: str, message: Message) -> Problem:
    """A 400 problem about one field."""
    return Problem(400, "invalid", errors=[FieldError(path, code, message)])


def language(request: Request) -> str:
    """In which language the caller reads, "th" or "en"."""
    return language_of(request.headers.get("accept-language"))


def write_id(last: UUID) -> str:
    """A cursor of a list by id."""
    return _text(last.bytes)


def read_id(text: str | None) -> UUID | None:
    """The id behind a cursor; None for the first page. Raises a 400 problem."""
    if text is None:
        return None
    data = _data(text)
    if len(data) != 16:
        raise _not_a_cursor()
    return UUID(bytes=data)


def write_place(area: str, at: datetime, last: UUID) -> str:
    """A cursor of a list by area, time and id."""
    return _text(_PLACE.pack(area.encode(), _microseconds(at), last.bytes))


def read_place(text: str) -> tuple[str, datetime, UUID]:
    """What is behind such a cursor. Raises a 400 problem."""
    try:
        area, since, last = _PLACE.unpack(_data(text))
        return area.decode("ascii"), _EPOCH + timedelta(microseconds=since), UUID(bytes=last)
    except (struct.error, OverflowError, UnicodeDecodeError):
        raise _not_a_cursor() from None


def write_moment(at: datetime, last: UUID) -> str:
    """A cursor of a list by time and id."""
    return _text(_MOMENT.pack(_microseconds(at), last.bytes))


def read_moment(text: str) -> tuple[datetime, UUID]:
    """What is behind such a cursor. Raises a 400 problem."""
    try:
        since, last = _MOMENT.unpack(_data(text))
        return _EPOCH + timedelta(microseconds=since), UUID(bytes=last)
    except (struct.error, OverflowError):
        raise _not_a_cursor() from None


def _microseconds(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1)


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _data(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True)
    except (ValueError, binascii.Error):
        raise _not_a_cursor() from None


def _not_a_cursor() -> Problem:
    return invalid("cursor", "not_a_cursor", _CURSOR)
