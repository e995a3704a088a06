"""Who received what of the streams: for administrators, of scopes in their area."""

import asyncio
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from services.reporting.http.answering import answer, database
from services.reporting.http.areas import area_of
from services.reporting.streams import transfers
from services.reporting.streams.transfers import LARGEST, KafkaGrantsAnswer, Sought, Transfer, TransfersAnswer
from shared.contracts.events import UtcTime
from shared.security.principal import Principal
from shared.security.rights import Right
from shared.tables.writing import BYTE_ORDER_MARK, csv_rows
from shared.web.authentication import area_asked, require
from shared.web.parameters import KnownParameters

MOST_TRANSFERS: Final = 500
DEFAULT_TRANSFERS: Final = 100
MOST_IN_FILE: Final = 20_000
"""The newest, some 3 MB: a second of work. Whoever needs older ones says until when."""
MOST_GRANTS: Final = 500
COLUMNS: Final = ("ended_at", "began_at", "subscriber", "organisation_id", "role", "stream", "area", "form", "events")

router = APIRouter(prefix="/v1", dependencies=[Depends(KnownParameters())])
Reader = Annotated[Principal, Depends(require(Right.TRANSFER_READ))]


def _sought(
    principal: Reader,
    area: Annotated[str | None, Query(max_length=20, description="Code of 2, 4 or 6 digits; one's own without")] = None,
    subscriber: UUID | None = None,
    stream: Annotated[str | None, Query(max_length=100, pattern="^[a-z0-9-]+$")] = None,
    since: Annotated[UtcTime | None, Query(alias="from", description="That ended at this time or later")] = None,
    until: Annotated[UtcTime | None, Query(alias="to", description="That ended before this time")] = None,
) -> Sought:
    inside = area_asked(principal, None if area is None else area_of(area).code)
    return Sought(inside, subscriber, stream, since, until)


Asked = Annotated[Sought, Depends(_sought)]


@router.get("/transfers", responses={200: {"model": TransfersAnswer}})
async def list_transfers(
    request: Request,
    sought: Asked,
    cursor: Annotated[str | None, Query(max_length=20, pattern="^[0-9]{1,18}$")] = None,
    limit: Annotated[int, Query(ge=1, le=MOST_TRANSFERS)] = DEFAULT_TRANSFERS,
) -> Response:
    """Events that were sent to subscribers whose scope lies inside the area, the newest first: a row for each answer,
    and for every few seconds of one that stays open."""
    found = await _found(request, sought, int(cursor or LARGEST), limit + 1)
    items = found[:limit]
    return await answer(request, TransfersAnswer(items, str(items[-1].id) if len(found) > limit else None))


@router.get("/transfers.csv", responses={200: {"content": {"text/csv": {}}}})
async def transfers_csv(request: Request, sought: Asked) -> Response:
    """The newest 20,000 of them as a file for spreadsheets. Kafka's readers are in `GET /v1/transfers/grants`."""
    found = await _found(request, sought, LARGEST, MOST_IN_FILE)
    text = await asyncio.to_thread(lambda: BYTE_ORDER_MARK + csv_rows(_lines(found)))
    headers = {"Content-Disposition": 'attachment; filename="jitasa-transfers.csv"', "Cache-Control": "no-store"}
    return Response(text, media_type="text/csv; charset=utf-8", headers=headers)


@router.get("/transfers/grants", responses={200: {"model": KafkaGrantsAnswer}})
async def list_grants(request: Request, principal: Reader) -> Response:
    """Who could read which streams of the whole country from Kafka itself, and when: the newest 500 decisions. What was
    read there is nowhere written down."""
    async with database(request) as connection:
        found = await transfers.grants(connection, MOST_GRANTS)
    return await answer(request, KafkaGrantsAnswer(found))


async def _found(request: Request, sought: Sought, before: int, limit: int) -> list[Transfer]:
    async with database(request) as connection:
        return await transfers.page(connection, sought, before, limit)


def _lines(found: Sequence[Transfer]) -> Iterator[Sequence[Any]]:
    yield COLUMNS
    for one in found:
        yield [getattr(one, column) for column in COLUMNS]
