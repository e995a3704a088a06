"""/v1/directives: messages from the centre or a province to all below, acknowledged by name."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID, uuid4

from fastapi import APIRouter, Depends, Query, Response
from pydantic import AwareDatetime, BaseModel, Field
from starlette.requests import Request

from services.registration.domain.directives import ADDRESSABLE, FARTHEST_DEADLINE, MAX_FILES, Directive, overdue
from services.registration.http.cursors import (
    CursorText,
    read_cursor,
    read_person_cursor,
    write_cursor,
    write_person_cursor,
)
from services.registration.http.parts import Parts, parts
from services.registration.http.refusals import not_found, unknown_field
from services.registration.http.texts import LongText, ShortText, Title
from services.registration.http.uploads import UploadAnswer, download, publish
from services.registration.settings import DIRECTIVE_FILE_BYTES, PAGE_SIZE
from services.registration.store.directives import Audience, Received, UnknownDirective
from services.registration.store.published import UnknownFileId
from shared.contracts.events import Role
from shared.security.principal import Principal
from shared.security.rights import Right
from shared.web.authentication import area_asked, demand, require
from shared.web.fields import AreaCode, Body

router = APIRouter(prefix="/v1/directives", tags=["directives"])


class NewDirective(Body):
    """A directive. It goes to all who hold one of `roles` in `area`, by default the caller's, now or until withdrawn.

    `files` were uploaded before; `replaces` is one of the same issuer, which asks for nothing any more.
    """

    reference: Title
    title_th: Title
    text_th: LongText
    title_en: Title | None = None
    text_en: LongText | None = None
    area: AreaCode | None = None
    roles: list[Role] = Field(min_length=1, max_length=len(Role))
    deadline: AwareDatetime | None = None
    files: list[UUID] = Field(default=[], max_length=MAX_FILES)
    replaces: UUID | None = None


class Withdrawal(Body):
    """Why a directive is withdrawn; everybody to whom it went can read it."""

    reason: ShortText


class FileAnswer(UploadAnswer):
    """A file of a directive; its bytes are at /v1/directives/{directive_id}/files/{file_id}."""


class DirectiveAnswer(BaseModel):
    """A directive. `issuer` is "" for the centre or a province's code; `addressed` says whether it is to the caller.

    `overdue` is whether the caller himself is late; one that was withdrawn or replaced asks for nothing.
    """

    directive_id: UUID
    issuer: str
    reference: str
    title_th: str
    text_th: str
    title_en: str | None
    text_en: str | None
    area: str
    roles: Sequence[Role]
    deadline: datetime | None
    sent_at: datetime
    files: Sequence[FileAnswer]
    replaces: UUID | None
    replaced_by: UUID | None
    withdrawn_at: datetime | None
    withdrawal_reason: str | None
    addressed: bool
    acknowledged_at: datetime | None
    overdue: bool


class DirectivePage(BaseModel):
    """A page of directives, the latest first; `cursor` leads to the next and is null on the last."""

    directives: Sequence[DirectiveAnswer]
    cursor: str | None


class Acknowledgement(BaseModel):
    """When the caller first took note."""

    acknowledged_at: datetime


class AcknowledgedCount(BaseModel):
    """Of those whom a directive reaches in an area: who has acknowledged, of them late, and who is overdue."""

    area: str
    persons: int
    acknowledged: int
    late: int
    overdue: int


class MissingPerson(BaseModel):
    """Somebody who has not acknowledged. Every reading is recorded."""

    person_id: UUID
    area: str
    role: Role
    name: str | None


class MissingPage(BaseModel):
    """A page of persons; `cursor` leads to the next and is null on the last."""

    persons: Sequence[MissingPerson]
    cursor: str | None


Addressee = Annotated[Principal, Depends(require(Right.DIRECTIVE_READ))]
Follower = Annotated[Principal, Depends(require(Right.DIRECTIVE_FOLLOW))]
Writer = Annotated[Principal, Depends(require(Right.DIRECTIVE_WRITE))]
Service = Annotated[Parts, Depends(parts)]


@router.post("/files", status_code=201)
async def upload_file(request: Request, caller: Writer, parts: Service) -> UploadAnswer:
    """Upload a file for a directive: the body is the file itself (PDF, PNG, JPEG or WebP, 2 MB)."""
    return await publish(request, parts, caller, most=DIRECTIVE_FILE_BYTES)


@router.post("", status_code=201)
async def send_directive(body: NewDirective, caller: Writer, parts: Service) -> DirectiveAnswer:
    """Send a directive to all below in an area inside the caller's. What was sent is never changed."""
    now = parts.clock.now()
    area = area_asked(caller, body.area)
    if not set(body.roles) <= ADDRESSABLE:
        raise unknown_field(
            "roles", "ส่งถึงระบบภายนอกไม่ได้", "Directives go to people, not to systems", code="not_a_choice"
        )
    if (body.title_en is None) != (body.text_en is None):
        raise unknown_field(
            "text_en", "ต้องมีทั้งชื่อเรื่องและข้อความภาษาอังกฤษ", "English needs title and text", code="required"
        )
    if body.deadline is not None and not now < body.deadline <= now + FARTHEST_DEADLINE:
        raise unknown_field(
            "deadline",
            "ต้องเป็นเวลาในอนาคตภายในหนึ่งปี",
            "This has to lie in the future, within a year",
            code="out_of_range",
        )
    directive = Directive(
        directive_id=uuid4(),
        issuer=caller.area,
        reference=body.reference,
        title_th=body.title_th,
        text_th=body.text_th,
        title_en=body.title_en,
        text_en=body.text_en,
        area=area,
        roles=tuple(dict.fromkeys(body.roles)),
        deadline=body.deadline,
        replaces=body.replaces,
        sent_at=now,
        sent_by=caller.subject,
    )
    try:
        await parts.directives.send(directive, list(dict.fromkeys(body.files)), most=DIRECTIVE_FILE_BYTES)
    except UnknownDirective:
        raise unknown_field("replaces", "ไม่พบหนังสือนี้", "There is no such directive") from None
    except UnknownFileId:
        raise unknown_field("files", "ไม่พบไฟล์ โปรดอัปโหลดอีกครั้ง", "A file is not there; upload it again") from None
    return await _answer(parts, directive.directive_id, caller)


