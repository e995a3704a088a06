"""/v1/my-places, /v1/confirmations and /v1/freshness: the week's work, and how far it is."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime, BaseModel, Field

from services.facilities.domain.freshness import Freshness, due_at, freshness_of, week_of
from services.facilities.domain.places import Change, Facility, confirmed
from services.facilities.domain.violations import Violation
from services.facilities.http import cursors
from services.facilities.http.documents import FacilityAnswer, document
from services.facilities.http.parts import Writer, actor_of, area_of, clock_of, database, invalid
from services.facilities.store import places, weekly
from services.facilities.store.weekly import By
from shared.contracts.events import FacilityStatus, Role
from shared.security.principal import Principal
from shared.security.rights import Right
from shared.web.authentication import area_asked, require
from shared.web.fields import Body

PAGE: Final = 100
MOST_CONFIRMED: Final = 500
"""Some screens of ticks; a fifth of a second of locks."""
MOST_GROUPS: Final = 1_000
"""Every district of the country; of organisations the most overdue ones."""
MOST_WEEKS: Final = 26
MOST_EMAILS: Final = 5
"""Of one organisation in one district: its hospital's and its centres'."""
NOBODY: Final = UUID(int=0)

router = APIRouter(prefix="/v1")


class MyPlace(FacilityAnswer):
    """A place in the week's list. due_at: from when it is overdue."""

    freshness: Freshness
    due_at: AwareDatetime


class MyPlacePage(BaseModel):
    """Places that wait for longest first; `cursor` leads on and is null on the last page."""

    items: list[MyPlace]
    cursor: str | None


class Confirmations(Body):
    """Places of which nothing has changed."""

    facility_ids: list[UUID] = Field(min_length=1, max_length=MOST_CONFIRMED)


class ConfirmationResult(BaseModel):
    """What became of one: confirmed; not_found, also in another area, or kept by another
    organisation than an officer's; closed; merged."""

    facility_id: UUID
    outcome: str
    revision: int | None


class ConfirmationResults(BaseModel):
    """One result for each id, in the order of the request."""

    results: list[ConfirmationResult]


class FreshnessCount(BaseModel):
    """Open places of an area, kind or organisation."""

    of: str | None
    fresh: int
    due: int
    overdue: int


class WeekAnswer(BaseModel):
    """The end of a week."""

    ends_at: AwareDatetime
    places: int
    overdue: int


class FreshnessAnswer(BaseModel):
    """How fresh the register is, and how it was at the ends of the last weeks."""

    week_began_at: AwareDatetime
    counts: list[FreshnessCount]
    weeks: list[WeekAnswer]


class NeglectedAnswer(BaseModel):
    """Open places of an organisation in a district that nobody has confirmed this week.

    organisation_id: null where nobody keeps them; area: the district; emails: some of the places' own addresses.
    """

    organisation_id: UUID | None
    area: str
    due: int
    overdue: int
    emails: list[str]


class NeglectedPage(BaseModel):
    """In the order of organisation and district; `cursor` leads on and is null on the last page."""

    items: list[NeglectedAnswer]
    cursor: str | None


@router.get("/my-places", responses={200: {"model": MyPlacePage}})
async def list_mine(
    request: Request,
    principal: Writer,
    freshness: Freshness | None = None,
    area: Annotated[str | None, Query(max_length=20)] = None,
    cursor: Annotated[str | None, Query(max_length=120)] = None,
) -> Response:
    """The open places that the caller looks after: an officer those of his organisation, others those of the area."""
    asked = area_asked(principal, None if area is None else area_of(area))
    own = principal.role is Role.PLACE_OFFICER
    after = cursors.read_moment(cursor) if cursor else (datetime.min.replace(tzinfo=UTC), UUID(int=0))
    now = clock_of(request).now()
    async with database(request) as connection:
        found = await weekly.mine(
            connection,
            asked,
            (principal.organisation or principal.subject) if own else None,
            after,
            PAGE + 1,
            now=now,
            freshness=freshness,
        )
    shown = found[:PAGE]
    last = shown[-1] if len(found) > PAGE else None
    more = cursors.write_moment(last.confirmed_at, last.facility_id) if last else None
    return JSONResponse({"items": [_document(request, each, now) for each in shown], "cursor": more})


