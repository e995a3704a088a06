"""/v1/problems and /v1/known-problems: what does not work, who answers, and what is known already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, Field
from starlette.requests import Request

from services.registration.domain.problems import Category, Level, Problem, State
from services.registration.files import PICTURES
from services.registration.http.cursors import CursorText, read_cursor, write_cursor
from services.registration.http.fields import AreaCode, Body
from services.registration.http.parts import Parts, parts
from services.registration.http.refusals import not_found, unknown_field
from services.registration.http.texts import LongText, Place, ShortText, Title
from services.registration.http.uploads import download, read_upload
from services.registration.settings import PAGE_SIZE, PROBLEMS_PER_PERSON, SCREENSHOT_BYTES
from services.registration.store.problems import (
    Filters,
    KnownText,
    NewProblem,
    Outdated,
    Ticket,
    UnknownProblem,
    Viewer,
)
from shared.observability.clock import BANGKOK
from shared.security.principal import Principal
from shared.security.rights import Right
from shared.web.authentication import demand_area, require
from shared.web.problems import Problem as Refusal

router = APIRouter(prefix="/v1", tags=["problems"])

KnownState = Literal["investigating", "solved", "retired"]
_MONTH: Final = r"^20[2-9]\d-(0[1-9]|1[0-2])$"


class NewTicket(Body):
    """What does not work. `page` is the page's address or name, `record` the id of the record concerned."""

    category: Category
    title: Title
    text: LongText
    page: Place | None = None
    record: UUID | None = None
    area: AreaCode | None = None


class TicketEscalation(Body):
    """Why a ticket goes up; may be left out."""

    note: ShortText | None = None


class TicketReply(Body):
    """An answer: a text, a known problem, whose answer is then given in both languages, or both."""

    text: LongText | None = None
    known_problem: UUID | None = None


class TicketMerge(Body):
    """The ticket that the other shall follow."""

    into: UUID


class TicketReopening(Body):
    """What is still wrong."""

    note: ShortText


class TicketSummary(BaseModel):
    """A ticket in a list. `due_at` is when it goes up by itself; null when nobody waits. Readings are audited."""

    problem_id: UUID
    category: Category
    area: str
    level: Level
    state: State
    title: str | None
    raised_at: datetime
    owner: UUID | None
    due_at: datetime | None
    overdue: bool
    mine: bool
    merged_into: UUID | None


class SimilarTicket(TicketSummary):
    """A ticket and how much of its title's wording is that of the question, 0 to 1."""

    likeness: float


class StepAnswer(BaseModel):
    """One entry of the history. `done_by` is null for the time limit; `note` is what was written."""

    kind: str
    level: Level
    state: State
    at: datetime
    done_by: UUID | None
    note: str | None


class AttachmentAnswer(BaseModel):
    """A screenshot; its bytes are at /v1/problems/{problem_id}/attachments/{attachment_id}."""

    attachment_id: UUID
    media_type: str
    size: int


class TicketContact(BaseModel):
    """Whom to call about a ticket; for those who work on it."""

    name: str | None
    phone: str | None


class TicketAnswer(TicketSummary):
    """A ticket with everything in it. A merged one shows the answer of the one that it follows."""

    raised_by: UUID
    text: str | None
    page: str | None
    record: UUID | None
    answer: str | None
    known_problem: UUID | None
    settled_at: datetime | None
    history: Sequence[StepAnswer]
    attachments: Sequence[AttachmentAnswer]
    duplicates: Sequence[UUID]
    contact: TicketContact | None


class TicketPage(BaseModel):
    """A page of tickets, newest first; `cursor` leads to the next and is null on the last."""

    problems: Sequence[TicketSummary]
    cursor: str | None


class NewKnownProblem(Body):
    """A known problem as everybody will read it."""

    category: Category
    title_th: Title
    title_en: Title
    answer_th: LongText
    answer_en: LongText
    state: KnownState = "investigating"


class KnownProblemChange(Body):
    """What is to change in a known problem that stands at `revision`."""

    revision: int = Field(ge=1, strict=True)
    category: Category | None = None
    title_th: Title | None = None
    title_en: Title | None = None
    answer_th: LongText | None = None
    answer_en: LongText | None = None
    state: KnownState | None = None


class KnownProblemAnswer(BaseModel):
    """A known problem."""

    known_problem_id: UUID
    category: Category
    title_th: str
    title_en: str
    answer_th: str
    answer_en: str
    state: KnownState
    updated_at: datetime
    revision: int


