"""/v1/desk/coverage and /v1/desk/volunteers: what is done of an area, village by village, and by whom."""

from datetime import date, datetime, time, timedelta
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel
from starlette.requests import Request

from services.survey.desk import store
from services.survey.desk.domain import REVISIT_AFTER
from services.survey.desk.http.parts import AreaText, area_of, database, invalid, now_of
from shared.observability.clock import BANGKOK
from shared.security.principal import Principal
from shared.security.rights import Right
from shared.web.authentication import require
from shared.web.problems import Message

MOST_VOLUNTEERS: Final = 2_000
"""Twice as many as the largest district has."""
FIRST_DAY: Final = date(2021, 2, 28)
LAST_DAY: Final = date(2100, 1, 1)
"""Days that are asked for lie between these, so that each has a beginning and an end."""

router = APIRouter(prefix="/v1/desk", tags=["desk"])
Reader = Annotated[Principal, Depends(require(Right.DESK_READ))]

_BACKWARDS = Message("วันสิ้นสุดอยู่ก่อนวันเริ่มต้น", "The last day lies before the first")


class Covered(BaseModel):
    """Houses: on the list (listed = done + new + revisit), surveyed without being on it, on it and nobody's. wanting:
    persons who want vaccine, in all of these. last_visit_at: of any of them."""

    listed: int
    done: int
    new: int
    revisit: int
    off_list: int
    unassigned: int
    wanting: int
    last_visit_at: datetime | None


class CoveredVillage(Covered):
    """The same of one village; village is null for houses that lie in none."""

    area: str
    village: str | None


class CoverageAnswer(BaseModel):
    """An area's villages in the order of their codes, and their sum."""

    area: str
    as_of: datetime
    total: Covered
    villages: list[CoveredVillage]


class Progress(BaseModel):
    """In the days asked for: visits, the households of them, follow-ups, visits with quality flags, the last visit or
    follow-up. assigned and done: houses that are the volunteer's now, whenever they were visited."""

    visits: int
    households: int
    follow_ups: int
    flagged: int
    last_seen_at: datetime | None
    assigned: int
    done: int


class VolunteerProgress(Progress):
    """The same of one volunteer. Names are registration's."""

    volunteer_id: UUID


class ProgressAnswer(BaseModel):
    """Volunteers, those with most visits first. complete: no one was left out. visits and follow_ups are sums; a
    household that two visited is counted with each."""

    area: str
    complete: bool
    visits: int
    follow_ups: int
    flagged: int
    volunteers: list[VolunteerProgress]


@router.get("/coverage")
async def coverage(request: Request, caller: Reader, area: AreaText = None) -> CoverageAnswer:
    """Count an area's houses by village: done, not done, due again, off the list. Numbers alone: nobody is named."""
    code, now = area_of(caller, area), now_of(request)
    async with database(request) as connection:
        rows = await store.coverage(connection, code, before=now - REVISIT_AFTER)
    visits = [row["last_visit_at"] for row in rows if row["last_visit_at"] is not None]
    sums = {name: sum(row[name] for row in rows) for name in Covered.model_fields if name != "last_visit_at"}
    return CoverageAnswer(
        area=code,
        as_of=now,
        total=Covered(**sums, last_visit_at=max(visits, default=None)),
        villages=[CoveredVillage(**row) for row in rows],
    )


@router.get("/volunteers")
async def volunteers(
    request: Request,
    caller: Reader,
    area: AreaText = None,
    first: Annotated[date | None, Query(alias="from", ge=FIRST_DAY, le=LAST_DAY)] = None,
    last: Annotated[date | None, Query(alias="to", ge=FIRST_DAY, le=LAST_DAY)] = None,
) -> ProgressAnswer:
    """Say who was at doors of an area, from one day in Thailand to another, both included, and who has houses."""
    code = area_of(caller, area)
    if first is not None and last is not None and last < first:
        raise invalid("to", "backwards", _BACKWARDS)
    async with database(request) as connection:
        rows = await store.volunteers(
            connection,
            code,
            before=now_of(request) - REVISIT_AFTER,
            since=None if first is None else datetime.combine(first, time(), BANGKOK),
            until=None if last is None else datetime.combine(last + timedelta(days=1), time(), BANGKOK),
            limit=MOST_VOLUNTEERS + 1,
        )
    shown = rows[:MOST_VOLUNTEERS]
    return ProgressAnswer(
        area=code,
        complete=len(rows) <= MOST_VOLUNTEERS,
        visits=sum(row["visits"] for row in shown),
        follow_ups=sum(row["follow_ups"] for row in shown),
        flagged=sum(row["flagged"] for row in shown),
        volunteers=[VolunteerProgress(**row) for row in shown],
    )
