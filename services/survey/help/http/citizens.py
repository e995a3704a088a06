"""A citizen asks for help, sees what becomes of it, and says when it is needed no more.

He has proved his phone (registration's /v1/phone-proofs) and holds no account. What he wrote is not given back: his
phone knows it, and nobody who gets hold of his token shall.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from services.survey.help import domain
from services.survey.help.fields import NewRequest, check_position
from services.survey.help.http.refusals import ID_TAKEN, bad_field, not_found
from services.survey.help.limits import REQUESTS_PER_ADDRESS, REQUESTS_PER_PHONE
from services.survey.help.parts import HelpParts, parts
from services.survey.help.personal import Details
from services.survey.help.store import IdTaken, Own
from shared.areas.districts import cell_of
from shared.security.citizens import Citizen, citizen_of
from shared.security.spelling import canonical
from shared.web.citizens import proven_citizen
from shared.web.origin import address_of
from shared.web.problems import Message
from shared.web.validation import InvalidValue

router = APIRouter(prefix="/v1/help-requests", tags=["citizens"])

Asking = Annotated[Citizen, Depends(proven_citizen)]
Tools = Annotated[HelpParts, Depends(parts)]

_OTHER_PHONE = InvalidValue(
    "not_the_proven_phone",
    Message("ไม่ใช่หมายเลขที่ยืนยันด้วยรหัสแล้ว", "This is not the number that was proved by the code"),
)


class OwnRequest(BaseModel):
    """What became of one's own request. `status` is that of the request that it was merged into, where it was."""

    request_id: UUID
    kind: str
    people: int
    area: str
    status: str
    asked_at: datetime
    accepted_at: datetime | None
    deadline: datetime | None
    outcome: str | None
    merged: bool


class OwnRequests(BaseModel):
    """The latest ones first."""

    requests: Sequence[OwnRequest]


@router.post("", status_code=201, responses={200: {"model": OwnRequest, "description": "It was asked before."}})
async def ask(request: Request, response: Response, body: NewRequest, citizen: Asking, tools: Tools) -> OwnRequest:
    """Ask for help. The same id again, or the same kind while one is open, is the request that stands: 200."""
    if citizen_of(tools.index, body.phone) != citizen.subject:
        raise bad_field("phone", _OTHER_PHONE)
    fault = check_position(body)
    if fault is not None:
        raise bad_field("position", fault)
    now = tools.clock.now()
    try:
        known = await tools.requests.known(body.request_id, citizen.subject)
        if known is None:
            await tools.throttle.spend(REQUESTS_PER_ADDRESS, address_of(request), now=now)
            await tools.throttle.spend(REQUESTS_PER_PHONE, str(citizen.subject), now=now)
            known, new = await tools.requests.ask(*_asked(body, citizen, tools, now))
            response.status_code = 201 if new else 200
        else:
            response.status_code = 200
    except IdTaken:
        raise ID_TAKEN from None
    return _answer(Own(known, known.status, known.accepted_at, known.deadline))


@router.get("/mine")
async def mine(citizen: Asking, tools: Tools) -> OwnRequests:
    """What became of one's own requests."""
    return OwnRequests(requests=[_answer(own) for own in await tools.requests.own(citizen.subject)])


@router.post("/{request_id}/cancellation")
async def cancel(request_id: UUID, citizen: Asking, tools: Tools) -> OwnRequest:
    """It is needed no more."""
    cancelled = await tools.requests.cancel(request_id, citizen.subject, now=tools.clock.now())
    if cancelled is None:
        raise not_found()
    return _answer(Own(cancelled, cancelled.status, cancelled.accepted_at, cancelled.deadline))


def _asked(body: NewRequest, citizen: Citizen, tools: HelpParts, now: datetime) -> tuple[domain.Request, Details]:
    where = body.position
    request = domain.asked(
        request_id=body.request_id,
        citizen=citizen.subject,
        kind=body.kind,
        area=body.area,
        people=body.people,
        cell=None if where is None else cell_of(where.lat, where.lon),
        place=_place(body, tools),
        now=now,
    )
    position = None if where is None else where.model_dump()
    return request, Details(body.name, body.phone, position, body.address, body.note)


def _place(body: NewRequest, tools: HelpParts) -> bytes | None:
    """A keyed hash of where exactly: of the address in any spelling, else of the position to some 100 m."""
    if body.address is not None:
        return tools.index.of("help-place", f"{body.area}\0{canonical(body.address)}")
    if body.position is not None:
        return tools.index.of("help-place", f"{body.position.lat:.3f}\0{body.position.lon:.3f}")
    return None


def _answer(own: Own) -> OwnRequest:
    request = own.request
    return OwnRequest(
        request_id=request.request_id,
        kind=request.kind,
        people=request.people,
        area=request.area,
        status=own.status,
        asked_at=request.asked_at,
        accepted_at=own.accepted_at,
        deadline=own.deadline,
        outcome=request.outcome,
        merged=request.merged_into is not None,
    )
