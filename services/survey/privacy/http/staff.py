"""/v1/subject-requests: what persons ask about their data, for whoever decides about it in an area."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from services.survey.audit import Purpose, note_reading
from services.survey.desk.http.parts import (
    NOT_FOUND,
    AreaText,
    CursorText,
    area_of,
    database,
    ids_of,
    invalid,
    language,
    now_of,
    read_moment,
    ring_of,
    write_moment,
)
from services.survey.help import personal as help_requests
from services.survey.intake import RETRY_AFTER_SECONDS, Intake
from services.survey.opening import standing_submissions
from services.survey.privacy import requests
from services.survey.privacy.http.bodies import AskingOnBehalf, Long
from services.survey.privacy.http.copies import Form, copy_of
from services.survey.privacy.requests import Identity, Kind, State, Written, without
from services.survey.submission import MAX_PERSONS, Submission
from shared.postgres.pool import Connection
from shared.security.blind_index import BlindIndex
from shared.security.principal import Principal
from shared.security.rights import Right
from shared.web.authentication import demand_area, require
from shared.web.fields import Body
from shared.web.problems import Message, Problem

PAGE_SIZE: Final = 50
"""Some 30 KiB; nobody decides more in a day."""

router = APIRouter(prefix="/v1/subject-requests", tags=["personal data"])
Officer = Annotated[Principal, Depends(require(Right.PRIVACY_WORK))]

_BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DECIDED: Final = Message("คำขอนี้พิจารณาแล้ว", "This request has been decided")
_NOT_ACCEPTED: Final = Message("คำขอนี้ยังไม่ได้อนุมัติ หรือดำเนินการแล้ว", "This request was not accepted, or is done")
_NO_PERSON: Final = Message("ไม่มีบุคคลลำดับนี้ในครัวเรือน", "The household has no such person")
_WHICH: Final = Message("ระบุข้อมูลที่แก้ไขแล้ว", "Name the survey or follow-up that came of it")
_NOT_OF_HOUSEHOLD: Final = Message(
    "ต้องเป็นข้อมูลของครัวเรือนนี้ที่บันทึกหลังคำขอ", "This has to be a record of this household that came after the request"
)
_UNKNOWN: Final = Message(
    "ไม่ทราบว่าลบแล้วหรือไม่ โปรดสั่งอีกครั้ง", "It is not known whether it is erased; ask for it again, which is safe"
)
_UNDERWAY: Final = Message(
    "กำลังลบข้อมูลอื่นของครัวเรือนนี้ หากคำขอนั้นยังไม่เสร็จ โปรดสั่งให้เสร็จก่อน แล้วสั่งคำขอนี้อีกครั้งในอีกสักครู่",
    "Another erasure of this household is being carried out: if that request is still open, carry it out first; then "
    "ask for this one again in a moment",
)
_UNREADABLE: Final = Message(
    "ขณะนี้เปิดอ่านข้อมูลครัวเรือนนี้ไม่ได้ จึงยังลบเฉพาะบุคคลไม่ได้ โปรดแจ้งผู้ดูแลระบบ",
    "What stands of this household cannot be opened now, so that no one person can be taken out of it; tell the "
    "operators",
)
_WHICH_PERSON: Final = Message(
    "มีการสำรวจครัวเรือนนี้ใหม่หลังการพิจารณา โปรดระบุว่าเป็นบุคคลใดในการสำรวจล่าสุด",
    "The household was surveyed again since the decision: say which person of that survey it is",
)
_PROOF_FIRST: Final = Message(
    "เบอร์ของผู้ขอไม่ตรงกับของครัวเรือน โปรดตรวจตัวตนด้วยวิธีอื่นและบันทึกไว้",
    "The phone that asks is not the household's: check who asks in another way, and note how",
)


class Which(StrEnum):
    """Those that wait for something, or those that are over."""

    OPEN = "open"
    CLOSED = "closed"


class RequestItem(BaseModel):
    """A request in the queue, without anything personal. late: the answer is overdue."""

    request_id: UUID
    kind: Kind
    state: State
    area: str
    household_id: UUID
    by_citizen: bool
    asked_at: datetime
    due_at: datetime
    late: bool


class RequestItems(BaseModel):
    """A page of requests, those due first first; `cursor` leads to the next and is null on the last."""

    items: list[RequestItem]
    cursor: str | None


class PersonOfIt(BaseModel):
    """One of the persons of the standing survey."""

    place: int
    name: str | None
    age: int | None


class DoneStep(BaseModel):
    """One step of the history. done_by: null for the citizen."""

    state: State
    at: datetime
    done_by: UUID | None


class Detail(RequestItem):
    """All about a request. phone_fits: the phone that asked is the one that the household's survey names; null for one
    asked at an office. known: there is a household at this address. persons: of its standing survey."""

    place: int | None
    identity: Identity
    phone_fits: bool | None
    known: bool
    persons: list[PersonOfIt]
    written: dict[str, Any] | None
    decided_at: datetime | None
    decided_by: UUID | None
    submission_id: UUID | None
    steps: list[DoneStep]


class Verdict(StrEnum):
    """What was decided."""

    ACCEPT = "accept"
    REFUSE = "refuse"


class Decision(Body):
    """The decision, with its reason for who asked. person: whom of the household it concerns, if not all; identity: how
    it was checked who asks, where the phone does not say it."""

    decision: Verdict
    reason: Long
    person: Annotated[int, Field(ge=0, lt=MAX_PERSONS)] | None = None
    identity: Identity | None = None
    identity_note: Long | None = None


class Execution(Body):
    """What came of a correction or objection: the later survey or follow-up of the household.

    person: whom an erasure of one concerns, where the household was surveyed again since the decision and it cannot be
    told which person of that survey it is.
    """

    submission_id: UUID | None = None
    person: Annotated[int, Field(ge=0, lt=MAX_PERSONS)] | None = None


@router.post("", status_code=201)
async def ask(body: AskingOnBehalf, request: Request, caller: Officer) -> Detail:
    """Write down a request of somebody who has no phone, or came in person."""
    demand_area(caller, body.area)
    household_id = body.household(ids_of(request))
    async with database(request) as connection:
        await requests.ask(
            connection,
            ring_of(request),
            body.request_id,
            body.kind,
            body.area,
            household_id,
            body.written(phone=body.phone, identity_note=body.identity_note),
            subject=None,
            asked_by=caller.subject,
            identity=body.identity,
            now=now_of(request),
        )
        return await _detail(connection, request, await _found(connection, request, body.request_id, caller), caller)


@router.get("")
async def queue(
    request: Request,
    caller: Officer,
    area: AreaText = None,
    which: Which = Which.OPEN,
    cursor: CursorText = None,
    limit: Annotated[int, Query(ge=1, le=PAGE_SIZE)] = PAGE_SIZE,
) -> RequestItems:
    """List the requests of an area, those that are due first first."""
    code = area_of(caller, area, least=0)
    after = read_moment(cursor) if cursor else (_BEGINNING, UUID(int=0))
    statement = requests.QUEUE if which is Which.OPEN else requests.CLOSED
    now = now_of(request)
    async with database(request) as connection:
        rows = await connection.fetch(statement, code, *after, limit + 1)
    found = [requests.read(ring_of(request), row) for row in rows[:limit]]
    more = write_moment(found[-1].due_at, found[-1].request_id) if len(rows) > limit else None
    return RequestItems(items=[RequestItem(**_item(one, now)) for one in found], cursor=more)


@router.get("/{request_id}")
async def look(request_id: UUID, request: Request, caller: Officer) -> Detail:
    """See a request with what was written, and the household's persons by name; the reading is recorded."""
    async with database(request) as connection:
        return await _detail(connection, request, await _found(connection, request, request_id, caller), caller)


