"""/v1/known-problems: what is known already, for everybody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from services.registration.domain.problems import Category
from services.registration.http.cursors import CursorText, read_cursor, write_cursor
from services.registration.http.problems.callers import Service, Writer
from services.registration.http.refusals import not_found
from services.registration.http.texts import LongText, Title
from services.registration.settings import PAGE_SIZE
from services.registration.store.problems.known import KnownText, Outdated
from services.registration.store.problems.viewers import UnknownProblem
from shared.web.fields import Body
from shared.web.problems import Problem as Refusal

router = APIRouter(prefix="/v1/known-problems", tags=["problems"])

KnownState = Literal["investigating", "solved", "retired"]


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

    revision: int = Field(ge=1, le=2**31 - 1, strict=True)
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


class KnownProblemPage(BaseModel):
    """A page of known problems, the latest change first; `cursor` leads to the next and is null on the last."""

    known_problems: Sequence[KnownProblemAnswer]
    cursor: str | None


# Open to all without a token: it is written for everybody, and who cannot sign in needs it most.
@router.get("")
async def list_known_problems(
    parts: Service,
    category: Annotated[Category | None, Query()] = None,
    state: Annotated[KnownState | None, Query()] = None,
    cursor: CursorText = None,
) -> KnownProblemPage:
    """List the known problems with their answers; retired ones only when asked for."""
    listed = await parts.problems.known.page(category, state, after=read_cursor(cursor), limit=PAGE_SIZE)
    last = listed[-1] if len(listed) == PAGE_SIZE else None
    return KnownProblemPage(
        known_problems=[KnownProblemAnswer.model_validate(one) for one in listed],
        cursor=write_cursor(last["updated_at"], last["known_problem_id"]) if last else None,
    )


@router.post("", status_code=201)
async def add_known_problem(body: NewKnownProblem, caller: Writer, parts: Service) -> KnownProblemAnswer:
    """Enter a known problem, which everybody can read from now on."""
    text = KnownText(body.category, body.title_th, body.title_en, body.answer_th, body.answer_en, body.state)
    known_problem_id = await parts.problems.known.add(text, by=caller.subject, now=parts.clock.now())
    return KnownProblemAnswer.model_validate(await parts.problems.known.one(known_problem_id))


@router.patch("/{known_problem_id}")
async def change_known_problem(
    known_problem_id: UUID, body: KnownProblemChange, caller: Writer, parts: Service
) -> KnownProblemAnswer:
    """Change a known problem. 412 when somebody else has changed it since `revision`."""
    changes = body.model_dump(exclude={"revision"}, exclude_none=True)
    try:
        await parts.problems.known.change(
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
    return KnownProblemAnswer.model_validate(await parts.problems.known.one(known_problem_id))
