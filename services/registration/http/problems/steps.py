"""/v1/problems/{problem_id}/...: the steps that are taken with a ticket."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import APIRouter

from services.registration.http.problems.callers import Raiser, Service, Worker, viewer_of
from services.registration.http.problems.tickets import TicketSummary, summary
from services.registration.http.refusals import not_found, unknown_field
from services.registration.http.texts import LongText, ShortText
from services.registration.store.problems.viewers import UnknownProblem
from shared.security.principal import Principal
from shared.web.fields import Body

router = APIRouter(prefix="/v1/problems/{problem_id}", tags=["problems"])


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


@router.post("/assignment")
async def take_problem(problem_id: UUID, caller: Worker, parts: Service) -> TicketSummary:
    """Take a ticket. One taken from a level below comes up to the caller's."""
    now = parts.clock.now()
    return await _changed(parts.problems.steps.take(problem_id, viewer_of(caller), now=now), caller, now)


@router.post("/escalation")
async def escalate_problem(
    problem_id: UUID,
    caller: Worker,
    parts: Service,
    body: TicketEscalation = TicketEscalation(),  # noqa: B008 - frozen
) -> TicketSummary:
    """Hand a ticket one level up, where its time begins anew."""
    now = parts.clock.now()
    return await _changed(
        parts.problems.steps.escalate(problem_id, viewer_of(caller), note=body.note, now=now), caller, now
    )


@router.post("/answer")
async def answer_problem(problem_id: UUID, body: TicketReply, caller: Worker, parts: Service) -> TicketSummary:
    """Answer a ticket, and all that were merged into it."""
    now, texts = parts.clock.now(), [body.text] if body.text else []
    if body.known_problem is not None:
        known = await parts.problems.known.one(body.known_problem)
        if known is None:
            raise unknown_field("known_problem", "ไม่พบปัญหาที่ทราบแล้วนี้", "There is no such known problem")
        texts += [known["answer_th"], known["answer_en"]]
    if not texts:
        raise unknown_field("text", "ต้องมีคำตอบ", "An answer needs a text or a known problem", code="required")
    # The words are kept as they were given: the known problem may be rewritten later.
    answering = parts.problems.steps.answer(
        problem_id, viewer_of(caller), text="\n\n".join(texts), known_problem_id=body.known_problem, now=now
    )
    return await _changed(answering, caller, now)


@router.post("/closing")
async def close_problem(problem_id: UUID, caller: Raiser, parts: Service) -> TicketSummary:
    """Close a ticket: who raised it, because it is solved, or who works on it."""
    now = parts.clock.now()
    return await _changed(parts.problems.steps.close(problem_id, viewer_of(caller), now=now), caller, now)


@router.post("/reopening")
async def reopen_problem(problem_id: UUID, body: TicketReopening, caller: Raiser, parts: Service) -> TicketSummary:
    """Open an answered or closed ticket again: who raised it, within 14 days."""
    now = parts.clock.now()
    return await _changed(
        parts.problems.steps.reopen(problem_id, viewer_of(caller), note=body.note, now=now), caller, now
    )


@router.post("/merge")
async def merge_problem(problem_id: UUID, body: TicketMerge, caller: Worker, parts: Service) -> TicketSummary:
    """Let a ticket follow another: state, deadline and answer are the other's from now on."""
    now = parts.clock.now()
    return await _changed(parts.problems.steps.merge(problem_id, body.into, viewer_of(caller), now=now), caller, now)


async def _changed(changing: Any, caller: Principal, now: datetime) -> TicketSummary:
    try:
        problem = await changing
    except UnknownProblem:
        raise not_found() from None
    # The title stays sealed: who changes a ticket has read it.
    return TicketSummary(**summary(problem, None, caller, now))