@router.post("/{request_id}/decision")
async def decide(request_id: UUID, body: Decision, request: Request, caller: Officer) -> Detail:
    """Accept or refuse a request, once. An accepted copy can be fetched at once; the rest is carried out next."""
    now = now_of(request)
    async with database(request) as connection:
        found = await _found(connection, request, request_id, caller)
        if found.state is not State.WAITING:
            raise Problem(409, "decided", detail=_DECIDED)
        written = msgspec.structs.replace(
            found.written or Written(house=""),
            reason=body.reason,
            identity_note=body.identity_note or (found.written.identity_note if found.written else None),
        )
        state = State.REFUSED
        if body.decision is Verdict.ACCEPT:
            await _check_identity(connection, request, found, body)
            if body.person is not None:
                written = await _naming(connection, request, found, written, body.person, caller)
            state = State.DONE if found.kind is Kind.ACCESS else State.ACCEPTED
        if state is State.DONE:  # the decision is what is done: both stand in the history
            found = await requests.change(
                connection, ring_of(request), found, State.ACCEPTED, now=now, by=caller.subject, written=written
            )
        found = await requests.change(
            connection,
            ring_of(request),
            found,
            state,
            now=now,
            by=caller.subject,
            written=written,
            place=body.person,
            identity=body.identity,
        )
        return await _detail(connection, request, found, caller)


