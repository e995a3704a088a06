"""/v1/device-keys: the key under which a phone keeps what it holds, for whoever signs in on it anew.

A phone opens what it holds by a PIN, without a net. Who forgot the PIN, or typed a wrong one too often, signs in by a
one-time code, and gets the same key from here: nothing that waits on the phone is lost. The service itself never sees
what the key opens.
"""

import base64
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from services.survey.phone import store
from shared.postgres.pool import UNREACHABLE, acquire
from shared.security.principal import Principal
from shared.security.rights import Right
from shared.web.authentication import require
from shared.web.fields import Body
from shared.web.problems import FieldError, Message, Problem

KEY_BYTES: Final = 32
RETRY: Final = {"Retry-After": "2"}
NO_STORE: Final = {"Cache-Control": "no-store"}

_NOT_A_KEY: Final = Message("กุญแจต้องเป็น base64 ของ 32 ไบต์", "A key is the base64 of 32 bytes")

router = APIRouter(prefix="/v1/device-keys", tags=["phone"])
Surveyor = Annotated[Principal, Depends(require(Right.SUBMISSION_CREATE))]


class DeviceKey(Body):
    """The key of one phone. key: base64 of 32 bytes."""

    key: str = Field(max_length=64)


@router.put("/{device_id}", status_code=204)
async def put(request: Request, principal: Surveyor, device_id: UUID, body: DeviceKey) -> Response:
    """Keeps the key of your phone; of more than five phones the one that was used least recently is forgotten."""
    try:
        key = base64.b64decode(body.key, validate=True)
    except ValueError:  # also what b64decode says of letters that are no ASCII
        key = b""
    if len(key) != KEY_BYTES:
        raise Problem(400, errors=[FieldError("key", "not_a_key", _NOT_A_KEY)])
    state = request.app.state
    try:
        async with acquire(state.pool) as connection:
            await store.put_key(connection, state.sealing, principal.subject, device_id, key, now=state.clock.now())
    except UNREACHABLE:
        raise Problem(503, headers=RETRY) from None
    return Response(status_code=204)


@router.get("/{device_id}", response_model=DeviceKey)
async def get(request: Request, principal: Surveyor, device_id: UUID) -> Response:
    """Gives the key of your phone back; 404 when none is kept."""
    state = request.app.state
    try:
        async with acquire(state.pool) as connection:
            key = await store.take_key(connection, state.sealing, principal.subject, device_id, now=state.clock.now())
    except UNREACHABLE:
        raise Problem(503, headers=RETRY) from None
    if key is None:
        raise Problem(404)
    return JSONResponse({"key": base64.b64encode(key).decode()}, headers=NO_STORE)
