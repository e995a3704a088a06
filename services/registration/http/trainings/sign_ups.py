"""/v1/trainings/sessions/{session_id}/sign-ups: who comes, and who waits for a place."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel
from starlette.requests import Request

from services.registration.domain.trainings import SignUpState
from services.registration.http.fields import Name, Phone
from services.registration.http.parts import Parts
from services.registration.http.refusals import not_found
from services.registration.http.trainings.callers import Anybody, Attendant, Service, area_held
from services.registration.http.trainings.notices import tell
from services.registration.settings import GUEST_SIGN_UPS_PER_ADDRESS, GUEST_SIGN_UPS_PER_PHONE, PAGE_SIZE
from services.registration.store.trainings.courses import UnknownTraining
from services.registration.store.trainings.sign_ups import Guest
from shared.security.principal import Principal
from shared.security.rights import Right
from shared.web.authentication import demand, unauthenticated
from shared.web.fields import Body
from shared.web.origin import address_of

router = APIRouter(prefix="/v1/trainings/sessions/{session_id}/sign-ups", tags=["trainings"])


class GuestBody(Body):
    """Who signs up without an account. Somebody who is signed in sends nothing."""

    name: Name
    phone: Phone


class PlaceAnswer(BaseModel):
    """Where somebody stands. `sign_up_id` is what a guest cancels with; it is shown this once."""

    sign_up_id: UUID
    state: SignUpState


class ListedSignUp(BaseModel):
    """Who comes, as the trainer sees him. Every reading is recorded."""

    sign_up_id: UUID
    number: int
    state: SignUpState
    name: str | None
    by_phone: bool
    attended_at: datetime | None


class SignUpPage(BaseModel):
    """A page of those who come, in the order in which they signed up; `after` of the next page is the last `number`."""

    sign_ups: Sequence[ListedSignUp]
    after: int | None


@router.get("")
async def list_sign_ups(
    session_id: UUID, caller: Attendant, parts: Service, after: Annotated[int, Query(ge=0, le=10**9)] = 0
) -> SignUpPage:
    """List who comes, with names, for the session's trainer and who holds sessions there."""
    try:
        listed = await parts.trainings.sign_ups.page(
            session_id, by=caller.subject, within=area_held(caller), after=after, limit=PAGE_SIZE, now=parts.clock.now()
        )
    except UnknownTraining:
        raise not_found() from None
    return SignUpPage(
        sign_ups=[ListedSignUp.model_validate(one) for one in listed],
        after=listed[-1]["number"] if len(listed) == PAGE_SIZE else None,
    )


# Open without a token: by phone, where the course allows it. Both phone and address are counted.
@router.post("", status_code=201)
async def sign_up(
    session_id: UUID, request: Request, caller: Anybody, parts: Service, body: GuestBody | None = None
) -> PlaceAnswer:
    """Sign up: whoever is signed in for himself, others with name and phone. Who finds no place waits in order."""
    now, guest = parts.clock.now(), None
    if caller is not None:
        demand(caller, Right.TRAINING_ATTEND)
    elif body is None:
        raise unauthenticated("token_missing")
    else:
        guest = Guest(body.name, body.phone)
        await parts.throttle.spend(GUEST_SIGN_UPS_PER_ADDRESS, address_of(request), now=now)
        await parts.throttle.spend(GUEST_SIGN_UPS_PER_PHONE, body.phone, now=now)
    try:
        signed = await parts.trainings.sign_ups.sign_up(
            session_id, person=caller.subject if caller else None, guest=guest, now=now
        )
    except UnknownTraining:
        raise not_found() from None
    return PlaceAnswer(sign_up_id=signed.sign_up_id, state=signed.state)


@router.delete("/mine", status_code=204)
async def cancel_my_sign_up(session_id: UUID, caller: Attendant, parts: Service) -> Response:
    """Give up one's place; whoever has waited longest gets it."""
    return await _cancel(parts, session_id, None, caller)


# Open without a token: the id of a sign-up is 122 random bits, which only the guest was told.
@router.delete("/{sign_up_id}", status_code=204)
async def cancel_sign_up(session_id: UUID, sign_up_id: UUID, caller: Anybody, parts: Service) -> Response:
    """Cancel a sign-up: a guest his own, or who holds the session anybody's."""
    return await _cancel(parts, session_id, sign_up_id, caller)


async def _cancel(parts: Parts, session_id: UUID, sign_up_id: UUID | None, caller: Principal | None) -> Response:
    try:
        moved_up = await parts.trainings.sign_ups.cancel(
            session_id,
            sign_up_id,
            person=caller.subject if caller else None,
            within=area_held(caller) if caller else None,
            now=parts.clock.now(),
        )
    except UnknownTraining:
        raise not_found() from None
    tell(parts, moved_up)
    return Response(status_code=204)