@router.post("/{request_id}/execution")
async def execute(request_id: UUID, body: Execution, request: Request, caller: Officer) -> Detail:
    """Carry out an accepted request: erase, or name the survey or follow-up that came of it. Asking again is safe."""
    async with database(request) as connection:
        found = await _accepted(connection, request, request_id, caller)
        left = None
        if found.kind is Kind.ERASURE:
            left = await _begin_erasure(connection, request, found, body.person, caller)
    async with database(request) as connection:
        found = await _accepted(connection, request, request_id, caller)
        submission_id = body.submission_id
        if found.kind is Kind.ERASURE:
            await _erase(connection, request, found, left, caller)
            submission_id = found.request_id
            # The reason stays for who asked; what would say who that is does not.
            written = Written(house="", reason=found.written.reason if found.written else None)
            await connection.execute(requests.FORGET_OTHERS, found.household_id, found.request_id)
        else:
            if submission_id is None:
                raise invalid("submission_id", "required", _WHICH)
            if not await connection.fetchval(CAME_OF_IT, submission_id, found.household_id, found.asked_at):
                raise invalid("submission_id", "other_household", _NOT_OF_HOUSEHOLD)
            written = found.written or Written(house="")
        found = await requests.change(
            connection,
            ring_of(request),
            found,
            State.DONE,
            now=now_of(request),
            by=caller.subject,
            written=written,
            submission_id=submission_id,
        )
        return await _detail(connection, request, found, caller)


@router.get("/{request_id}/copy")
async def copy(request_id: UUID, request: Request, caller: Officer, form: Form = Form.HTML) -> Response:
    """Fetch the copy for somebody who came in person, once it was granted; to be handed over or read to him."""
    async with database(request) as connection:
        found = await _found(connection, request, request_id, caller)
        if found.kind is not Kind.ACCESS or found.state is not State.DONE:
            raise Problem(409, "not_accepted", detail=_NOT_ACCEPTED)
        return await copy_of(connection, ring_of(request), found, caller, form, language(request), now_of(request))


CAME_OF_IT: Final = """
SELECT true FROM submission WHERE submission_id = $1 AND household_id = $2 AND recorded_at >= $3
"""


async def _found(connection: Connection, request: Request, request_id: UUID, caller: Principal) -> requests.Request:
    found = await requests.find(connection, ring_of(request), request_id, caller.area)
    if found is None:
        raise Problem(404, detail=NOT_FOUND)
    return found


async def _accepted(connection: Connection, request: Request, request_id: UUID, caller: Principal) -> requests.Request:
    found = await _found(connection, request, request_id, caller)
    if found.state is not State.ACCEPTED:
        raise Problem(409, "not_accepted", detail=_NOT_ACCEPTED)
    return found


async def _standing(connection: Connection, request: Request, household_id: UUID) -> Submission | None:
    return (await standing_submissions(connection, ring_of(request), [household_id])).get(household_id)


async def _fits(connection: Connection, request: Request, found: requests.Request) -> bool | None:
    if found.subject is None:
        return None
    index: BlindIndex = request.app.state.blind_index
    return await requests.phone_is_the_household_s(
        connection, ring_of(request), index, found.household_id, found.subject
    )


async def _check_identity(connection: Connection, request: Request, found: requests.Request, body: Decision) -> None:
    """A citizen is known by a phone that is the household's, or as the office has checked and says so."""
    if body.identity in (Identity.CARD, Identity.KNOWN, Identity.OTHER) or found.subject is None:
        return
    if not await _fits(connection, request, found):
        raise invalid("identity", "not_proven", _PROOF_FIRST)


