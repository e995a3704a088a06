"""/v1/systems: accounts of programs, which sign in with a secret."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, Field

from services.registration.domain.people import Refused, check_level
from services.registration.http.fields import Name
from services.registration.http.parts import Parts, parts
from services.registration.http.refusals import not_found, unknown_field
from services.registration.settings import PAGE_SIZE, SECRET_OVERLAP_MINUTES
from services.registration.store.organisations import find_organisation
from services.registration.store.systems import Cursor, System
from shared.contracts.events import Role
from shared.security.principal import Principal
from shared.security.rights import Right
from shared.web.authentication import require
from shared.web.fields import AreaCode, Body

router = APIRouter(prefix="/v1/systems", tags=["systems"])

SYSTEM_ROLES = frozenset({Role.EXTERNAL_SYSTEM, Role.PLACE_OFFICER})
"""What a program may be over HTTP: one that reads, or a hospital's system that keeps its places. Accounts of other
roles, which decide about people, are made by a command on the machine alone."""


class NewSystem(Body):
    """A program that is to sign in. `name` is a label by which it is known again, no person's."""

    name: Name
    role: Role = Role.EXTERNAL_SYSTEM
    area: AreaCode = ""
    organisation_id: UUID | None = None


class Credentials(BaseModel):
    """What the program signs in with. The secret is shown this once; only its hash is kept."""

    client_id: UUID
    client_secret: str


class Overlap(Body):
    """How long the secret before stays good beside the new one; not at all unless asked for."""

    overlap_minutes: int = Field(0, ge=0, le=SECRET_OVERLAP_MINUTES, strict=True)


class ListedSystem(BaseModel):
    """An account. created_by is null for one that was made by a command on the machine."""

    client_id: UUID
    name: str
    role: Role
    area: str
    organisation_id: UUID | None
    created_at: datetime
    created_by: UUID | None
    revoked_at: datetime | None


class SystemPage(BaseModel):
    """A page of accounts, the oldest first; `cursor` leads to the next and is null on the last."""

    systems: Sequence[ListedSystem]
    cursor: str | None


Caller = Annotated[Principal, Depends(require(Right.SYSTEM_WRITE))]


@router.post("", status_code=201)
async def create_system(
    body: NewSystem, caller: Caller, parts: Annotated[Parts, Depends(parts)], response: Response
) -> Credentials:
    """Make an account and show its secret, once."""
    if body.role not in SYSTEM_ROLES:
        raise unknown_field("role", "บัญชีระบบใช้บทบาทนี้ไม่ได้", "No system gets this role here", code="not_a_choice")
    try:
        check_level(body.role, body.area)
    except Refused:
        raise unknown_field(
            "area", "บทบาทนี้ไม่มีในพื้นที่ระดับนี้", "This role is not held in areas of this level", code="wrong_level"
        ) from None
    if body.organisation_id is not None and await find_organisation(parts.pool, body.organisation_id) is None:
        raise unknown_field("organisation_id", "ไม่พบหน่วยงานนี้", "There is no such organisation")
    client_id, secret = await parts.systems.add(
        name=body.name,
        role=body.role,
        area=body.area,
        organisation_id=body.organisation_id,
        now=parts.clock.now(),
        by=caller.subject,
    )
    return _shown_once(response, client_id, secret)


@router.get("")
async def list_systems(
    caller: Caller,
    parts: Annotated[Parts, Depends(parts)],
    cursor: Annotated[str | None, Query(max_length=300)] = None,
) -> SystemPage:
    """List all accounts, the revoked ones among them."""
    listed = await parts.systems.page(
        after=_read_cursor(cursor) if cursor else None, limit=PAGE_SIZE, now=parts.clock.now()
    )
    return SystemPage(
        systems=[ListedSystem.model_validate(one, from_attributes=True) for one in listed],
        cursor=_write_cursor(listed[-1]) if len(listed) == PAGE_SIZE else None,
    )


@router.post("/{client_id}/secret")
async def renew_secret(
    client_id: UUID,
    caller: Caller,
    parts: Annotated[Parts, Depends(parts)],
    response: Response,
    body: Overlap = Overlap(),  # noqa: B008 - frozen
) -> Credentials:
    """Give a new secret and show it, once."""
    until = parts.clock.now() + timedelta(minutes=body.overlap_minutes)
    secret = await parts.systems.rotate(client_id, former_until=until)
    if secret is None:
        raise not_found()
    return _shown_once(response, client_id, secret)


@router.delete("/{client_id}", status_code=204)
async def revoke_system(client_id: UUID, caller: Caller, parts: Annotated[Parts, Depends(parts)]) -> Response:
    """End an account: it gets no more tokens; one that it holds lives on for 15 minutes at most."""
    if not await parts.systems.revoke(client_id, now=parts.clock.now()):
        raise not_found()
    return Response(status_code=204)


def _shown_once(response: Response, client_id: UUID, secret: str) -> Credentials:
    response.headers["Cache-Control"] = "no-store"
    return Credentials(client_id=client_id, client_secret=secret)


def _write_cursor(last: System) -> str:
    place = [last.created_at.isoformat(), str(last.client_id)]
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode()


def _read_cursor(text: str) -> Cursor:
    try:
        created_at, client_id = json.loads(base64.urlsafe_b64decode(text))
        return datetime.fromisoformat(created_at).astimezone(UTC), UUID(client_id)
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError, binascii.Error):
        raise unknown_field("cursor", "ตัวชี้หน้าไม่ถูกต้อง", "This is not a cursor of ours", code="invalid") from None
