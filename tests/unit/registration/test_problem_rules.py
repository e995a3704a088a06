"""Where a ticket begins, who may do what with it, and that it only goes up."""

from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.registration.domain import problems as domain
from services.registration.domain.problems import LEVELS, LIMITS, Category, Level, Problem, ProblemRefused, State
from shared.contracts.events import Role

NOW = datetime(2022, 2, 5, 3, 0, tzinfo=UTC)
WORKERS = {
    Role.SUBDISTRICT_COORDINATOR: "500101",
    Role.DISTRICT_COORDINATOR: "5001",
    Role.PROVINCE_ADMINISTRATOR: "50",
    Role.CENTRAL_ADMINISTRATOR: "",
}
RAISER = uuid4()


def ticket(level: Level = Level.SUBDISTRICT, state: State = State.OPEN) -> Problem:
    waits = state in domain.WAITING
    return Problem(
        uuid4(),
        Category.SURVEY,
        "500101",
        level,
        state,
        RAISER,
        NOW,
        None,
        NOW + timedelta(days=3) if waits else None,
        None if waits else NOW,
        None,
        1,
    )


@pytest.mark.parametrize(
    ("area", "role", "own", "level"),
    [
        ("500101", Role.VOLUNTEER, "500101", Level.SUBDISTRICT),
        ("5001", Role.VOLUNTEER, "5001", Level.DISTRICT),
        ("", Role.EXTERNAL_SYSTEM, "", Level.CENTRAL),
        ("500101", Role.SUBDISTRICT_COORDINATOR, "500101", Level.DISTRICT),
        ("500101", Role.DISTRICT_COORDINATOR, "5001", Level.PROVINCE),
        ("500101", Role.PROVINCE_ADMINISTRATOR, "50", Level.CENTRAL),
        ("500101", Role.CENTRAL_ADMINISTRATOR, "", Level.CENTRAL),
        ("500102", Role.SUBDISTRICT_COORDINATOR, "500101", Level.SUBDISTRICT),
    ],
)
def test_where_a_ticket_begins(area: str, role: Role, own: str, level: Level) -> None:
    assert domain.first_level(area, role, own) is level


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("role", WORKERS)
def test_those_at_its_level_and_above_work_on_a_ticket(role: Role, level: Level) -> None:
    own = domain.level_of_role(role)
    assert own is not None
    if LEVELS.index(own) >= LEVELS.index(level):
        taken = domain.take(ticket(level), uuid4(), role, WORKERS[role], NOW)
        assert (taken.level, taken.state) == (own, State.IN_PROGRESS)
    else:
        with pytest.raises(ProblemRefused, match="not_your_level"):
            domain.take(ticket(level), uuid4(), role, WORKERS[role], NOW)


def test_an_area_that_is_not_the_tickets_does_not_help() -> None:
    with pytest.raises(ProblemRefused, match="not_your_level"):
        domain.answer(ticket(), uuid4(), Role.DISTRICT_COORDINATOR, "5002", NOW)


def test_reopening_ends_after_a_fortnight_to_the_second() -> None:
    answered = ticket(state=State.ANSWERED)
    last = NOW + domain.REOPEN_WITHIN
    assert domain.reopen(answered, RAISER, last).state is State.OPEN
    with pytest.raises(ProblemRefused, match="too_late"):
        domain.reopen(answered, RAISER, last + timedelta(seconds=1))
    with pytest.raises(ProblemRefused, match="not_your_level"):
        domain.reopen(answered, uuid4(), NOW)
    with pytest.raises(ProblemRefused, match="wrong_state"):
        domain.reopen(ticket(), RAISER, NOW)


def test_limits_are_known_for_every_level_and_day() -> None:
    assert [begins for begins, _ in LIMITS] == sorted(begins for begins, _ in LIMITS)
    assert all(set(limits) == set(Level) for _, limits in LIMITS)
    assert domain.limits_at(datetime(2021, 1, 1, tzinfo=UTC)) == LIMITS[0][1]


def test_later_limits_hold_from_midnight_in_bangkok(monkeypatch: pytest.MonkeyPatch) -> None:
    later = dict.fromkeys(Level, timedelta(days=1))
    monkeypatch.setattr(domain, "LIMITS", (*LIMITS, (date(2022, 3, 1), later)))
    assert domain.limits_at(datetime(2022, 2, 28, 16, 59, tzinfo=UTC)) == LIMITS[0][1]
    assert domain.limits_at(datetime(2022, 2, 28, 17, 0, tzinfo=UTC)) == later


CHANGES = ("take", "escalate", "answer", "close", "reopen")


@given(st.lists(st.tuples(st.sampled_from(CHANGES), st.sampled_from(sorted(WORKERS))), max_size=12))
def test_whatever_is_done_a_ticket_never_goes_down_and_waits_with_a_deadline(work: list[tuple[str, Role]]) -> None:
    problem = ticket()
    for change, role in work:
        before, area = problem, WORKERS[role]
        try:
            if change == "reopen":
                problem = domain.reopen(problem, RAISER, NOW)
            elif change == "escalate":
                problem = domain.escalate(problem, role, area, NOW)
            else:
                problem = getattr(domain, change)(problem, uuid4(), role, area, NOW)
        except ProblemRefused:
            assert problem is before
        assert LEVELS.index(problem.level) >= LEVELS.index(before.level)
        assert (problem.due_at is not None) == (problem.state in domain.WAITING)
        assert problem.revision == before.revision + (problem != before)
