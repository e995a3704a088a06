"""/v1/problems: tickets raised, listed and read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel

from services.registration.domain.problems import Category, Level, Problem, State
from services.registration.http.cursors import CursorText, read_cursor, write_cursor
from services.registration.http.problems.attachments import AttachmentAnswer
from services.registration.http.problems.callers import Raiser, Service, viewer_of
from services.registration.http.refusals import not_found
from services.registration.http.texts import LongText, Place, Title
from services.registration.settings import PAGE_SIZE, PROBLEMS_PER_PERSON
from services.registration.store.problems.steps import NewProblem
from services.registration.store.problems.tickets import Filters, Ticket
from services.registration.store.problems.viewers import UnknownProblem
from shared.security.principal import Principal
from shared.web.authentication import demand_area
from shared.web.fields import AreaCode, Body

router = APIRouter(prefix="/v1/problems", tags=["problems"])


class NewTicket(Body):
    """What does not work. `page` is the page's address or name, `record` the id of the record concerned."""

    category: Category
    title: Title
    text: LongText
    page: Place | None = None
    record: UUID | None = None
    area: AreaCode | None = None


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


class StepAnswer(BaseModel):
    """One entry of the history. `done_by` is null for the time limit; `note` is what was written."""

    kind: str
    level: Level
    state: State
    at: datetime
    done_by: UUID | None
    note: str | None


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


@router.post("", status_code=201)
async def raise_problem(body: NewTicket, caller: Raiser, parts: Service) -> TicketSummary:
    """Raise a ticket, about the caller's own area unless another is named."""
    now = parts.clock.now()
    await parts.throttle.spend(PROBLEMS_PER_PERSON, str(caller.subject), now=now)
    area = caller.area if body.area is None else body.area
    new = NewProblem(body.category, area, body.title, body.text, body.page, body.record)
    problem = await parts.problems.steps.raise_problem(new, viewer_of(caller), now=now)
    return TicketSummary(**summary(problem, body.title, caller, now))


@router.get("")
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
    now, viewer = parts.clock.now(), viewer_of(caller)
    mine = mine or not viewer.works
    if area is None:
        area = "" if mine else caller.area
    if not mine:
        demand_area(caller, area)
    filters = Filters(area, state, category, level, mine, owned, overdue)
    listed = await parts.problems.tickets.page(viewer, filters, after=read_cursor(cursor), limit=PAGE_SIZE, now=now)
    last = listed[-1].problem if len(listed) == PAGE_SIZE else None
    return TicketPage(
        problems=[TicketSummary(**summary(one.problem, one.title, caller, now)) for one in listed],
        cursor=write_cursor(last.raised_at, last.problem_id) if last else None,
    )


@router.get("/{problem_id}")
async def read_problem(problem_id: UUID, caller: Raiser, parts: Service) -> TicketAnswer:
    """Read a ticket with its history and answer."""
    now = parts.clock.now()
    try:
        ticket = await parts.problems.tickets.read(problem_id, viewer_of(caller), now=now)
    except UnknownProblem:
        raise not_found() from None
    return _answer_of(ticket, caller, now)


def summary(problem: Problem, title: str | None, caller: Principal, now: datetime) -> dict[str, Any]:
    """Return what a `TicketSummary` holds of a ticket, its title opened or left out."""
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
        **summary(ticket.problem, ticket.title, caller, now),
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
