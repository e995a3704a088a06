"""/v1/my-requests: a citizen who proved a phone asks about the data of a home, and follows it."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from services.survey.desk.http.parts import NOT_FOUND, database, ids_of, language, now_of, ring_of
from services.survey.privacy import requests
from services.survey.privacy.copies import fetchable
from services.survey.privacy.http.bodies import Asking, OwnRequest, own
from services.survey.privacy.http.copies import Form, copy_of
from services.survey.privacy.requests import Identity, State
from shared.postgres.pool import Connection
from shared.security.citizens import Citizen
from shared.web.citizens import proven_citizen
from shared.web.problems import Message, Problem

router = APIRouter(prefix="/v1/my-requests", tags=["personal data"])
Asker = Annotated[Citizen, Depends(proven_citizen)]

_TOO_MANY: Final = Message(
    "ท่านมีคำขอที่รอคำตอบอยู่หลายรายการแล้ว โปรดรอคำตอบหรือยกเลิกบางรายการ",
    "Several of your requests wait for an answer already; wait for it or withdraw some",
)
_NOT_WAITING: Final = Message("คำขอนี้พิจารณาแล้ว", "This request has been decided")
_NO_COPY: Final = Message("ยังไม่มีสำเนา หรือพ้น 30 วันแล้ว", "There is no copy yet, or its 30 days are over")


class OwnRequests(BaseModel):
    """A citizen's requests, the latest first, at most 50."""

    items: list[OwnRequest]


@router.post("", status_code=201)
async def ask(body: Asking, request: Request, citizen: Asker) -> OwnRequest:
    """Ask for a copy, a correction, an erasure, or object. Sending the same again changes nothing."""
    household_id = body.household(ids_of(request))
    now = now_of(request)
    async with database(request) as connection:
        if await connection.fetchval(requests.OPEN_OF, citizen.subject) >= requests.MOST_OPEN:
            raise Problem(429, detail=_TOO_MANY, headers={"Retry-After": "86400"})
        await requests.ask(
            connection,
            ring_of(request),
            body.request_id,
            body.kind,
            body.area,
            household_id,
            body.written(),
            subject=citizen.subject,
            asked_by=None,
            identity=Identity.PHONE,
            now=now,
        )
        return await _told(connection, request, await _own(connection, request, body.request_id, citizen))


@router.get("")
async def listed(request: Request, citizen: Asker) -> OwnRequests:
    """List one's requests with their state and the reason of the decision."""
    async with database(request) as connection:
        rows = await connection.fetch(requests.OWN, citizen.subject)
        found = [requests.read(ring_of(request), row) for row in rows]
        return OwnRequests(items=[await _told(connection, request, one) for one in found])


@router.post("/{request_id}/withdrawal")
async def withdraw(request_id: UUID, request: Request, citizen: Asker) -> OwnRequest:
    """Take a request back that nobody has decided yet."""
    async with database(request) as connection:
        found = await _own(connection, request, request_id, citizen)
        if found.state is not State.WAITING:
            raise Problem(409, "decided", detail=_NOT_WAITING)
        found = await requests.change(
            connection, ring_of(request), found, State.WITHDRAWN, now=now_of(request), by=None
        )
        return await _told(connection, request, found)


@router.get("/{request_id}/copy")
async def copy(request_id: UUID, request: Request, citizen: Asker, form: Form = Form.JSON) -> Response:
    """Fetch the copy of everything that is held, once it was granted: JSON, or HTML to be read and printed."""
    now = now_of(request)
    async with database(request) as connection:
        found = await _own(connection, request, request_id, citizen)
        if not fetchable(found, now):
            raise Problem(409, "no_copy", detail=_NO_COPY)
        return await copy_of(connection, ring_of(request), found, citizen, form, language(request), now)


async def _own(connection: Connection, request: Request, request_id: UUID, citizen: Citizen) -> requests.Request:
    found = await requests.find(connection, ring_of(request), request_id, "")
    if found is None or found.subject != citizen.subject:
        raise Problem(404, detail=NOT_FOUND)
    return found


async def _told(connection: Connection, request: Request, found: requests.Request) -> OwnRequest:
    steps = list(await requests.steps(connection, found.request_id))
    return own(found, steps, can_fetch=fetchable(found, now_of(request)))
