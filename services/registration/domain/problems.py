"""The rules of technical problems: at which level a ticket is worked on, until when, and what may become of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from services.registration.domain.people import Refused
from shared.contracts.events import Role
from shared.observability.clock import BANGKOK


class Category(StrEnum):
    """What a problem is about: the parts of the platform as its users know them."""

    SIGN_IN = "sign_in"
    REGISTRATION = "registration"
    SURVEY = "survey"
    PLACES = "places"
    MAP = "map"
    REPORTING = "reporting"
    OTHER = "other"


class Level(StrEnum):
    """Who works on a ticket now. It only goes up."""

    SUBDISTRICT = "subdistrict"
    DISTRICT = "district"
    PROVINCE = "province"
    CENTRAL = "central"


class State(StrEnum):
    """Where a ticket stands."""

    OPEN = "open"
    IN_PROGRESS = "in_progress"
    ANSWERED = "answered"
    CLOSED = "closed"


WAITING = (State.OPEN, State.IN_PROGRESS)
"""States in which somebody still waits for an answer, and time runs."""

LEVELS = tuple(Level)
REOPEN_WITHIN = timedelta(days=14)
"""Whoever surveys at weekends meets an answer that did not help on the second one at the latest."""

LIMITS: tuple[tuple[date, dict[Level, timedelta]], ...] = (
    (
        # The directive's own date. It names no times; these are ours. Three days hold a weekend, and most questions are
        # how-to questions that a neighbour answers; a province may have to ask its agencies; the centre may have to
        # change the software. Unanswered from the village to the centre, a ticket is there after eleven days, within
        # the fortnight in which a province's figures are compared.
        date(2022, 2, 5),
        {
            Level.SUBDISTRICT: timedelta(days=3),
            Level.DISTRICT: timedelta(days=3),
            Level.PROVINCE: timedelta(days=5),
            Level.CENTRAL: timedelta(days=10),
        },
    ),
)
"""How long a ticket may stay at a level, by the day (Asia/Bangkok) from which it holds; the latest comes last."""

_LEVEL_OF_DIGITS = {0: Level.CENTRAL, 2: Level.PROVINCE, 4: Level.DISTRICT, 6: Level.SUBDISTRICT}
_LEVEL_OF_ROLE = {
    Role.SUBDISTRICT_COORDINATOR: Level.SUBDISTRICT,
    Role.DISTRICT_COORDINATOR: Level.DISTRICT,
    Role.PROVINCE_ADMINISTRATOR: Level.PROVINCE,
    Role.CENTRAL_ADMINISTRATOR: Level.CENTRAL,
}


class ProblemRefused(Refused):
    """A rule forbids the change.

    `code` is one of not_your_level, wrong_state, highest_level, merged, same_problem, too_late, too_many_files.
    """


@dataclass(frozen=True, slots=True)
class Problem:
    """A ticket. `due_at` is when it goes up by itself, or at the centre becomes overdue; None when nobody waits."""

    problem_id: UUID
    category: Category
    area: str
    level: Level
    state: State
    raised_by: UUID
    raised_at: datetime
    owner: UUID | None
    due_at: datetime | None
    settled_at: datetime | None
    merged_into: UUID | None
    revision: int


def limits_at(now: datetime) -> dict[Level, timedelta]:
    """Return how long a ticket may stay at each level when it arrives there `now`."""
    day = now.astimezone(BANGKOK).date()
    limits = LIMITS[0][1]
    for begins, later in LIMITS:
        if begins <= day:
            limits = later
    return limits


def level_of_role(role: Role) -> Level | None:
    """Return the level at which a role works on tickets, None for those who do not."""
    return _LEVEL_OF_ROLE.get(role)


def first_level(area: str, role: Role, own_area: str) -> Level:
    """Return where a ticket about `area` begins, raised by somebody who holds `role` in `own_area`.

    It begins with the area's own level. One who works on tickets of that area himself has it begin above him: he would
    be the one to answer his own question.
    """
    level = _LEVEL_OF_DIGITS[len(area)]
    own = _LEVEL_OF_ROLE.get(role)
    if own is None or not area.startswith(own_area):
        return level
    return max(level, _above(own), key=LEVELS.index)


def _above(level: Level) -> Level:
    return LEVELS[min(LEVELS.index(level) + 1, len(LEVELS) - 1)]


def check_works_on(problem: Problem, role: Role, area: str) -> Level:
    """Return the level of somebody who may work on `problem`. Raises `ProblemRefused`.

    Those at the ticket's level or above it may: one above may take what has nobody below. Those below have passed it
    on, and see what becomes of it.
    """
    level = _LEVEL_OF_ROLE.get(role)
    if level is None or not problem.area.startswith(area) or LEVELS.index(level) < LEVELS.index(problem.level):
        raise ProblemRefused("not_your_level")
    if problem.merged_into is not None:
        raise ProblemRefused("merged")
    return level


def take(problem: Problem, by: UUID, role: Role, area: str, now: datetime) -> Problem:
    """Make `by` the owner, also instead of another. A ticket taken from below comes up to the taker's level."""
    level = check_works_on(problem, role, area)
    _waits(problem)
    if problem.owner == by and problem.level is level:
        return problem
    taken = replace(problem, state=State.IN_PROGRESS, owner=by, revision=problem.revision + 1)
    return taken if level is problem.level else replace(taken, level=level, due_at=now + limits_at(now)[level])


