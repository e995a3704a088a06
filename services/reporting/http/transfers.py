"""Who received what of the streams: for administrators, of scopes in their area."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from services.reporting.http.answering import answer, away, pool_of
from services.reporting.http.areas import area_of
from services.reporting.streams.transfers import LARGEST, TransfersAnswer, page
from shared.postgres.pool import UNREACHABLE, acquire
from shared.security.principal import Principal
from shared.security.rights import Right
from shared.web.authentication import area_asked, require
from shared.web.parameters import KnownParameters

MOST_TRANSFERS: Final = 500
DEFAULT_TRANSFERS: Final = 100

router = APIRouter(prefix="/v1", dependencies=[Depends(KnownParameters())])


@router.get("/transfers", responses={200: {"model": TransfersAnswer}})
async def list_transfers(
    request: Request,
    principal: Annotated[Principal, Depends(require(Right.TRANSFER_READ))],
    area: Annotated[str | None, Query(max_length=20, description="Code of 2, 4 or 6 digits; one's own without")] = None,
    subscriber: UUID | None = None,
    stream: Annotated[str | None, Query(max_length=100, pattern="^[a-z0-9-]+$")] = None,
    cursor: Annotated[str | None, Query(max_length=20, pattern="^[0-9]{1,18}$")] = None,
    limit: Annotated[int, Query(ge=1, le=MOST_TRANSFERS)] = DEFAULT_TRANSFERS,
) -> Response:
    """Events that were sent to subscribers whose scope lies inside the area, the newest first: a row for each answer,
    and for every few seconds of one that stays open."""
    inside = area_asked(principal, None if area is None else area_of(area).code)
    try:
        async with acquire(pool_of(request)) as connection:
            found = await page(connection, inside, int(cursor or LARGEST), subscriber, stream, limit + 1)
    except UNREACHABLE:
        raise away() from None
    items = found[:limit]
    return await answer(request, TransfersAnswer(items, str(items[-1].id) if len(found) > limit else None))
