"""/v1/openrosa-keys: a volunteer makes, sees and ends the keys of the devices on which he uses ODK Collect."""

from datetime import date, datetime
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from services.survey.openrosa.http.address import PREFIX, address_with
from services.survey.openrosa.keys import MOST_DAYS, MOST_KEYS, OpenRosaKeys, TooManyKeys, spelled
from shared.security.principal import Principal
from shared.security.rights import Right
from shared.web.authentication import require
from shared.web.fields import Body
from shared.web.problems import Message, Problem

NO_STORE: Final = {"Cache-Control": "no-store"}

_TOO_MANY: Final = Message(
    f"มีกุญแจที่ใช้ได้ครบ {MOST_KEYS} ดอกแล้ว โปรดยกเลิกดอกที่ไม่ใช้ก่อน",
    f"You have {MOST_KEYS} good keys already; end one that you do not use",
)

router = APIRouter(prefix="/v1/openrosa-keys", tags=["openrosa"])
Surveyor = Annotated[Principal, Depends(require(Right.SUBMISSION_CREATE))]


class NewKeyAsked(Body):
    """A key to be made. label: by which you know the device again; days: after how many it ends by itself."""

    label: str = Field(min_length=1, max_length=60)
    days: int = Field(MOST_DAYS, ge=1, le=MOST_DAYS, strict=True)


class NewKey(BaseModel):
    """The key, shown this once. server_url: with the key in it, for the app's settings; basic_url: for who types the
    key as a password instead; qr_svg, qr_png: pictures that the app scans."""

    key_id: UUID
    key: str
    server_url: str
    basic_url: str
    qr_svg: str
    qr_png: str
    ends_at: datetime


class Listed(BaseModel):
    """One of your keys. state: `good`, `ended` or `revoked`; used_on: the last day on which it was used."""

    key_id: UUID
    label: str
    area: str
    state: str
    made_at: datetime
    ends_at: datetime
    revoked_at: datetime | None
    used_on: date | None


class Keys(BaseModel):
    """Your keys, the newest first."""

    keys: list[Listed]


@router.post("", status_code=201, response_model=NewKey)
async def make(request: Request, principal: Surveyor, body: NewKeyAsked) -> Response:
    """Make a key for a device. It stands for you in the role and area that you hold now, and is shown this once."""
    state = request.app.state
    try:
        made = await OpenRosaKeys(state.pool).make(principal, body.label, body.days, now=state.clock.now())
    except TooManyKeys:
        raise Problem(409, "too_many_keys", detail=_TOO_MANY) from None
    address = address_with(request, spelled(made.text))
    shown = NewKey(
        key_id=made.key_id,
        key=made.text,
        server_url=address,
        basic_url=f"{request.base_url}{PREFIX.removeprefix('/')}",
        qr_svg=f"{address}/settings.svg",
        qr_png=f"{address}/settings.png",
        ends_at=made.ends_at,
    )
    return JSONResponse(shown.model_dump(mode="json"), 201, headers=NO_STORE)


@router.get("")
async def own(request: Request, principal: Surveyor) -> Keys:
    """List your keys, those that have ended among them."""
    state = request.app.state
    now = state.clock.now()
    return Keys(
        keys=[
            Listed(
                **each._asdict(),
                state="revoked" if each.revoked_at else "good" if each.ends_at > now else "ended",
            )
            for each in await OpenRosaKeys(state.pool).own(principal.subject)
        ]
    )


@router.delete("/{key_id}", status_code=204)
async def revoke(request: Request, principal: Surveyor, key_id: UUID) -> Response:
    """End a key of yours at once."""
    state = request.app.state
    if not await OpenRosaKeys(state.pool).revoke(key_id, principal.subject, now=state.clock.now()):
        raise Problem(404)
    return Response(status_code=204)
