"""POST /v1/need-to-reach/route: a morning's visits in order. Where one stands is in the body: no log keeps a body."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field
from starlette.requests import Request

from services.survey.audit import Purpose
from services.survey.visits import lists
from services.survey.visits.http.asking import OwnerText, bad_field, connected, now_of
from services.survey.visits.http.items import PersonToReach, read_items
from services.survey.visits.http.lists import owned_by
from services.survey.visits.lists import FIRST, Status
from services.survey.visits.routing import Spot, natural, nearest_first
from shared.security.principal import Principal
from shared.security.rights import Right
from shared.web.authentication import require
from shared.web.fields import Body
from shared.web.problems import Message, Problem

MOST_PERSONS: Final = 200
"""As many as one volunteer may hold."""

_OTHERS: Final = Message("ดูเส้นทางของผู้อื่นได้เฉพาะผู้ประสานงาน", "Only who assigns persons sees the route of somebody else")

_NOBODYS: Final = Message("เส้นทางเป็นของผู้ใดผู้หนึ่ง", "A route is somebody's")

router = APIRouter(prefix="/v1/need-to-reach", tags=["need to reach"])
Reader = Annotated[Principal, Depends(require(Right.REACH_READ))]


class Start(Body):
    """Where one sets out, in degrees."""

    lat: Annotated[float, Field(ge=-90, le=90)]
    lon: Annotated[float, Field(ge=-180, le=180)]


class Asked(Body):
    """Whose route, and from where; without a start it begins with the person of the highest priority."""

    owner: OwnerText = "me"
    start: Start | None = None


class Stop(BaseModel):
    """One house, and whom to see there. metres: from the stop before it, as the crow flies; null without a position."""

    household_id: UUID
    metres: int | None
    items: list[PersonToReach]


class Route(BaseModel):
    """A morning's visits: houses with a position, nearest first; then those without one, by village and house."""

    made_at: datetime
    owner: UUID
    metres: int
    located: list[Stop]
    unlocated: list[Stop]


@router.post("/route")
async def route(request: Request, principal: Reader, body: Asked) -> Route:
    """The persons whom somebody has taken on, in the order of visiting, with names and numbers; recorded."""
    owner = owned_by(body.owner, principal)
    if not isinstance(owner, UUID):
        raise bad_field("owner", "not_an_owner", _NOBODYS)
    if owner != principal.subject and not principal.may(Right.REACH_ASSIGN):
        raise Problem(403, detail=_OTHERS)
    now = now_of(request)
    async with connected(request) as connection:
        entries = []
        for status in (Status.OPEN, Status.APPOINTED):
            page = await lists.page(
                connection,
                principal.area,
                status=status,
                owner=owner,
                after=FIRST,
                limit=MOST_PERSONS,
                now=now,
            )
            entries += page.entries
        items = await read_items(connection, request, principal, Purpose.ROUTE, entries)
    start = None if body.start is None else Spot(body.start.lat, body.start.lon)
    located, unlocated = _stops(items)
    ordered = nearest_first(start, located)
    stops = [_stop(items, None if distance is None else round(distance)) for items, distance in ordered]
    return Route(
        made_at=now,
        owner=owner,
        metres=sum(stop.metres or 0 for stop in stops),
        located=stops,
        unlocated=[_stop(items, None) for items in unlocated],
    )


def _stops(items: Sequence[PersonToReach]) -> tuple[list[tuple[list[PersonToReach], Spot]], list[list[PersonToReach]]]:
    """The items by household, each household where its first item stands: with a position, and without."""
    households: dict[UUID, list[PersonToReach]] = {}
    for item in items:
        households.setdefault(item.household_id, []).append(item)
    located, unlocated = [], []
    for persons in households.values():
        position = persons[0].position
        if position is None:
            unlocated.append(persons)
        else:
            located.append((persons, Spot(position.lat, position.lon)))
    unlocated.sort(key=lambda persons: (persons[0].area, persons[0].village or "", natural(persons[0].house or "")))
    return located, unlocated


def _stop(items: list[PersonToReach], distance: int | None) -> Stop:
    return Stop(household_id=items[0].household_id, metres=distance, items=items)
