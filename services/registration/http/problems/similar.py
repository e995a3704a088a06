"""/v1/problems/similar: known problems and tickets whose titles are like what somebody types."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel

from services.registration.domain.problems import Category
from services.registration.http.problems.callers import Raiser, Service, viewer_of
from services.registration.http.problems.known import KnownProblemAnswer
from services.registration.http.problems.tickets import TicketSummary, summary

router = APIRouter(prefix="/v1/problems/similar", tags=["problems"])


class SimilarTicket(TicketSummary):
    """A ticket and how much of its title's wording is that of the question, 0 to 1."""

    likeness: float


class SimilarKnownProblem(KnownProblemAnswer):
    """A known problem and how much of its title's wording is that of the question, 0 to 1."""

    likeness: float


class SimilarTitles(BaseModel):
    """What is like a title, the most alike first."""

    known_problems: Sequence[SimilarKnownProblem]
    problems: Sequence[SimilarTicket]


@router.get("")
async def similar_problems(
    caller: Raiser,
    parts: Service,
    text: Annotated[str, Query(min_length=1, max_length=200)],
    category: Annotated[Category | None, Query()] = None,
) -> SimilarTitles:
    """Find known problems, and tickets that the caller may see, whose titles are like `text`."""
    now = parts.clock.now()
    known, tickets = await parts.problems.similar.find(text, category, viewer_of(caller), now=now)
    return SimilarTitles(
        known_problems=[SimilarKnownProblem.model_validate(one) for one in known],
        problems=[
            SimilarTicket(**summary(one.problem, one.title, caller, now), likeness=one.likeness or 0.0)
            for one in tickets
        ],
    )
