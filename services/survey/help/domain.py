"""The rules of a request for help: what may become of it, by whom, by when, and who is told when it is late.

```
waiting ── accepted ── helping ── done
   │ ↑________│___________│
   └─ cancelled, expired (from each of the three)
```
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from services.survey.help.kinds import KINDS, Kind
from shared.contracts.events import HelpBefore, HelpStatus, HelpUpdated, Role

OPEN: Final = (HelpStatus.WAITING, HelpStatus.ACCEPTED, HelpStatus.HELPING)
FINISHED: Final = (HelpStatus.DONE, HelpStatus.CANCELLED, HelpStatus.EXPIRED)

KEPT: Final = timedelta(days=30)
"""How long after its end a request can still be read: complaints come within weeks. Then its key is destroyed."""


class Step(StrEnum):
    """What happened to a request."""

    ASKED = "asked"
    ACCEPTED = "accepted"
    HELPING = "helping"
    HANDED_BACK = "handed_back"
    CLOSED = "closed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    HANDED_UP = "handed_up"
    MERGED = "merged"
    TOOK_IN = "took_in"


class Outcome(StrEnum):
    """How it ended, in the words of whoever closes it."""

    HELPED = "helped"
    PASSED_ON = "passed_on"
    NOT_NEEDED = "not_needed"
    NOT_FOUND = "not_found"
    MISUSE = "misuse"


DONE: Final = frozenset({Outcome.HELPED, Outcome.PASSED_ON})
"""The others did not lead to help: such a request is cancelled."""


@dataclass(frozen=True, slots=True)
class Rung:
    """Who is told of what is late, and how many digits the code of his area has."""

    role: Role
    digits: int


LADDER: Final[Sequence[Rung]] = (
    Rung(Role.SUBDISTRICT_COORDINATOR, 6),
    Rung(Role.DISTRICT_COORDINATOR, 4),
    Rung(Role.PROVINCE_ADMINISTRATOR, 2),
)
"""The first at the deadline, each next one after the kind's `hand_up_every`."""


@dataclass(frozen=True, slots=True)
class Worker:
    """Who works on requests. manages: may also end what others have accepted."""

    volunteer_id: UUID
    role: Role
    area: str
    manages: bool


