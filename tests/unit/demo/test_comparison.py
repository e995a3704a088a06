"""The comparison: finds what differs, says where, and does not mistake what is on its way for a difference."""

from collections import Counter
from datetime import UTC, datetime
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from deploy.demo.campaign import plan
from deploy.demo.comparison import Difference, differing, expectation, follow, show
from deploy.demo.display import Display
from deploy.demo.figures import Picture
from deploy.demo.main import main
from deploy.demo.truth import Figures, Truth
from services.reporting.processes.http import LENIENCE_SECONDS

NOW = datetime(2022, 1, 15, tzinfo=UTC)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    async def sleep(_: float) -> None:
        return

    monkeypatch.setattr("deploy.demo.comparison.sleep", sleep)


class FakeStack:
    """A stack that shows these pictures in turn, the last one for ever."""

    def __init__(self, owned: Picture, *reported: Picture, lag: int = 0) -> None:
        self._owned = owned
        self._reported = list(reported)
        self._lag = lag
        self.reads = 0

    async def owned(self) -> Picture:
        return self._owned

    async def reported(self, *levels: str) -> Picture:
        self.reads += 1
        return self._reported[min(self.reads, len(self._reported)) - 1]

    async def lag(self) -> int:
        return self._lag


def test_every_figure_of_every_area_that_is_not_the_same_is_a_difference() -> None:
    expected: Picture = {"": Counter(persons=3), "50": Counter(persons=3, dose_1=0)}
    got: Picture = {"": Counter(persons=3), "50": Counter(persons=4), "51": Counter(persons=-1)}
    assert differing("reporting", expected, got) == [
        Difference("reporting", "50", "persons", 3, 4),
        Difference("reporting", "51", "persons", 0, -1),
    ]


def test_a_difference_names_the_area_and_both_values() -> None:
    assert (
        str(Difference("reporting", "50", "persons", 3, 4))
        == "reporting: 50 เชียงใหม่ / Chiang Mai: persons: expected 3, got 4"
    )
    assert "the whole country" in str(Difference("reporting", "", "persons", 3, 4))
    assert "999999" in str(Difference("reporting", "999999", "persons", 0, 4))


def test_the_first_twenty_are_shown_and_the_rest_counted() -> None:
    out = StringIO()
    show(Console(file=out, width=200), [f"[{number}]" for number in range(23)])
    assert out.getvalue().count("\n") == 21
    assert "[19]" in out.getvalue()
    assert "3 more" in out.getvalue()


def test_the_expectation_adds_the_run_to_what_was_there() -> None:
    campaign = plan(1, run=1, now=NOW, households=10)
    truth = Truth()
    for batch in campaign.waves[0].batches:
        for submission in batch.submissions:
            if submission.refusal is None:
                truth.accept(submission)
    base: Picture = {"": Counter({"households": 5, "people.approved": 1, "places.hospital.open": 2})}
    country: Figures = expectation(base, campaign, truth)[""]
    assert country["households"] == 15
    approved = sum(volunteer.status == "approved" for volunteer in campaign.volunteers)
    assert country["people.volunteer.approved"] == approved
    assert country["people.approved"] == 1 + approved + len(campaign.coordinators)
    places = sum(number for name, number in country.items() if name.startswith("places."))
    assert places == 2 + len(campaign.places)


async def test_following_ends_when_the_last_event_has_arrived_and_not_for_a_wrong_figure() -> None:
    waiting, arrived = {"": Counter(submissions=1)}, {"": Counter(submissions=2, persons=99)}
    stack: Any = FakeStack({}, waiting, waiting, arrived)
    await follow(stack, Counter(submissions=2, persons=5), Display(Console(file=StringIO())))
    assert stack.reads == 3


async def test_following_ends_when_no_answer_can_be_of_before(monkeypatch: pytest.MonkeyPatch) -> None:
    slept = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr("deploy.demo.comparison.sleep", sleep)
    stack: Any = FakeStack({}, {"": Counter(submissions=2)})
    await follow(stack, Counter(submissions=2), Display(Console(file=StringIO())))
    assert sum(slept) > 5 * LENIENCE_SECONDS  # `KeptAnswers.get`


async def test_following_gives_up_when_nothing_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter(range(0, 10_000, 10))
    monkeypatch.setattr("deploy.demo.comparison.monotonic", lambda: float(next(times)))
    stack: Any = FakeStack({}, {"": Counter(submissions=1)})
    await follow(stack, Counter(submissions=2), Display(Console(file=StringIO())))
    assert stack.reads < 20


def test_the_demo_has_the_interface_that_the_command_calls() -> None:
    assert main.__annotations__["return"] is int