def escalate(problem: Problem, role: Role, area: str, now: datetime) -> Problem:
    """Hand a ticket one level up; nobody owns it there yet, and its time begins anew."""
    check_works_on(problem, role, area)
    _waits(problem)
    if problem.level is Level.CENTRAL:
        raise ProblemRefused("highest_level")
    above = _above(problem.level)
    return replace(
        problem,
        level=above,
        state=State.OPEN,
        owner=None,
        due_at=now + limits_at(now)[above],
        revision=problem.revision + 1,
    )


def answer(problem: Problem, by: UUID, role: Role, area: str, now: datetime) -> Problem:
    """Answer a ticket, or answer it again with better words; who answers owns it."""
    check_works_on(problem, role, area)
    if problem.state is State.CLOSED:
        raise ProblemRefused("wrong_state")
    return replace(problem, state=State.ANSWERED, owner=by, due_at=None, settled_at=now, revision=problem.revision + 1)


def close(problem: Problem, by: UUID, role: Role, area: str, now: datetime) -> Problem:
    """Close a ticket: who raised it, because it is solved, or who may work on it. Closed stays closed."""
    if problem.raised_by != by:
        check_works_on(problem, role, area)
    elif problem.merged_into is not None:
        raise ProblemRefused("merged")
    if problem.state is State.CLOSED:
        return problem
    return replace(problem, state=State.CLOSED, due_at=None, settled_at=now, revision=problem.revision + 1)


def reopen(problem: Problem, by: UUID, now: datetime) -> Problem:
    """Say that the answer did not help, which only the one who raised it can tell.

    The ticket is open again at its level. One that was merged stands for itself again: the answer to the other was not
    the answer to this.
    """
    if problem.raised_by != by:
        raise ProblemRefused("not_your_level")
    if problem.state in WAITING or problem.settled_at is None:
        raise ProblemRefused("wrong_state")
    if now > problem.settled_at + REOPEN_WITHIN:
        raise ProblemRefused("too_late")
    return replace(
        problem,
        state=State.OPEN,
        owner=None,
        due_at=now + limits_at(now)[problem.level],
        settled_at=None,
        merged_into=None,
        revision=problem.revision + 1,
    )


def merge(problem: Problem, into: Problem, role: Role, area: str) -> Problem:
    """Let `problem` follow `into` from now on. Both must be the caller's to work on, and `into` no duplicate itself."""
    if problem.problem_id == into.problem_id:
        raise ProblemRefused("same_problem")
    check_works_on(problem, role, area)
    check_works_on(into, role, area)
    _waits(problem)
    return replace(
        problem,
        level=into.level,
        state=into.state,
        owner=into.owner,
        due_at=into.due_at,
        settled_at=into.settled_at,
        merged_into=into.problem_id,
        revision=problem.revision + 1,
    )


def _waits(problem: Problem) -> None:
    if problem.state not in WAITING:
        raise ProblemRefused("wrong_state")
