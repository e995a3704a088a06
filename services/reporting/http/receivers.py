"""How receivers of the streams are doing: each for itself, and all of them for the centre, which may end one."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from services.reporting.http.answering import answer, database, now, snapshot
from services.reporting.http.cursors import cursor_of, place_of
from services.reporting.http.receiving import ReceiverOf
from services.reporting.http.streams import MOST_EVENTS
from services.reporting.http.trust import Reason
from services.reporting.receivers import store
from services.reporting.receivers.answers import ReceiverAnswer, ReceiversAnswer, receiver_answer
from services.reporting.receivers.store import Receiver
from services.reporting.settings import StreamSettings
from shared.security.principal import Principal
from shared.security.rights import Right
from shared.web.authentication import demand_area, require
from shared.web.parameters import KnownParameters

MOST_LISTED: Final = 50
"""With the places of their groups by partition: some 20 kB each."""
NOBODY: Final = UUID(int=0)

router = APIRouter(prefix="/v1/receivers", dependencies=[Depends(KnownParameters())])
Centre = Annotated[Principal, Depends(require(Right.SUBSCRIBER_WRITE))]


@router.get("", responses={200: {"model": ReceiversAnswer}})
async def list_receivers(
    request: Request,
    principal: Centre,
    cursor: Annotated[str | None, Query(max_length=100)] = None,
    limit: Annotated[int, Query(ge=1, le=MOST_LISTED)] = MOST_LISTED,
) -> Response:
    """Everybody who receives the streams or may, by whichever way, with lag, last delivery and failures."""
    demand_area(principal, "")
    after = NOBODY if cursor is None else place_of(cursor, lambda place: UUID(bytes=place))
    async with snapshot(request) as (connection, _):
        found = await store.page(connection, after, limit + 1)
    more = cursor_of(found[limit - 1].key.bytes) if len(found) > limit else None
    return await answer(request, ReceiversAnswer([_answer(request, each) for each in found[:limit]], more))


@router.get("/own", responses={200: {"model": ReceiverAnswer}})
async def look_at_oneself(request: Request, principal: ReceiverOf) -> Response:
    """What the account receives by each way, how far behind it is, and what fails. An account sees itself alone."""
    async with snapshot(request) as (connection, _):
        found = await store.receivers(connection, [principal.subject])
    return await answer(request, _answer(request, found[0]))


@router.post("/{receiver}/revocation", status_code=204)
async def revoke_receiver(request: Request, receiver: UUID, asked: Reason, principal: Centre) -> Response:
    """Ends it for good by every way, within seconds: its Kafka user, its webhooks, and whatever it asks over HTTP.
    Whoever was ended already stays so, with the first reason. Its account at registration is another matter."""
    demand_area(principal, "")
    async with database(request) as connection, connection.transaction():
        await store.revoke(connection, receiver, asked.reason, by=principal.subject, now=now(request))
    return Response(status_code=204)


def _answer(request: Request, one: Receiver) -> ReceiverAnswer:
    return receiver_answer(one, now(request), StreamSettings().most_open_of_one, MOST_EVENTS)
