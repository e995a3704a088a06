"""/v1/readings: who saw what in a period, for breach reports, and whether the log that says so is whole."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final
from uuid import UUID

import asyncpg
from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from services.survey.audit import Purpose, note_reading, role_of
from services.survey.desk.http.parts import (
    CursorText,
    area_of,
    away,
    database,
    invalid,
    now_of,
    read_moment,
    write_moment,
)
from services.survey.privacy import chain
from services.survey.privacy.copies import NOTE_TRANSFER
from shared.contracts.events import UtcTime
from shared.postgres.pool import UNREACHABLE, Connection, acquire
from shared.security.principal import Principal
from shared.security.rights import Right
from shared.tables.writing import BYTE_ORDER_MARK, csv_rows
from shared.web.authentication import require
from shared.web.problems import Message, Problem

PAGE_SIZE: Final = 200
"""Some 60 KiB; a page of a list that was read has up to 100 households."""
MOST_ROWS: Final = 20_000
"""Readings in one CSV file, some 10 MB: who needs more asks for shorter periods, and the last row says so."""
LONGEST: Final = timedelta(days=366)
VERIFY_SECONDS: Final = 600.0
"""Ten million links take some five minutes."""

router = APIRouter(prefix="/v1/readings", tags=["personal data"])
Auditor = Annotated[Principal, Depends(require(Right.PRIVACY_ADMINISTER))]

# Households by the codes that their ids begin with; no statement names a household that lies elsewhere.
FIND: Final = """
SELECT id, read_at, reader, role, area, purpose, households
FROM reading
WHERE read_at >= $1 AND read_at < $2 AND (read_at, id) > ($7, $8)
  AND ($3::uuid IS NULL OR reader = $3)
  AND ($4::uuid IS NULL OR households @> ARRAY[$4])
  AND ($5::uuid IS NULL OR EXISTS (SELECT FROM unnest(households) AS h WHERE h BETWEEN $5 AND $6))
ORDER BY read_at, id
LIMIT $9
"""

_PERIOD: Final = Message("ช่วงเวลาต้องไม่เกินหนึ่งปี และจบหลังเริ่ม", "A period is at most a year, and ends after it begins")
_HEAD: Final = Message("ต้องเป็นลำดับ:แฮช", "This has to be a number, a colon and 64 hexadecimal digits")
_BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Reading(BaseModel):
    """Who read which households' data, when, in which role and area, and for what."""

    id: int
    read_at: datetime
    reader: UUID
    role: str
    area: str
    purpose: str
    households: list[UUID]


class Readings(BaseModel):
    """A page of readings, the oldest first; `cursor` leads to the next and is null on the last."""

    items: list[Reading]
    cursor: str | None


class Verification(BaseModel):
    """What a walk along the whole chain found. head: note it; a later walk is held to it."""

    intact: bool
    head: str
    links: int
    forgotten: int
    late: int
    faults: Mapping[str, int]
    findings: Sequence[Mapping[str, int | str]]


class Question:
    """Which readings are asked for, of at most a year."""

    def __init__(
        self,
        caller: Auditor,
        begins: Annotated[UtcTime, Query(alias="from")],
        ends: Annotated[UtcTime, Query(alias="to")],
        reader: UUID | None = None,
        household: UUID | None = None,
        area: Annotated[str | None, Query(max_length=20)] = None,
    ) -> None:
        if not timedelta(0) < ends - begins <= LONGEST:
            raise invalid("to", "not_a_period", _PERIOD)
        code = area_of(caller, area, least=0) if area else ""
        lowest, highest = (UUID(code.ljust(32, "0")), UUID(code.ljust(32, "f"))) if code else (None, None)
        self.values = (begins, ends, reader, household, lowest, highest)


@router.get("")
async def find(
    request: Request, caller: Auditor, asked: Annotated[Question, Depends(Question)], cursor: CursorText = None
) -> Readings:
    """Find readings of a period by who read, whose household or where it is; this reading is recorded too."""
    after = read_moment(cursor) if cursor else (_BEGINNING, UUID(int=0))
    async with database(request) as connection:
        rows = await _find(connection, asked, after, PAGE_SIZE + 1)
        await _note(connection, caller, rows[:PAGE_SIZE], now_of(request))
    more = (
        write_moment(rows[PAGE_SIZE - 1]["read_at"], UUID(int=rows[PAGE_SIZE - 1]["id"])) if rows[PAGE_SIZE:] else None
    )
    return Readings(items=[Reading(**dict(row)) for row in rows[:PAGE_SIZE]], cursor=more)


@router.get(".csv", response_class=Response)
async def as_csv(request: Request, caller: Auditor, asked: Annotated[Question, Depends(Question)]) -> Response:
    """The same as a table with a row for each reading and household, for the report to the authority."""
    now = now_of(request)
    async with database(request) as connection:
        rows = await _find(connection, asked, (_BEGINNING, UUID(int=0)), MOST_ROWS + 1)
        households = await _note(connection, caller, rows[:MOST_ROWS], now)
        role, area = role_of(caller)
        await connection.execute(NOTE_TRANSFER, now, caller.subject, role, area, "readings_csv", households)
    lines: list[Sequence[object]] = [("id", "read_at", "reader", "role", "area", "purpose", "household")]
    for row in rows[:MOST_ROWS]:
        who = (row["id"], row["read_at"].isoformat(), row["reader"], row["role"], row["area"], row["purpose"])
        lines += [(*who, household) for household in row["households"] or [None]]
    if rows[MOST_ROWS:]:
        lines.append(("more", rows[MOST_ROWS]["read_at"].isoformat(), None, None, None, None, None))
    return Response(
        BYTE_ORDER_MARK + csv_rows(lines),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="readings.csv"', "Cache-Control": "no-store"},
    )


@router.get("/verification")
async def verification(
    request: Request, _: Auditor, head: Annotated[str | None, Query(max_length=90)] = None
) -> Verification:
    """Walk along the whole audit chain, past a head that was noted before (POSITION:HASH), if one is given."""
    try:
        noted = None if head is None else chain.Head.read(head)
    except ValueError:
        raise invalid("head", "not_a_head", _HEAD) from None
    try:
        async with (
            acquire(request.app.state.pool) as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            found = await chain.verify(connection, now=now_of(request), noted=noted)
    except UNREACHABLE:
        raise away() from None
    return Verification(
        intact=found.intact,
        head=str(found.head),
        links=found.head.position,
        forgotten=found.forgotten,
        late=found.late,
        faults=found.faults,
        findings=found.findings,
    )


async def _find(
    connection: Connection, asked: Question, after: tuple[datetime, UUID], limit: int
) -> list[asyncpg.Record]:
    at, last = after
    if last.int >= 2**63:
        raise Problem(400, "invalid")
    return await connection.fetch(FIND, *asked.values, at, last.int, limit)


async def _note(connection: Connection, caller: Principal, rows: Sequence[asyncpg.Record], now: datetime) -> list[UUID]:
    households = sorted({household for row in rows for household in row["households"]})
    await note_reading(connection, caller, Purpose.AUDIT, households, now=now)
    return households
