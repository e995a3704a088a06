"""What all these routes have in common: areas, times, the database that may be away, cursors, and who is told what."""

import base64
import binascii
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final
from uuid import UUID

import asyncpg
from fastapi import Query
from pydantic import AfterValidator, Field
from starlette.requests import Request

from services.survey.intake import RETRY_AFTER_SECONDS
from services.survey.visits.lists import Place
from shared.postgres.pool import UNREACHABLE, Connection, acquire
from shared.web.fields import AreaCode
from shared.web.problems import FieldError, Message, Problem, language_of
from shared.web.validation import InvalidValue

_CURSOR: Final = struct.Struct(">hq16s16s")  # rank, microseconds since 1970, household, person
_START: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NOT_AN_OWNER: Final = Message("ระบุ me, none หรือรหัสของอาสาสมัคร", "This is neither `me` nor `none` nor a volunteer's id")
_NOT_A_CURSOR: Final = Message("ตัวชี้หน้าไม่ถูกต้อง โปรดเริ่มใหม่", "This is not a cursor of ours, please begin again")


def _owner(text: str) -> str:
    if text not in ("me", "none"):
        try:
            return str(UUID(text))
        except ValueError:
            raise InvalidValue("not_an_owner", _NOT_AN_OWNER) from None
    return text


OwnerText = Annotated[str, Field(max_length=40), AfterValidator(_owner)]
"""Whose persons: `me`, `none`, or a volunteer's id."""
AreaQuery = Annotated[AreaCode | None, Query(max_length=6, description="by default one's own")]


@asynccontextmanager
async def connected(request: Request, *, to_lists: bool = False) -> AsyncIterator[Connection]:
    """A connection on which each statement stands for itself: that something was read is committed before anything is
    given out; raises a 503 problem when the database is away. Batches give way meanwhile, if a connection is free:
    who waits for a database that is away must not hold up intake, which needs none. to_lists: one of those that plan
    once (`services.survey.visits.lists`)."""
    state = request.app.state
    pool = state.lists if to_lists else state.pool
    with state.precedence.page() if pool.get_idle_size() else nullcontext():
        try:
            async with acquire(pool) as connection:
                yield connection
        except (*UNREACHABLE, asyncpg.DeadlockDetectedError):
            raise Problem(503, headers={"Retry-After": str(RETRY_AFTER_SECONDS)}) from None


@asynccontextmanager
async def transaction(request: Request) -> AsyncIterator[Connection]:
    """A transaction, for what changes; raises a 503 problem when the database is away."""
    async with connected(request) as connection, connection.transaction():
        yield connection


def now_of(request: Request) -> datetime:
    """The present moment."""
    now: datetime = request.app.state.clock.now()
    return now


def language(request: Request) -> str:
    """What the caller reads."""
    return language_of(request.headers.get("accept-language"))


def not_found() -> Problem:
    """It does not exist, or lies in an area that is not the caller's: who asks is not told which."""
    return Problem(404, detail=Message("ไม่พบในพื้นที่ของท่าน", "There is no such thing in your area"))


def bad_field(path: str, code: str, message: Message) -> Problem:
    """One field is at fault."""
    return Problem(400, "invalid", errors=[FieldError(path, code, message)])


def cursor_of(place: Place | None) -> str | None:
    """Where the next page begins, as callers pass it back."""
    if place is None:
        return None
    since = (place.at - _START) // timedelta(microseconds=1)
    packed = _CURSOR.pack(place.rank, since, place.household_id.bytes, place.person_id.bytes)
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def place_of(cursor: str) -> Place:
    """Reads such a cursor; raises a 400 problem for anything else."""
    try:
        data = base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True)
        rank, since, household, person = _CURSOR.unpack(data)
        return Place(rank, _START + timedelta(microseconds=since), UUID(bytes=household), UUID(bytes=person))
    except (ValueError, OverflowError, struct.error, binascii.Error):
        raise bad_field("cursor", "not_a_cursor", _NOT_A_CURSOR) from None
