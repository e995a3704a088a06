"""Whoever helps: the list of an area, a request opened, accepted, helped, handed back, closed, merged.

The list is masked. A name and a number are shown to whoever opens a request or accepts it, and every such reading is
recorded. Everything is bounded by the area of the caller's role, in SQL.
"""

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from services.survey.help import domain
from services.survey.help.domain import FINISHED, OPEN, Step, Worker
from services.survey.help.fields import Closing, Merging, Returning
from services.survey.help.http.public import DIGITS
from services.survey.help.http.refusals import bad_field, not_found
from services.survey.help.limits import PAGE
from services.survey.help.notices import document_of, item_of
from services.survey.help.parts import HelpParts, parts
from services.survey.help.personal import Opened
from shared.areas.digits import to_arabic_digits
from shared.contracts.events import HelpStatus
from shared.security.principal import Principal
from shared.security.rights import Right
from shared.web.authentication import area_asked, require
from shared.web.problems import Message
from shared.web.validation import InvalidValue

router = APIRouter(prefix="/v1/help-requests", tags=["help"])

Reader = Annotated[Principal, Depends(require(Right.HELP_READ))]
Helper = Annotated[Principal, Depends(require(Right.HELP_WORK))]
Manager = Annotated[Principal, Depends(require(Right.HELP_MANAGE))]
Tools = Annotated[HelpParts, Depends(parts)]

NO_ID: Final = UUID(int=0)
LAST_ID: Final = UUID(int=2**128 - 1)
_EARLY: Final = datetime.min.replace(tzinfo=UTC)
_LATE: Final = datetime.max.replace(tzinfo=UTC)

_STATUSES: Final[Mapping[str, Sequence[HelpStatus]]] = {
    "open": OPEN,
    "finished": FINISHED,
    **{status.value: (status,) for status in HelpStatus},
}
_BAD_CURSOR: Final = InvalidValue("invalid", Message("ตัวชี้หน้าไม่ถูกต้อง", "This is not a cursor of ours"))
_BAD_STATUS: Final = InvalidValue("not_a_choice", Message("ไม่มีสถานะนี้", "There is no such status"))
_BAD_OWNER: Final = InvalidValue("not_a_choice", Message("ระบุ me หรือรหัสอาสาสมัคร", "Say `me`, or a volunteer's id"))


class Page(BaseModel):
    """A page of requests, masked; `cursor` leads to the next and is null on the last. now: by the service's clock."""

    area: str
    now: datetime
    requests: Sequence[dict[str, Any]]
    cursor: str | None


class StepAnswer(BaseModel):
    """What happened to a request, by whom; `told`: to whom it was handed up."""

    at: datetime
    step: Step
    actor: UUID | None
    actor_role: str | None
    told_role: str | None
    told_area: str | None
    other: UUID | None
    note: str | None


class OpenedAnswer(BaseModel):
    """A request with everything in it. Everything personal is null once it was destroyed, 30 days after the end."""

    request: dict[str, Any]
    name: str | None
    phone: str | None
    position: Mapping[str, float | None] | None
    address: str | None
    note: str | None
    steps: Sequence[StepAnswer]


class Standing(BaseModel):
    """A request as it stands now, masked."""

    request: dict[str, Any]


