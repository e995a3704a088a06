"""The rules of a request for help, over every order of steps."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any
from uuid import UUID

import pytest

from services.survey.help import domain
from services.survey.help.domain import LADDER, Outcome, Refused, Request, Worker
from services.survey.help.kinds import KINDS
from shared.contracts.events import HelpStatus, Role

NOW = datetime(2022, 2, 17, tzinfo=UTC)
ONE = Worker(UUID(int=1), Role.VOLUNTEER, "500101", manages=False)
OTHER = Worker(UUID(int=2), Role.VOLUNTEER, "500101", manages=False)
COORDINATOR = Worker(UUID(int=3), Role.SUBDISTRICT_COORDINATOR, "500101", manages=True)


def new(kind: str = "medicine", number: int = 7) -> Request:
    return domain.asked(
        request_id=UUID(int=number),
        citizen=UUID(int=number),
        kind=kind,
        area="500101",
        people=1,
        cell=None,
        place=None,
        now=NOW,
    )


STEPS: dict[str, Callable[[Request, datetime], Request]] = {
    "one accepts": lambda request, now: domain.accept(request, ONE, now),
    "other accepts": lambda request, now: domain.accept(request, OTHER, now),
    "one begins": lambda request, now: domain.begin(request, ONE, now),
    "one hands back": lambda request, now: domain.hand_back(request, ONE, now),
    "coordinator hands back": lambda request, now: domain.hand_back(request, COORDINATOR, now),
    "one closes": lambda request, now: domain.close(request, ONE, Outcome.HELPED, now),
    "coordinator closes": lambda request, now: domain.close(request, COORDINATOR, Outcome.NOT_FOUND, now),
    "citizen cancels": domain.cancel,
    "clock hands up": lambda request, now: domain.hand_up(request, now) if request.hand_up_at else request,
    "clock expires": lambda request, now: domain.expire(request, now) if request.open else request,
}


def test_whatever_is_tried_in_whatever_order_a_request_stays_whole() -> None:
    """Every order of four steps: what holds of each state that they lead to, and of each event."""
    reached = set()
    for names in product(STEPS, repeat=4):
        request, now = new(), NOW
        for name in names:
            now += timedelta(minutes=1)
            try:
                after = STEPS[name](request, now)
            except Refused:
                continue
            if after is request:
                continue
            assert after.revision == request.revision + 1
            assert after.updated_at == now
            assert request.open, "what is finished stays as it is"
            event = domain.event(after, request)
            assert event.before is not None
            assert (event.before.status, event.before.deadline) == (request.status, request.deadline)
            request = after
        due = (request.deadline, request.expires_at)
        assert (None not in due) if request.open else due == (None, None)
        assert (request.owner is None) == (request.status is HelpStatus.WAITING) or not request.open
        assert (request.accepted_at is not None) or request.status not in (HelpStatus.ACCEPTED, HelpStatus.HELPING)
        assert (request.outcome is None) == request.open
        assert 0 <= request.escalation <= len(LADDER)
        reached.add(request.status)
    assert reached == set(HelpStatus)


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.code)
def test_the_times_of_a_kind_fit_together(kind: Any) -> None:
    everybody_told = kind.accept_within + kind.hand_up_every * (len(LADDER) - 1)
    assert kind.accept_within <= kind.complete_within
    assert everybody_told < kind.expires_after, "nobody gives up before all were told"
    request = domain.accept(new(kind.code), ONE, NOW)
    assert request.deadline is not None
    assert request.expires_at is not None
    assert request.deadline <= request.expires_at


def test_who_is_told_is_the_area_s_own() -> None:
    request, told = new(), []
    while request.hand_up_at is not None:
        request = domain.hand_up(request, request.hand_up_at)
        told.append(request.told)
    assert told == [
        (Role.SUBDISTRICT_COORDINATOR, "500101"),
        (Role.DISTRICT_COORDINATOR, "5001"),
        (Role.PROVINCE_ADMINISTRATOR, "50"),
    ]
    assert domain.cancel(request, NOW).told is None


def test_an_event_names_nobody_and_no_place() -> None:
    request = domain.accept(new(), ONE, NOW)
    text = domain.event(request, None).model_dump_json()
    assert str(ONE.volunteer_id) not in text
    assert str(request.citizen) not in text.replace(str(request.request_id), "")