@router.get("")
async def list_directives(
    caller: Addressee,
    parts: Service,
    unacknowledged: Annotated[bool, Query()] = False,
    sent: Annotated[bool, Query()] = False,
    cursor: CursorText = None,
) -> DirectivePage:
    """List the directives to the caller, or with `sent` those that went out from his area."""
    reader, after = _audience(caller), read_cursor(cursor)
    if sent:
        demand(caller, Right.DIRECTIVE_WRITE)
        listed = await parts.directives.sent(reader, after=after, limit=PAGE_SIZE)
    else:
        listed = await parts.directives.page(reader, unacknowledged=unacknowledged, after=after, limit=PAGE_SIZE)
    now, last = parts.clock.now(), listed[-1].directive if len(listed) == PAGE_SIZE else None
    return DirectivePage(
        directives=[_answer_of(one, now) for one in listed],
        cursor=write_cursor(last.sent_at, last.directive_id) if last else None,
    )


@router.get("/{directive_id}")
async def read_directive(directive_id: UUID, caller: Addressee, parts: Service) -> DirectiveAnswer:
    """Read a directive: those to whom it is, those who sent it, and coordinators of areas that it concerns."""
    return await _answer(parts, directive_id, caller)


@router.get("/{directive_id}/files/{file_id}")
async def read_file(directive_id: UUID, file_id: UUID, caller: Addressee, parts: Service) -> Response:
    """Give a directive's file."""
    received = await _received(parts, directive_id, caller)
    if file_id not in [file["file_id"] for file in received.files]:
        raise not_found()
    media_type, content = await parts.published.read(file_id)
    return download(content, media_type=media_type, name=f"directive-{file_id}", private=False)