@dataclass(frozen=True, slots=True)
class Owner:
    """Who accepted a request, in which role and area."""

    volunteer_id: UUID
    role: Role
    area: str


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it stands, without what is sealed.

    deadline: by when the next step is due; expires_at: when it is given up; hand_up_at: when the next one above is
    told. All three are None once it is finished. escalation: how many rungs of the ladder were told of this step.
    cell: hundredths of a degree, latitude and longitude. place: a keyed hash of where exactly, to find the same place.
    """

    request_id: UUID
    citizen: UUID
    kind: str
    area: str
    people: int
    status: HelpStatus
    revision: int
    asked_at: datetime
    updated_at: datetime
    deadline: datetime | None
    expires_at: datetime | None
    hand_up_at: datetime | None
    escalation: int = 0
    accepted_at: datetime | None = None
    owner: Owner | None = None
    outcome: str | None = None
    merged_into: UUID | None = None
    cell: tuple[int, int] | None = None
    place: bytes | None = None

    @property
    def open(self) -> bool:
        """Whether something is still due."""
        return self.status in OPEN

    @property
    def told(self) -> tuple[Role, str] | None:
        """Who was told last that it is late: role and area."""
        if not self.escalation or not self.open:
            return None
        rung = LADDER[self.escalation - 1]
        return rung.role, self.area[: rung.digits]


class Refused(Exception):
    """A rule forbids it; `standing` is the request as it stands.

    code: taken (somebody else has accepted it), not_yours, not_accepted, finished, itself, other_subdistrict.
    """

    def __init__(self, code: str, standing: Request) -> None:
        super().__init__(code)
        self.code = code
        self.standing = standing


def asked(
    *,
    request_id: UUID,
    citizen: UUID,
    kind: str,
    area: str,
    people: int,
    cell: tuple[int, int] | None,
    place: bytes | None,
    now: datetime,
) -> Request:
    """A new request, which waits."""
    rules = KINDS[kind]
    return _due(
        Request(
            request_id=request_id,
            citizen=citizen,
            kind=kind,
            area=area,
            people=people,
            status=HelpStatus.WAITING,
            revision=1,
            asked_at=now,
            updated_at=now,
            deadline=None,
            expires_at=None,
            hand_up_at=None,
            cell=cell,
            place=place,
        ),
        rules,
        rules.accept_within,
        now,
    )


def accept(request: Request, by: Worker, now: datetime) -> Request:
    """Somebody takes it on. Again by the same is no change."""
    _demand_open(request)
    if request.owner is not None:
        if request.owner.volunteer_id == by.volunteer_id:
            return request
        raise Refused("taken", request)
    taken = replace(
        _next(request, HelpStatus.ACCEPTED, now),
        owner=Owner(by.volunteer_id, by.role, by.area),
        accepted_at=request.accepted_at or now,
    )
    rules = KINDS[request.kind]
    return _due(taken, rules, rules.complete_within, now)


def begin(request: Request, by: Worker, now: datetime) -> Request:
    """Whoever accepted it is on the way, or there. The deadline stays. Again is no change."""
    _demand_open(request)
    _demand_owner(request, by)
    if request.status is HelpStatus.HELPING:
        return request
    return replace(_next(request, HelpStatus.HELPING, now), expires_at=now + KINDS[request.kind].expires_after)


def hand_back(request: Request, by: Worker, now: datetime) -> Request:
    """It waits again, for somebody else."""
    _demand_open(request)
    if request.status is HelpStatus.WAITING:
        raise Refused("not_accepted", request)
    _demand_owner(request, by)
    rules = KINDS[request.kind]
    waiting = replace(_next(request, HelpStatus.WAITING, now), owner=None)
    return _due(waiting, rules, rules.accept_within, now)


def close(request: Request, by: Worker, outcome: Outcome, now: datetime) -> Request:
    """It is over. What nobody accepted is closed by who manages."""
    if not request.open and request.outcome == outcome:
        return request
    _demand_open(request)
    _demand_owner(request, by)
    return _finish(request, HelpStatus.DONE if outcome in DONE else HelpStatus.CANCELLED, outcome, now)


def cancel(request: Request, now: datetime) -> Request:
    """Whoever asked needs it no more. Again is no change."""
    if request.status is HelpStatus.CANCELLED:
        return request
    _demand_open(request)
    return _finish(request, HelpStatus.CANCELLED, "cancelled", now)


def merge(request: Request, into: Request, now: datetime) -> tuple[Request, Request]:
    """Two requests that ask for the same become one: (the one that ends, the one that goes on)."""
    _demand_open(request)
    _demand_open(into)
    if request.request_id == into.request_id:
        raise Refused("itself", request)
    if request.area != into.area:
        raise Refused("other_subdistrict", into)
    ended = _finish(request, HelpStatus.CANCELLED, "merged", now)
    gone_on = replace(into, revision=into.revision + 1, updated_at=now, people=max(request.people, into.people))
    return replace(ended, merged_into=into.request_id), gone_on


def expire(request: Request, now: datetime) -> Request:
    """Nothing happened for too long."""
    return _finish(request, HelpStatus.EXPIRED, "expired", now)


def hand_up(request: Request, now: datetime) -> Request:
    """The next one above is told that it is late."""
    escalation = request.escalation + 1
    return replace(
        request,
        revision=request.revision + 1,
        updated_at=now,
        escalation=escalation,
        hand_up_at=now + KINDS[request.kind].hand_up_every if escalation < len(LADDER) else None,
    )


def event(after: Request, before: Request | None) -> HelpUpdated:
    """What the world is told: the subdistrict, and nothing of persons."""
    return HelpUpdated(
        request_id=after.request_id,
        kind=after.kind,
        area=after.area,
        status=after.status,
        before=before
        and HelpBefore(kind=before.kind, area=before.area, status=before.status, deadline=before.deadline),
        deadline=after.deadline,
        updated_at=after.updated_at,
        revision=after.revision,
        asked_at=after.asked_at,
        accepted_at=after.accepted_at,
        escalation=after.escalation,
        outcome=after.outcome,
        merged_into=after.merged_into,
    )


def _demand_open(request: Request) -> None:
    if not request.open:
        raise Refused("finished", request)


def _demand_owner(request: Request, by: Worker) -> None:
    if by.manages or (request.owner is not None and request.owner.volunteer_id == by.volunteer_id):
        return
    raise Refused("not_accepted" if request.owner is None else "not_yours", request)


def _next(request: Request, status: HelpStatus, now: datetime) -> Request:
    return replace(request, status=status, revision=request.revision + 1, updated_at=now)


def _due(request: Request, rules: Kind, within: timedelta, now: datetime) -> Request:
    """The step that is due now, which nobody has been told about yet."""
    deadline = now + within
    return replace(
        request,
        deadline=deadline,
        hand_up_at=deadline,
        expires_at=max(deadline, now + rules.expires_after),
        escalation=0,
    )


def _finish(request: Request, status: HelpStatus, outcome: str, now: datetime) -> Request:
    return replace(_next(request, status, now), deadline=None, expires_at=None, hand_up_at=None, outcome=outcome)
