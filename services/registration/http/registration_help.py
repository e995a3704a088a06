"""/v1/registration-help: people who cannot register by themselves ask to be helped; coordinators help them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel
from starlette.requests import Request

from services.registration.http import cursors
from services.registration.http.cursors import CursorText
from services.registration.http.fields import Name, Phone
from services.registration.http.parts import Parts, parts
from services.registration.http.refusals import not_found, unknown_field
from services.registration.settings import HELP_PER_ADDRESS, HELP_PER_PHONE, PAGE_SIZE
from services.registration.store.registration_help import Outcome
from shared.security.principal import Principal
from shared.security.rights import Right
from shared.web.authentication import area_asked, require
from shared.web.fields import AreaCode, Body
from shared.web.origin import address_of

router = APIRouter(prefix="/v1/registration-help", tags=["registration help"])

SUBDISTRICT_DIGITS = 6

Helper = Annotated[Principal, Depends(require(Right.REGISTRATION_HELP))]


class NewHelpRequest(Body):
    """Who wants to be called, and in which subdistrict he lives."""

    name: Name
    phone: Phone
    area: AreaCode


class HelpTaken(BaseModel):
    """The same whether or not this phone has asked before."""

    status: str = "waiting"


class HelpAnswer(BaseModel):
    """Somebody who waits for help. Every reading is recorded."""

    request_id: UUID
    area: str
    asked_at: datetime
    name: str | None
    phone: str | None


class HelpPage(BaseModel):
    """A page of open requests, the oldest of each area first; `cursor` leads to the next and is null on the last."""

    requests: Sequence[HelpAnswer]
    cursor: str | None


class Closing(Body):
    """How it ended."""

    outcome: Outcome


class ClosingAnswer(BaseModel):
    """The outcome that stands: of two who close a request, the first one's."""

    request_id: UUID
    outcome: Outcome


@router.post("", status_code=202)
async def ask(request: Request, body: NewHelpRequest, parts: Annotated[Parts, Depends(parts)]) -> HelpTaken:
    """Ask to be called by a coordinator. No account is needed: who could make one would not need help."""
    if len(body.area) != SUBDISTRICT_DIGITS:
        raise unknown_field("area", "โปรดเลือกถึงระดับตำบล/แขวง", "Choose a subdistrict", code="wrong_level")
    now = parts.clock.now()
    await parts.throttle.spend(HELP_PER_ADDRESS, address_of(request), now=now)
    await parts.throttle.spend(HELP_PER_PHONE, body.phone, now=now)
    await parts.help.ask(
        name=body.name, phone=body.phone, phone_index=parts.index.of_phone(body.phone), area=body.area, now=now
    )
    return HelpTaken()


@router.get("")
async def waiting(
    caller: Helper,
    parts: Annotated[Parts, Depends(parts)],
    area: Annotated[AreaCode | None, Query(description="The caller's own without it")] = None,
    cursor: CursorText = None,
) -> HelpPage:
    """List who waits for help in an area, with names and numbers to call."""
    area = area_asked(caller, area)
    found = await parts.help.page(
        area,
        after=cursors.read(cursor, cursors.place, cursors.moment, UUID) if cursor else None,
        limit=PAGE_SIZE,
        reader=caller.subject,
        now=parts.clock.now(),
    )
    last = found[-1] if len(found) == PAGE_SIZE else None
    return HelpPage(
        requests=[
            HelpAnswer(request_id=one.request_id, area=one.area, asked_at=one.asked_at, name=one.name, phone=one.phone)
            for one in found
        ],
        cursor=cursors.write(last.area, last.asked_at, last.request_id) if last else None,
    )


@router.post("/{request_id}/closing")
async def close(
    request_id: UUID, body: Closing, caller: Helper, parts: Annotated[Parts, Depends(parts)]
) -> ClosingAnswer:
    """Close a request, for whatever reason; the name and the number are destroyed with it."""
    outcome = await parts.help.close(
        request_id, body.outcome, within=caller.area, by=caller.subject, now=parts.clock.now()
    )
    if outcome is None:
        raise not_found()
    return ClosingAnswer(request_id=request_id, outcome=outcome)