@router.get("")
async def due(
    caller: Reader,
    tools: Tools,
    area: Annotated[str | None, Query(max_length=6, pattern=DIGITS, description="The caller's own without it")] = None,
    status: Annotated[str, Query(max_length=20, description="open, finished, or one status")] = "open",
    owner: Annotated[str | None, Query(max_length=40, description="`me`, or a volunteer's id")] = None,
    late: Annotated[bool, Query(description="Only those whose deadline is over")] = False,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> Page:
    """Requests of an area: open ones by their deadline, finished ones the latest first. Nothing personal is in it."""
    within = area_asked(caller, area and to_arabic_digits(area))
    statuses = _STATUSES.get(status)
    if statuses is None:
        raise bad_field("status", _BAD_STATUS)
    accepted_by = _owner(owner, caller)
    now = tools.clock.now()
    if statuses[0] in OPEN:
        start = (_EARLY, NO_ID) if cursor is None else _read(cursor)
        alike = await tools.requests.due(
            within, statuses, owner=accepted_by, late=late, now=now, after=start, limit=PAGE
        )
        found = [request for request, _ in alike]
        items = [item_of(*each) for each in alike]
    else:
        end = (_LATE, LAST_ID) if cursor is None else _read(cursor)
        found = list(await tools.requests.finished(within, statuses, owner=accepted_by, before=end, limit=PAGE))
        items = [item_of(each) for each in found]
    last = found[-1] if len(found) == PAGE else None
    return Page(
        area=within,
        now=now,
        requests=[document_of(item) for item in items],
        cursor=None if last is None else _write(last.deadline or last.updated_at, last.request_id),
    )


@router.get("/{request_id}")
async def opened(request_id: UUID, caller: Reader, tools: Tools) -> OpenedAnswer:
    """Open a request: name, number, address, position, note and history. The reading is recorded."""
    found = await tools.requests.open(request_id, caller, now=tools.clock.now())
    if found is None:
        raise not_found()
    return _opened(found)


@router.post("/{request_id}/acceptance")
async def accept(request_id: UUID, caller: Helper, tools: Tools) -> OpenedAnswer:
    """Take a request on, and see what is needed for it. Of two who do so at once one is told who was first: 409."""
    accepted = await tools.requests.accept(request_id, _worker(caller), caller, now=tools.clock.now())
    if accepted is None:
        raise not_found()
    return _opened(accepted)


@router.post("/{request_id}/beginning")
async def begin(request_id: UUID, caller: Helper, tools: Tools) -> Standing:
    """Say that one is on the way, or there."""
    by, now = _worker(caller), tools.clock.now()
    return _standing(
        await tools.requests.work(request_id, by, Step.HELPING, lambda request: domain.begin(request, by, now))
    )


@router.post("/{request_id}/return")
async def hand_back(request_id: UUID, body: Returning, caller: Helper, tools: Tools) -> Standing:
    """Give a request back, for somebody else. With `help.manage` also what another has accepted."""
    by, now = _worker(caller), tools.clock.now()
    return _standing(
        await tools.requests.work(
            request_id,
            by,
            Step.HANDED_BACK,
            lambda request: domain.hand_back(request, by, now),
            note=body.note,
        )
    )


@router.post("/{request_id}/closing")
async def close(request_id: UUID, body: Closing, caller: Helper, tools: Tools) -> Standing:
    """Bring a request to an end. With `help.manage` also what another, or nobody, has accepted."""
    by, now = _worker(caller), tools.clock.now()
    return _standing(
        await tools.requests.work(
            request_id,
            by,
            Step.CLOSED,
            lambda request: domain.close(request, by, body.outcome, now),
            note=body.note,
        )
    )


@router.post("/{request_id}/merger")
async def merge(request_id: UUID, body: Merging, caller: Manager, tools: Tools) -> Standing:
    """Merge a request into another one of the same subdistrict, which asks for the same and goes on."""
    return _standing(await tools.requests.merge(request_id, body.into, _worker(caller), now=tools.clock.now()))


def _worker(caller: Principal) -> Worker:
    return Worker(caller.subject, caller.role, caller.area, caller.may(Right.HELP_MANAGE))


def _standing(request: domain.Request | None) -> Standing:
    if request is None:
        raise not_found()
    return Standing(request=document_of(item_of(request)))


def _opened(found: Opened) -> OpenedAnswer:
    details = found.details
    return OpenedAnswer(
        request=document_of(item_of(found.request)),
        name=details and details.name,
        phone=details and details.phone,
        position=details and details.position,
        address=details and details.address,
        note=details and details.note,
        steps=[
            StepAnswer(
                at=each.at,
                step=each.step,
                actor=each.actor,
                actor_role=each.actor_role,
                told_role=each.told_role,
                told_area=each.told_area,
                other=each.other,
                note=each.note,
            )
            for each in found.steps
        ],
    )


def _owner(text: str | None, caller: Principal) -> UUID | None:
    if text is None:
        return None
    if text == "me":
        return caller.subject
    try:
        return UUID(text)
    except ValueError:
        raise bad_field("owner", _BAD_OWNER) from None


def _write(at: datetime, last: UUID) -> str:
    return base64.urlsafe_b64encode(json.dumps([at.isoformat(), str(last)]).encode()).decode()


def _read(text: str) -> tuple[datetime, UUID]:
    try:
        at, last = json.loads(base64.urlsafe_b64decode(text))
        return datetime.fromisoformat(at).astimezone(UTC), UUID(last)
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError, binascii.Error):
        raise bad_field("cursor", _BAD_CURSOR) from None