class SimilarKnownProblem(KnownProblemAnswer):
    """A known problem and how much of its title's wording is that of the question, 0 to 1."""

    likeness: float


class KnownProblemPage(BaseModel):
    """A page of known problems, the latest change first; `cursor` leads to the next and is null on the last."""

    known_problems: Sequence[KnownProblemAnswer]
    cursor: str | None


class SimilarTitles(BaseModel):
    """What is like a title, the most alike first."""

    known_problems: Sequence[SimilarKnownProblem]
    problems: Sequence[SimilarTicket]


class TicketCount(BaseModel):
    """Tickets raised in the month: `province` is "" for those about the whole country, `level` how far they went up."""

    province: str
    category: Category
    level: Level
    raised: int
    waiting: int
    merged: int


Raiser = Annotated[Principal, Depends(require(Right.PROBLEM_RAISE))]
Worker = Annotated[Principal, Depends(require(Right.PROBLEM_WORK))]
Writer = Annotated[Principal, Depends(require(Right.KNOWN_PROBLEM_WRITE))]
Service = Annotated[Parts, Depends(parts)]


@router.post("/problems", status_code=201)
async def raise_problem(body: NewTicket, caller: Raiser, parts: Service) -> TicketSummary:
    """Raise a ticket, about the caller's own area unless another is named."""
    now = parts.clock.now()
    await parts.throttle.spend(PROBLEMS_PER_PERSON, str(caller.subject), now=now)
    area = caller.area if body.area is None else body.area
    new = NewProblem(body.category, area, body.title, body.text, body.page, body.record)
    problem = await parts.problems.raise_problem(new, _viewer(caller), now=now)
    return TicketSummary(**_summary(problem, body.title, caller, now))


@router.get("/problems")
async def list_problems(
    caller: Raiser,
    parts: Service,
    area: Annotated[AreaCode | None, Query()] = None,
    state: Annotated[State | None, Query()] = None,
    category: Annotated[Category | None, Query()] = None,
    level: Annotated[Level | None, Query()] = None,
    mine: Annotated[bool, Query()] = False,
    owned: Annotated[bool, Query()] = False,
    overdue: Annotated[bool, Query()] = False,
    cursor: CursorText = None,
) -> TicketPage:
    """List tickets: the caller's own, and for those who work on them all of their area.

    `mine` are those that the caller raised, wherever, merged ones too; `owned` those that he has taken. A level is seen
    by those above it as well: whether it is answered there is what they are asked about.
    """
    now, viewer = parts.clock.now(), _viewer(caller)
    mine = mine or not viewer.works
    if area is None:
        area = "" if mine else caller.area
    if not mine:
        demand_area(caller, area)
    filters = Filters(area, state, category, level, mine, owned, overdue)
    listed = await parts.problems.page(viewer, filters, after=read_cursor(cursor), limit=PAGE_SIZE, now=now)
    last = listed[-1].problem if len(listed) == PAGE_SIZE else None
    return TicketPage(
        problems=[TicketSummary(**_summary(one.problem, one.title, caller, now)) for one in listed],
        cursor=write_cursor(last.raised_at, last.problem_id) if last else None,
    )


@router.get("/problems/similar")
async def similar_problems(
    caller: Raiser,
    parts: Service,
    text: Annotated[str, Query(min_length=1, max_length=200)],
    category: Annotated[Category | None, Query()] = None,
) -> SimilarTitles:
    """Find known problems, and tickets that the caller may see, whose titles are like `text`."""
    now = parts.clock.now()
    known, tickets = await parts.problems.similar(text, category, _viewer(caller), now=now)
    return SimilarTitles(
        known_problems=[SimilarKnownProblem.model_validate(one) for one in known],
        problems=[
            SimilarTicket(**_summary(one.problem, one.title, caller, now), likeness=one.likeness or 0.0)
            for one in tickets
        ],
    )