async def _naming(
    connection: Connection,
    request: Request,
    found: requests.Request,
    written: Written,
    place: int,
    caller: Principal,
) -> Written:
    """What is written, with the person of the standing survey whom it concerns."""
    await note_reading(connection, caller, Purpose.SUBJECT_REQUEST, [found.household_id], now=now_of(request))
    standing = await _standing(connection, request, found.household_id)
    if standing is None or place >= len(standing.persons):
        raise invalid("person", "no_such_person", _NO_PERSON)
    return msgspec.structs.replace(written, person=standing.persons[place], standing=standing.submission_id)


async def _begin_erasure(
    connection: Connection, request: Request, found: requests.Request, named: int | None, caller: Principal
) -> Submission | None:
    """What is to be left of the household, which is nothing when all of it is to go; notes that the erasure is sent.

    One after the other for a household: what is left of it is made from its standing survey, which would bring back
    what an erasure on its way is about to end. Its note stands before anything is sent, so that one of which nobody
    knows whether it was sent is heeded, too.
    """
    if await requests.another_is_underway(connection, found):
        raise Problem(503, detail=_UNDERWAY, headers={"Retry-After": str(RETRY_AFTER_SECONDS)})
    left = None
    if found.place is not None and not await requests.is_carried_out(connection, found):
        left = await _without_person(connection, request, found, named, caller)
    await requests.begin_erasure(connection, found)
    return left


async def _without_person(
    connection: Connection, request: Request, found: requests.Request, named: int | None, caller: Principal
) -> Submission | None:
    await note_reading(connection, caller, Purpose.SUBJECT_REQUEST, [found.household_id], now=now_of(request))
    standing = await _standing(connection, request, found.household_id)
    if standing is None:
        if await requests.stands(connection, found.household_id):  # else the others would go with the one
            raise Problem(503, detail=_UNREADABLE, headers={"Retry-After": str(RETRY_AFTER_SECONDS)})
        return None
    place = named if named is not None else requests.place_in(standing, found)
    if place is None:
        raise invalid("person", "which", _WHICH_PERSON)
    if place >= len(standing.persons):
        raise invalid("person", "no_such_person", _NO_PERSON)
    return without(standing, place) if len(standing.persons) > 1 else None


async def _erase(
    connection: Connection, request: Request, found: requests.Request, left: Submission | None, caller: Principal
) -> None:
    """Through the intake log, as everything that changes a household. The request's own id is the erasure's, so that a
    second try is the same one. What the asking phone itself has asked for and is over goes too."""
    intake: Intake | None = request.app.state.intake
    if not await requests.is_carried_out(connection, found) and (
        intake is None
        or not await intake.erase(
            found.household_id, found.area, caller.subject, erasure_id=found.request_id, left=left
        )
    ):
        raise Problem(503, detail=_UNKNOWN, headers={"Retry-After": str(RETRY_AFTER_SECONDS)})
    if found.subject is not None:
        await help_requests.forget_of(connection, found.subject)


async def _detail(connection: Connection, request: Request, found: requests.Request, caller: Principal) -> Detail:
    now = now_of(request)
    await note_reading(connection, caller, Purpose.SUBJECT_REQUEST, [found.household_id], now=now)
    standing = await _standing(connection, request, found.household_id)
    persons = standing.persons if standing is not None else ()
    return Detail(
        **_item(found, now),
        place=found.place,
        identity=found.identity,
        phone_fits=await _fits(connection, request, found),
        known=standing is not None,
        persons=[PersonOfIt(place=place, name=one.name, age=one.age) for place, one in enumerate(persons)],
        written=None if found.written is None else msgspec.to_builtins(found.written),
        decided_at=found.decided_at,
        decided_by=found.decided_by,
        submission_id=found.submission_id,
        steps=[
            DoneStep(state=one["state"], at=one["at"], done_by=one["done_by"])
            for one in await requests.steps(connection, found.request_id)
        ],
    )


def _item(found: requests.Request, now: datetime) -> dict[str, Any]:
    return {
        "request_id": found.request_id,
        "kind": found.kind,
        "state": found.state,
        "area": found.area,
        "household_id": found.household_id,
        "by_citizen": found.subject is not None,
        "asked_at": found.asked_at,
        "due_at": found.due_at,
        "late": found.closed_at is None and found.due_at < now,
    }
