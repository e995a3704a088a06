"""Who goes to whom: taken, assigned, handed over and given back."""

from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import AwareDatetime, BaseModel, Field
from starlette.requests import Request

from services.survey.visits import claims
from services.survey.visits.claims import MOST_AT_ONCE, MOST_DAYS_AHEAD, PROMISED, ClaimResult, PersonKey
from services.survey.visits.http.asking import bad_field, language, now_of, transaction
from shared.security.principal import Principal
from shared.security.rights import Right
from shared.web.authentication import Authentication, require
from shared.web.fields import Body
from shared.web.problems import Message

router = APIRouter(prefix="/v1/need-to-reach/claims", tags=["need to reach"])
Worker = Annotated[Principal, Depends(require(Right.REACH_WORK))]
Assigner = Annotated[Principal, Depends(require(Right.REACH_ASSIGN))]

_DUE = Message(
    f"วันที่นัดเยี่ยมต้องอยู่ระหว่างวันนี้ถึงอีก {MOST_DAYS_AHEAD} วัน",
    f"The promised day lies between now and {MOST_DAYS_AHEAD} days from now",
)
_BARRED = Message("อาสาสมัครคนนี้ถูกระงับหรือถอนตัวแล้ว", "This volunteer is suspended or has withdrawn")
_OUTCOMES: Final = {
    "claimed": Message("มอบหมายแล้ว", "Taken on"),
    "kept": Message("รับไว้อยู่แล้ว", "It was so already"),
    "taken": Message("มีผู้อื่นรับไว้แล้ว", "Somebody else has taken this person on"),
    "too_many": Message(
        f"รับไว้ครบ {claims.MOST_CLAIMS} คนแล้ว", f"One volunteer takes on at most {claims.MOST_CLAIMS} persons"
    ),
    "not_open": Message("ดำเนินการเสร็จแล้ว", "There is nothing left to do for this person"),
    "not_found": Message("ไม่พบในพื้นที่ของท่าน", "There is no such person in your area"),
    "not_yours": Message("มอบต่อได้เฉพาะผู้ที่ท่านรับไว้", "Only those whom you have taken on can be given away"),
    "returned": Message("คืนแล้ว", "Given back"),
}


class Named(Body):
    """A person of a household, as lists name them."""

    household_id: UUID
    person_id: UUID


class Persons(Body):
    """Persons to reach."""

    persons: Annotated[list[Named], Field(min_length=1, max_length=MOST_AT_ONCE)]

    def keys(self) -> list[PersonKey]:
        """Which ones."""
        return [PersonKey(one.household_id, one.person_id) for one in self.persons]


class Taking(Persons):
    """due_at: by when the visit is promised; by default in three days."""

    due_at: AwareDatetime | None = None


class Assignment(Taking):
    """Persons for a volunteer."""

    volunteer_id: UUID


class Result(BaseModel):
    """What became of one person, and who goes to him now.

    outcome: `claimed`, `kept` (it was so already), `taken` (by somebody else), `too_many`, `not_open`, `not_found`,
    `not_yours`, `returned`.
    """

    household_id: UUID
    person_id: UUID
    outcome: claims.Outcome
    message: str
    owner: UUID | None
    due_at: datetime | None


class Results(BaseModel):
    """One result for each person, in their order, a person named twice once."""

    results: list[Result]


@router.post("")
async def take(request: Request, principal: Worker, body: Taking) -> Results:
    """Take persons on. Of two who take the same one at once, one gets him, and the other is told who."""
    now = now_of(request)
    due_at = _due(body.due_at, now)
    async with transaction(request) as connection:
        changed = await claims.take(
            connection, principal.subject, body.keys(), area=principal.area, now=now, due_at=due_at
        )
    return _results(request, changed)


@router.put("")
async def assign(request: Request, principal: Assigner, body: Assignment) -> Results:
    """Give persons to a volunteer, whosever they were."""
    now = now_of(request)
    due_at = _due(body.due_at, now)
    _demand_active(request, body.volunteer_id)
    async with transaction(request) as connection:
        changed = await claims.assign(
            connection,
            body.volunteer_id,
            body.keys(),
            area=principal.area,
            now=now,
            due_at=due_at,
            by=principal.subject,
        )
    return _results(request, changed)


@router.post("/handover")
async def hand_over(request: Request, principal: Worker, body: Assignment) -> Results:
    """Give persons whom you have taken on to another volunteer."""
    now = now_of(request)
    due_at = _due(body.due_at, now)
    _demand_active(request, body.volunteer_id)
    async with transaction(request) as connection:
        changed = await claims.hand_over(
            connection,
            principal.subject,
            body.volunteer_id,
            body.keys(),
            area=principal.area,
            now=now,
            due_at=due_at,
        )
    return _results(request, changed)


@router.post("/return")
async def give_back(request: Request, principal: Worker, body: Persons) -> Results:
    """Give back persons whom you have taken on: they are free for others."""
    async with transaction(request) as connection:
        changed = await claims.give_back(
            connection, body.keys(), area=principal.area, now=now_of(request), owner=principal.subject
        )
    return _results(request, changed)


@router.post("/withdrawal")
async def take_back(request: Request, principal: Assigner, body: Persons) -> Results:
    """Take persons back from whoever has them: they are free for others."""
    async with transaction(request) as connection:
        changed = await claims.give_back(connection, body.keys(), area=principal.area, now=now_of(request), owner=None)
    return _results(request, changed)


def _due(asked: datetime | None, now: datetime) -> datetime:
    if asked is None:
        return now + PROMISED
    if not 0 <= (asked - now).total_seconds() <= MOST_DAYS_AHEAD * 86_400:
        raise bad_field("due_at", "out_of_range", _DUE)
    return asked


def _demand_active(request: Request, volunteer: UUID) -> None:
    authentication: Authentication = request.app.state.authentication
    if authentication.bar.is_barred(volunteer):
        raise bad_field("volunteer_id", "not_active", _BARRED)


def _results(request: Request, changed: list[ClaimResult]) -> Results:
    spoken = language(request)
    return Results(
        results=[
            Result(
                household_id=one.key.household_id,
                person_id=one.key.person_id,
                outcome=one.outcome,
                message=_OUTCOMES[one.outcome].in_language(spoken),
                owner=one.owner,
                due_at=one.due_at,
            )
            for one in changed
        ]
    )
