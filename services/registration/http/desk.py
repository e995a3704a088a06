"""/v1/desk: what waits for a coordinator or administrator, with one step to where it is worked on.

What other services know (places not confirmed, subdistricts without results) the page asks them itself, with the same
token: this service would only pass on what may be away.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from services.registration.domain.problems import level_of_role
from services.registration.http.parts import Parts, parts
from services.registration.store.desk import MOST, Waiting, read_desk
from services.registration.store.directives import Audience
from shared.security.principal import Principal
from shared.security.rights import Right
from shared.web.authentication import require

router = APIRouter(prefix="/v1/desk", tags=["desk"])


class WaitingAnswer(BaseModel):
    """How many wait, and how many of them for too long."""

    waiting: int
    overdue: int


class HelpWaiting(BaseModel):
    """How many ask to be helped with registering, and since when the first of them."""

    waiting: int
    oldest: datetime | None


class DeskAnswer(BaseModel):
    """What waits in the caller's area. A number that reaches `most` says: this many or more. `untrained` is null for
    the whole country, where it is counted by course alone; `directives` are those that the caller himself has to
    acknowledge."""

    area: str
    most: int
    approvals: WaitingAnswer
    problems: WaitingAnswer
    registration_help: HelpWaiting
    untrained: int | None
    directives: WaitingAnswer


@router.get("")
async def desk(
    caller: Annotated[Principal, Depends(require(Right.DESK_READ))], parts: Annotated[Parts, Depends(parts)]
) -> DeskAnswer:
    """Count what waits in the caller's area: sign-ups, problems at the caller's level, requests for help, volunteers
    without a required training."""
    level = level_of_role(caller.role)
    assert level is not None  # noqa: S101 - whoever has a desk works on problems
    now = parts.clock.now()
    found = await read_desk(parts.pool, caller.area, level, now=now)
    reader = Audience(caller.subject, caller.role, caller.area, writes=False, follows=False)
    directives = await parts.acknowledgements.count_open(reader, now=now)
    return DeskAnswer(
        area=caller.area,
        most=MOST,
        approvals=_answer_of(found.approvals),
        problems=_answer_of(found.problems),
        registration_help=HelpWaiting(waiting=found.help_waiting, oldest=found.help_oldest),
        untrained=found.untrained,
        directives=WaitingAnswer(waiting=directives["open"], overdue=directives["overdue"]),
    )


def _answer_of(waiting: Waiting) -> WaitingAnswer:
    return WaitingAnswer(waiting=waiting.waiting, overdue=waiting.overdue)