@router.get("/problems/counts")
async def count_problems(
    caller: Worker,
    parts: Service,
    month: Annotated[str, Query(pattern=_MONTH, examples=["2022-02"])],
    area: Annotated[AreaCode | None, Query()] = None,
) -> Sequence[TicketCount]:
    """Count the tickets of a month (Asia/Bangkok) in the caller's area by province, category and level reached."""
    area = caller.area if area is None else area
    demand_area(caller, area)
    begins = datetime.strptime(month, "%Y-%m").replace(tzinfo=BANGKOK)
    ends = begins.replace(year=begins.year + begins.month // 12, month=begins.month % 12 + 1)
    counted = await parts.problems.counts(area, begins=begins.astimezone(UTC), ends=ends.astimezone(UTC))
    return [TicketCount.model_validate(row) for row in counted]


@router.get("/problems/{problem_id}")
async def read_problem(problem_id: UUID, caller: Raiser, parts: Service) -> TicketAnswer:
    """Read a ticket with its history and answer."""
    now = parts.clock.now()
    try:
        ticket = await parts.problems.read(problem_id, _viewer(caller), now=now)
    except UnknownProblem:
        raise not_found() from None
    return _answer_of(ticket, caller, now)


@router.post("/problems/{problem_id}/assignment")
async def take_problem(problem_id: UUID, caller: Worker, parts: Service) -> TicketSummary:
    """Take a ticket. One taken from a level below comes up to the caller's."""
    now = parts.clock.now()
    return await _changed(parts.problems.take(problem_id, _viewer(caller), now=now), caller, now)


@router.post("/problems/{problem_id}/escalation")
async def escalate_problem(
    problem_id: UUID,
    caller: Worker,
    parts: Service,
    body: TicketEscalation = TicketEscalation(),  # noqa: B008 - frozen
) -> TicketSummary:
    """Hand a ticket one level up, where its time begins anew."""
    now = parts.clock.now()
    return await _changed(parts.problems.escalate(problem_id, _viewer(caller), note=body.note, now=now), caller, now)


@router.post("/problems/{problem_id}/answer")
async def answer_problem(problem_id: UUID, body: TicketReply, caller: Worker, parts: Service) -> TicketSummary:
    """Answer a ticket, and all that were merged into it."""
    now, texts = parts.clock.now(), [body.text] if body.text else []
    if body.known_problem is not None:
        known = await parts.problems.known(body.known_problem)
        if known is None:
            raise unknown_field("known_problem", "ไม่พบปัญหาที่ทราบแล้วนี้", "There is no such known problem")
        texts += [known["answer_th"], known["answer_en"]]
    if not texts:
        raise unknown_field("text", "ต้องมีคำตอบ", "An answer needs a text or a known problem", code="required")
    # The words are kept as they were given: the known problem may be rewritten later.
    answering = parts.problems.answer(
        problem_id, _viewer(caller), text="\n\n".join(texts), known_problem_id=body.known_problem, now=now
    )
    return await _changed(answering, caller, now)


@router.post("/problems/{problem_id}/closing")
async def close_problem(problem_id: UUID, caller: Raiser, parts: Service) -> TicketSummary:
    """Close a ticket: who raised it, because it is solved, or who works on it."""
    now = parts.clock.now()
    return await _changed(parts.problems.close(problem_id, _viewer(caller), now=now), caller, now)


@router.post("/problems/{problem_id}/reopening")
async def reopen_problem(problem_id: UUID, body: TicketReopening, caller: Raiser, parts: Service) -> TicketSummary:
    """Open an answered or closed ticket again: who raised it, within 14 days."""
    now = parts.clock.now()
    return await _changed(parts.problems.reopen(problem_id, _viewer(caller), note=body.note, now=now), caller, now)


@router.post("/problems/{problem_id}/merge")
async def merge_problem(problem_id: UUID, body: TicketMerge, caller: Worker, parts: Service) -> TicketSummary:
    """Let a ticket follow another: state, deadline and answer are the other's from now on."""
    now = parts.clock.now()
    return await _changed(parts.problems.merge(problem_id, body.into, _viewer(caller), now=now), caller, now)


@router.post("/problems/{problem_id}/attachments", status_code=201)
async def attach_screenshot(problem_id: UUID, request: Request, caller: Raiser, parts: Service) -> AttachmentAnswer:
    """Add a screenshot to a ticket of the caller's own: the body is the file itself (PNG, JPEG or WebP, 2 MB)."""
    kind, content = await read_upload(request, kinds=PICTURES, most=SCREENSHOT_BYTES)
    try:
        attachment_id = await parts.problems.attach(
            problem_id, _viewer(caller), media_type=kind.media_type, content=content, now=parts.clock.now()
        )
    except UnknownProblem:
        raise not_found() from None
    return AttachmentAnswer(attachment_id=attachment_id, media_type=kind.media_type, size=len(content))


@router.get("/problems/{problem_id}/attachments/{attachment_id}")
async def read_screenshot(problem_id: UUID, attachment_id: UUID, caller: Raiser, parts: Service) -> Response:
    """Give a screenshot to those who may see its ticket."""
    try:
        media_type, content = await parts.problems.attachment(
            problem_id, attachment_id, _viewer(caller), now=parts.clock.now()
        )
    except UnknownProblem:
        raise not_found() from None
    return download(content, media_type=media_type, name=f"problem-{attachment_id}", private=True)


# Open to all without a token: it is written for everybody, and who cannot sign in needs it most.
@router.get("/known-problems")
async def list_known_problems(
    parts: Service,
    category: Annotated[Category | None, Query()] = None,
    state: Annotated[KnownState | None, Query()] = None,
    cursor: CursorText = None,
) -> KnownProblemPage:
    """List the known problems with their answers; retired ones only when asked for."""
    listed = await parts.problems.known_page(category, state, after=read_cursor(cursor), limit=PAGE_SIZE)
    last = listed[-1] if len(listed) == PAGE_SIZE else None
    return KnownProblemPage(
        known_problems=[KnownProblemAnswer.model_validate(one) for one in listed],
        cursor=write_cursor(last["updated_at"], last["known_problem_id"]) if last else None,
    )


@router.post("/known-problems", status_code=201)
async def add_known_problem(body: NewKnownProblem, caller: Writer, parts: Service) -> KnownProblemAnswer:
    """Enter a known problem, which everybody can read from now on."""
    text = KnownText(body.category, body.title_th, body.title_en, body.answer_th, body.answer_en, body.state)
    known_problem_id = await parts.problems.add_known(text, by=caller.subject, now=parts.clock.now())
    return KnownProblemAnswer.model_validate(await parts.problems.known(known_problem_id))


@router.patch("/known-problems/{known_problem_id}")
async def change_known_problem(
    known_problem_id: UUID, body: KnownProblemChange, caller: Writer, parts: Service
) -> KnownProblemAnswer:
    """Change a known problem. 412 when somebody else has changed it since `revision`."""
    changes = body.model_dump(exclude={"revision"}, exclude_none=True)
    try:
        await parts.problems.change_known(
            known_problem_id,
            lambda before: replace(before, **changes),
            revision=body.revision,
            by=caller.subject,
            now=parts.clock.now(),
        )
    except UnknownProblem:
        raise not_found() from None
    except Outdated:
        raise Refusal(412) from None
    return KnownProblemAnswer.model_validate(await parts.problems.known(known_problem_id))


def _viewer(caller: Principal) -> Viewer:
    return Viewer(caller.subject, caller.role, caller.area, caller.may(Right.PROBLEM_WORK))


async def _changed(changing: Any, caller: Principal, now: datetime) -> TicketSummary:
    try:
        problem = await changing
    except UnknownProblem:
        raise not_found() from None
    # The title stays sealed: who changes a ticket has read it.
    return TicketSummary(**_summary(problem, None, caller, now))


def _summary(problem: Problem, title: str | None, caller: Principal, now: datetime) -> dict[str, Any]:
    return {
        "problem_id": problem.problem_id,
        "category": problem.category,
        "area": problem.area,
        "level": problem.level,
        "state": problem.state,
        "title": title,
        "raised_at": problem.raised_at,
        "owner": problem.owner,
        "due_at": problem.due_at,
        "overdue": problem.due_at is not None and problem.due_at < now,
        "mine": problem.raised_by == caller.subject,
        "merged_into": problem.merged_into,
    }


def _answer_of(ticket: Ticket, caller: Principal, now: datetime) -> TicketAnswer:
    return TicketAnswer(
        **_summary(ticket.problem, ticket.title, caller, now),
        raised_by=ticket.problem.raised_by,
        text=ticket.text,
        page=ticket.page,
        record=ticket.record_id,
        answer=ticket.answer,
        known_problem=ticket.known_problem_id,
        settled_at=ticket.problem.settled_at,
        history=[
            StepAnswer(
                kind=step.kind, level=step.level, state=step.state, at=step.at, done_by=step.done_by, note=step.note
            )
            for step in ticket.steps
        ],
        attachments=[AttachmentAnswer.model_validate(one) for one in ticket.attachments],
        duplicates=ticket.duplicates,
        contact=None
        if ticket.contact is None
        else TicketContact(name=ticket.contact.get("name"), phone=ticket.contact.get("phone")),
    )