@router.post("/confirmations")
async def confirm_many(request: Request, body: Confirmations, principal: Writer) -> ConfirmationResults:
    """Says of many places at once that nothing has changed."""
    now = clock_of(request).now()
    ids = list(dict.fromkeys(body.facility_ids))
    async with database(request) as connection, connection.transaction():
        actor = actor_of(principal)
        locked = await places.lock_many(connection, ids, actor.area, only_of=actor.only_of)
        steps = [step for each in locked.values() if (step := _confirmed(each, now)) is not None]
        written = await places.update(connection, steps, actor)
    return ConfirmationResults(
        results=[
            ConfirmationResult(
                facility_id=each,
                outcome="confirmed" if each in written else _reason(locked.get(each)),
                revision=locked[each].revision + (each in written) if each in locked else None,
            )
            for each in body.facility_ids
        ]
    )


@router.get("/freshness")
async def read_freshness(
    request: Request,
    principal: Writer,
    area: Annotated[str | None, Query(max_length=20)] = None,
    by: By = By.AREA,
    weeks: Annotated[int, Query(ge=0, le=MOST_WEEKS)] = 0,
) -> FreshnessAnswer:
    """Open places by freshness, the most overdue first, and how many were overdue at the ends of the last weeks, for a
    province at most."""
    asked = area_asked(principal, None if area is None else area_of(area))
    if weeks and not asked:
        raise invalid([Violation("weeks", "too_wide", "ดูย้อนหลังได้ครั้งละจังหวัด", "Earlier weeks are told by province")])
    now = clock_of(request).now()
    began = week_of(now)
    ends = [began - timedelta(weeks=number) for number in range(weeks)]
    async with database(request) as connection:
        counts = await weekly.freshness(connection, asked, by, MOST_GROUPS, now=now)
        trend = await weekly.trend(connection, asked, ends) if ends else []
    return FreshnessAnswer(
        week_began_at=began,
        counts=[FreshnessCount(of=each.of, fresh=each.fresh, due=each.due, overdue=each.overdue) for each in counts],
        weeks=[WeekAnswer(ends_at=each.ends_at, places=each.places, overdue=each.overdue) for each in trend],
    )


@router.get("/neglected")
async def list_neglected(
    request: Request,
    principal: Annotated[Principal, Depends(require(Right.COUNTS_READ))],
    cursor: Annotated[str | None, Query(max_length=120)] = None,
) -> NeglectedPage:
    """Who has to be reminded: organisations by district with places that nobody has confirmed this week."""
    after = _place(cursor) if cursor else (NOBODY, "")
    async with database(request) as connection:
        found = await weekly.neglected(
            connection, principal.area, after, MOST_GROUPS + 1, MOST_EMAILS, now=clock_of(request).now()
        )
    shown = found[:MOST_GROUPS]
    return NeglectedPage(
        items=[
            NeglectedAnswer(
                organisation_id=None if one.keeper == NOBODY else one.keeper,
                area=one.district,
                due=one.due,
                overdue=one.overdue,
                emails=list(one.emails),
            )
            for one in shown
        ],
        cursor=cursors.write_name(shown[-1].district, shown[-1].keeper) if len(found) > MOST_GROUPS else None,
    )


def _place(cursor: str) -> tuple[UUID, str]:
    district, keeper = cursors.read_name(cursor)
    return keeper, district


def _document(request: Request, facility: Facility, now: datetime) -> dict[str, Any]:
    told = due_at(facility).isoformat().replace("+00:00", "Z")
    return document(request, facility) | {"freshness": freshness_of(facility, now), "due_at": told}


def _confirmed(facility: Facility, now: datetime) -> Change | None:
    if facility.merged_into is not None or facility.content.status is FacilityStatus.CLOSED:
        return None
    return confirmed(facility, now)


def _reason(facility: Facility | None) -> str:
    if facility is None:
        return "not_found"
    return "merged" if facility.merged_into is not None else "closed"