@router.post("/{directive_id}/acknowledgement")
async def acknowledge(directive_id: UUID, caller: Addressee, parts: Service) -> Acknowledgement:
    """Take note of a directive by name. The first time counts, also after the deadline."""
    try:
        at = await parts.acknowledgements.acknowledge(directive_id, _audience(caller), now=parts.clock.now())
    except UnknownDirective:
        raise not_found() from None
    return Acknowledgement(acknowledged_at=at)


@router.post("/{directive_id}/withdrawal")
async def withdraw(directive_id: UUID, body: Withdrawal, caller: Writer, parts: Service) -> DirectiveAnswer:
    """Withdraw a directive of the caller's area; the centre may withdraw a province's."""
    try:
        await parts.directives.withdraw(directive_id, _audience(caller), reason=body.reason, now=parts.clock.now())
    except UnknownDirective:
        raise not_found() from None
    return await _answer(parts, directive_id, caller)


@router.get("/{directive_id}/acknowledgements")
async def count_acknowledgements(
    directive_id: UUID, caller: Follower, parts: Service, area: Annotated[AreaCode | None, Query()] = None
) -> Sequence[AcknowledgedCount]:
    """Count who has acknowledged, one level below an area; a role held in the area itself counts there."""
    area = area_asked(caller, area)
    directive = (await _received(parts, directive_id, caller)).directive
    late = overdue(directive, parts.clock.now())
    return [
        AcknowledgedCount(**row, overdue=row["persons"] - row["acknowledged"] if late else 0)
        for row in await parts.acknowledgements.count_acknowledged(directive, area)
    ]


@router.get("/{directive_id}/acknowledgements/missing")
async def list_missing(
    directive_id: UUID,
    caller: Annotated[Principal, Depends(require(Right.VOLUNTEER_READ))],
    parts: Service,
    area: Annotated[AreaCode | None, Query()] = None,
    cursor: CursorText = None,
) -> MissingPage:
    """List by name who has not acknowledged, for those who may read the volunteers of the area."""
    area = area_asked(caller, area)
    directive = (await _received(parts, directive_id, caller)).directive
    listed = await parts.acknowledgements.missing(
        directive, area, after=read_person_cursor(cursor), limit=PAGE_SIZE, reader=caller.subject, now=parts.clock.now()
    )
    last = listed[-1] if len(listed) == PAGE_SIZE else None
    return MissingPage(
        persons=[MissingPerson.model_validate(one) for one in listed],
        cursor=write_person_cursor(last["area"], last["registered_at"], last["person_id"]) if last else None,
    )


def _audience(caller: Principal) -> Audience:
    return Audience(
        caller.subject,
        caller.role,
        caller.area,
        writes=caller.may(Right.DIRECTIVE_WRITE),
        follows=caller.may(Right.DIRECTIVE_FOLLOW),
    )


async def _received(parts: Parts, directive_id: UUID, caller: Principal) -> Received:
    try:
        return await parts.directives.read(directive_id, _audience(caller))
    except UnknownDirective:
        raise not_found() from None


async def _answer(parts: Parts, directive_id: UUID, caller: Principal) -> DirectiveAnswer:
    return _answer_of(await _received(parts, directive_id, caller), parts.clock.now())


def _answer_of(received: Received, now: datetime) -> DirectiveAnswer:
    directive = received.directive
    return DirectiveAnswer(
        directive_id=directive.directive_id,
        issuer=directive.issuer,
        reference=directive.reference,
        title_th=directive.title_th,
        text_th=directive.text_th,
        title_en=directive.title_en,
        text_en=directive.text_en,
        area=directive.area,
        roles=directive.roles,
        deadline=directive.deadline,
        sent_at=directive.sent_at,
        files=[FileAnswer.model_validate(file) for file in received.files],
        replaces=directive.replaces,
        replaced_by=directive.replaced_by,
        withdrawn_at=directive.withdrawn_at,
        withdrawal_reason=directive.withdrawal_reason,
        addressed=received.addressed,
        acknowledged_at=received.acknowledged_at,
        overdue=received.addressed and received.acknowledged_at is None and overdue(directive, now),
    )
