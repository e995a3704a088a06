"""What the figures can be trusted by: in short for everybody, in detail for whoever may read the owners' counts."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import Field, StrictStr

from services.reporting.http.answering import answer, database, now, snapshot
from services.reporting.http.areas import area_of
from services.reporting.http.cursors import cursor_of, place_of
from services.reporting.projector import VERSION
from services.reporting.rebuild import store as rebuilds
from services.reporting.trust import dead_letters, store
from services.reporting.trust.answers import (
    AskedAnswer,
    DifferencesAnswer,
    OpenLetters,
    ProvinceDifferences,
    TrustAnswer,
    rebuild_answer,
    reconciliation_answer,
)
from shared.areas.register import UnknownArea
from shared.areas.register import area as registered
from shared.security.principal import Principal
from shared.security.rights import Right
from shared.web.authentication import area_asked, demand_area, require
from shared.web.fields import Body
from shared.web.problems import Message, Problem

MOST_RECONCILIATIONS: Final = 24
"""A day of one an hour."""
MOST_REBUILDS: Final = 5
MOST_ROWS: Final = 1_000
DEFAULT_ROWS: Final = 100

router = APIRouter(prefix="/v1")


class Reason(Body):
    """Why something is done; it is kept."""

    reason: StrictStr = Field(min_length=3, max_length=500, pattern=r"^[^\x00]*$")


@router.get("/trust", responses={200: {"model": TrustAnswer}})
async def trust(request: Request) -> Response:
    """The last comparisons with the owners' counts, rebuilds of the figures with their progress, and what could not be
    read; differences as numbers by province, without the figures."""
    async with snapshot(request) as (connection, as_of):
        found = await store.history(connection, MOST_RECONCILIATIONS)
        differing = await store.by_province(connection, found[0].reconciliation_id) if found else []
        letters = await dead_letters.open_ones(connection)
        gaps = await dead_letters.gaps(connection)
        rebuilt = await rebuilds.latest(connection, MOST_REBUILDS)
    return await answer(
        request,
        TrustAnswer(
            as_of,
            VERSION,
            [reconciliation_answer(one) for one in found],
            [ProvinceDifferences(one[0], *_names(one[0]), one[1], one[2], one[3]) for one in differing],
            [rebuild_answer(one) for one in rebuilt],
            [OpenLetters(*one) for one in letters],
            gaps,
        ),
    )


@router.get("/differences", responses={200: {"model": DifferencesAnswer}})
async def differences(
    request: Request,
    reader: Annotated[Principal, Depends(require(Right.COUNTS_READ))],
    reconciliation: Annotated[
        int | None, Query(ge=1, le=2**63 - 1, description="The newest without; older ones as long as they are kept")
    ] = None,
    area: Annotated[str | None, Query(max_length=20, description="Code of 2, 4 or 6 digits")] = None,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=MOST_ROWS)] = DEFAULT_ROWS,
) -> Response:
    """Which figures of which areas differ from what their owners count, inside the reader's own area."""
    inside = area_asked(reader, None if area is None else area_of(area).code)
    after = ("", "") if cursor is None else place_of(cursor, _cell)
    async with snapshot(request) as (connection, _):
        number = reconciliation or await store.newest(connection)
        found = await store.differences(connection, number, inside, after, limit + 1)
    items = found[:limit]
    more = cursor_of(f"{items[-1].area} {items[-1].figure}".encode()) if len(found) > limit else None
    return await answer(request, DifferencesAnswer(number, inside, items, more))


@router.post("/rebuilds", status_code=202, responses={202: {"model": AskedAnswer}})
async def ask_for_rebuild(
    request: Request, asked: Reason, principal: Annotated[Principal, Depends(require(Right.STREAM_MEND))]
) -> Response:
    """Has all figures made anew from the start of the streams, beside those that are shown; `GET /v1/trust` tells how
    far it is. 409 `rebuild_under_way` while one waits or is under way."""
    demand_area(principal, "")
    async with database(request) as connection:
        found = await rebuilds.ask(connection, "administrator", asked.reason, principal.subject, now(request))
    if found is None:
        raise Problem(
            409,
            "rebuild_under_way",
            detail=Message("กำลังคำนวณใหม่อยู่แล้ว", "A rebuild waits or is under way already"),
        )
    return await answer(request, AskedAnswer(found), status=202)


def _names(code: str) -> tuple[str, str]:
    try:
        found = registered(code)
    except UnknownArea:  # of a time before the area was abolished
        return code, code
    return found.name_th, found.name_en


def _cell(place: bytes) -> tuple[str, str]:
    area, _, figure = place.decode().partition(" ")
    if not figure or "\0" in area + figure:
        raise ValueError("not an area and a figure")
    return area, figure
