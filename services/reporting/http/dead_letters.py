"""What could not be read, and what is missing: for the central administrator, who decides about it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import Field, StrictInt, StrictStr

from services.reporting.http.answering import answer, database, now
from services.reporting.http.trust import Reason
from services.reporting.trust import dead_letters
from services.reporting.trust.answers import DeadLetterAnswer, DeadLettersAnswer, GapsAnswer
from services.reporting.trust.dead_letters import DeadLetter, NotReplayable, Resolved, Unknown
from shared.postgres.pool import Connection
from shared.security.principal import Principal
from shared.security.rights import Right
from shared.web.authentication import demand_area, require
from shared.web.problems import FieldError, Message, Problem

MOST_LETTERS: Final = 500
DEFAULT_LETTERS: Final = 100
LARGEST: Final = 2**63 - 1

router = APIRouter(prefix="/v1")
Mender = Annotated[Principal, Depends(require(Right.STREAM_MEND))]
Number = Annotated[int, Path(ge=1, le=LARGEST)]


class GapDismissal(Reason):
    """What is missing in a partition is given up: exactly the gap behind `last` (null: the beginning) and up to
    `previous`, as `GET /v1/gaps` shows it."""

    topic: StrictStr = Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")
    partition: StrictInt = Field(ge=0, le=2**31 - 1)
    last: StrictInt | None = Field(ge=0, le=LARGEST)
    previous: StrictInt = Field(ge=0, le=LARGEST)


@asynccontextmanager
async def _database(request: Request, principal: Principal) -> AsyncIterator[Connection]:
    """A connection for who has the right for the whole country; what cannot be done becomes a problem."""
    demand_area(principal, "")
    try:
        async with database(request) as connection:
            yield connection
    except Unknown:
        raise Problem(404) from None
    except Resolved:
        detail = Message("รายการนี้มีการตัดสินใจแล้ว", "This has been decided already")
        raise Problem(409, "already_resolved", detail=detail) from None
    except NotReplayable as error:
        detail = Message("ยังอ่านรายการนี้ไม่ได้", "This still cannot be read")
        raise Problem(409, "not_replayable", detail=detail, errors=[FieldError("body", str(error), detail)]) from None


@router.get("/dead-letters", responses={200: {"model": DeadLettersAnswer}})
async def list_dead_letters(
    request: Request,
    principal: Mender,
    resolved: Annotated[bool, Query(description="Also those about which was decided")] = False,
    cursor: Annotated[str | None, Query(max_length=20, pattern="^[0-9]{1,18}$")] = None,
    limit: Annotated[int, Query(ge=1, le=MOST_LETTERS)] = DEFAULT_LETTERS,
) -> Response:
    """Records that could not be read, the oldest first."""
    async with _database(request, principal) as connection:
        found = await dead_letters.page(connection, int(cursor or 0), resolved, limit + 1)
    items = found[:limit]
    more = str(items[-1].id) if len(found) > limit else None
    return await answer(request, DeadLettersAnswer(items, more))


@router.get("/dead-letters/{number}", responses={200: {"model": DeadLetterAnswer}})
async def look_at_dead_letter(request: Request, number: Number, principal: Mender) -> Response:
    """What is in one, and what is wrong with it by today's contract. The public streams hold nothing of persons."""
    async with _database(request, principal) as connection:
        found = await dead_letters.look(connection, number, request.app.state.topics)
    letter = {name: getattr(found.letter, name) for name in DeadLetter.__slots__}
    return await answer(
        request,
        DeadLetterAnswer(**letter, key=found.key, headers=found.headers, body=found.body, faults=found.faults),
    )


@router.post("/dead-letters/{number}/replay", status_code=204)
async def replay_dead_letter(request: Request, number: Number, principal: Mender) -> Response:
    """Applies one that can be read by now. 409 `not_replayable`, `already_resolved`."""
    async with _database(request, principal) as connection:
        topics = request.app.state.topics
        await dead_letters.replay(connection, number, topics, by=principal.subject, now=now(request))
    return Response(status_code=204)


@router.post("/dead-letters/{number}/dismissal", status_code=204)
async def dismiss_dead_letter(request: Request, number: Number, asked: Reason, principal: Mender) -> Response:
    """Gives one up. 409 `already_resolved`."""
    async with _database(request, principal) as connection:
        await dead_letters.dismiss(connection, number, asked.reason, by=principal.subject, now=now(request))
    return Response(status_code=204)


@router.get("/gaps", responses={200: {"model": GapsAnswer}})
async def list_gaps(request: Request, principal: Mender) -> Response:
    """Partitions that wait for an event that is missing: nothing behind it is counted."""
    async with _database(request, principal) as connection:
        found = await dead_letters.gaps(connection)
    return await answer(request, GapsAnswer(found))


@router.post("/gaps/dismissals", status_code=204)
async def dismiss_gap(request: Request, asked: GapDismissal, principal: Mender) -> Response:
    """Gives up what is missing, for good: the partition goes on. 404 for a gap that is not there, or another by now."""
    async with _database(request, principal) as connection:
        await dead_letters.dismiss_gap(
            connection,
            asked.topic,
            asked.partition,
            asked.last,
            asked.previous,
            asked.reason,
            by=principal.subject,
            now=now(request),
        )
    return Response(status_code=204)
