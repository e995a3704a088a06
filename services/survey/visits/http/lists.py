"""GET /v1/need-to-reach: whom to go to, in an area, page by page."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel
from starlette.requests import Request

from services.survey.audit import Purpose
from services.survey.visits import lists
from services.survey.visits.http.asking import AreaQuery, OwnerText, connected, cursor_of, now_of, place_of
from services.survey.visits.http.items import PersonToReach, read_items
from services.survey.visits.lists import DEFAULT_ITEMS, FIRST, Ownership, Status
from shared.security.principal import Principal
from shared.security.rights import Right
from shared.web.authentication import area_asked, require

MOST_ITEMS: Final = 200
"""As many as one volunteer may hold; their seals are opened in 10 ms."""

router = APIRouter(prefix="/v1", tags=["need to reach"])
Reader = Annotated[Principal, Depends(require(Right.REACH_READ))]
OwnerQuery = Annotated[OwnerText | None, Query(description="whose: `me`, `none`, or a volunteer's id; by default all")]


class PersonsToReach(BaseModel):
    """Persons to reach; `cursor` leads to the next ones and is null at the end.

    A page may have fewer persons than were asked for although others follow: a person whom several households name is
    shown once.
    """

    area: str
    items: list[PersonToReach]
    cursor: str | None


@router.get("/need-to-reach")
async def need_to_reach(
    request: Request,
    principal: Reader,
    area: AreaQuery = None,
    owner: OwnerQuery = None,
    status: Status = Status.OPEN,
    limit: Annotated[int, Query(ge=1, le=MOST_ITEMS)] = DEFAULT_ITEMS,
    cursor: Annotated[str | None, Query(max_length=80)] = None,
) -> PersonsToReach:
    """Persons who want vaccine and lack it, with names and numbers; each reading is recorded.

    `open`: those without an appointment, by priority. `appointed`: by the day of the appointment. `late`: those whose
    appointment, next attempt or promised visit has passed, the longest first. Further statuses: what came of others.
    """
    prefix = area_asked(principal, area)
    after = FIRST if cursor is None else place_of(cursor)
    async with connected(request, to_lists=True) as connection:
        page = await lists.page(
            connection,
            prefix,
            status=status,
            owner=owned_by(owner, principal),
            after=after,
            limit=limit,
            now=now_of(request),
        )
        items = await read_items(connection, request, principal, Purpose.REACH, page.entries)
    return PersonsToReach(area=prefix, items=items, cursor=cursor_of(page.next))


def owned_by(owner: str | None, principal: Principal) -> UUID | Ownership:
    """Whose persons are asked for."""
    match owner:
        case None:
            return Ownership.ANYBODY
        case "none":
            return Ownership.NOBODY
        case "me":
            return principal.subject
    return UUID(owner)
