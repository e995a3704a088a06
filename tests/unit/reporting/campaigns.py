"""Random campaigns: histories of households, as the survey would publish them, and what they come to."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from uuid import UUID

from hypothesis import strategies as st

from services.reporting.submissions import Counts, Submission
from shared.contracts.events import QualityFlag, Reason, SubmissionKind, SubmissionOutcome

AREAS = ("100101", "500101", "500102", "500201")
"""The last one was abolished: events of the time before stay in the streams."""
BEGIN = datetime(2022, 1, 30, tzinfo=UTC)
FLAGS = ("a_flag_yet_unknown", *map(str, QualityFlag))
REASONS = ("a_reason_yet_unknown", *map(str, Reason))
HOURS = 72
"""Over the end of a month, in Thailand and in UTC."""


def counts(random: Random) -> Counts:
    """The counts of one household."""
    doses = [random.choice((0, 0, 1, 2)) for _ in range(4)]
    persons = sum(doses)
    wanting = random.randint(0, persons)
    undecided = random.randint(0, persons - wanting)
    return Counts(
        persons,
        doses[0],
        doses[1],
        doses[2],
        doses[3],
        wanting=wanting,
        wanting_608=random.randint(0, wanting),
        undecided=undecided,
        refusing=random.randint(0, persons - wanting - undecided),
        home_visit=random.randint(0, persons),
        reasons={reason: random.randint(0, persons) for reason in random.sample(REASONS, 2)},
    )


@dataclass(frozen=True)
class Campaign:
    """Events in the order of publication, and each household's area and last counts (None: not there or erased)."""

    events: list[Submission]
    households: dict[int, tuple[str, Counts | None]]


def campaign(seed: int, length: int) -> Campaign:
    """Surveys, follow-ups, superseded visits and erasures of a few households in any mixture."""
    random = Random(seed)
    households: dict[int, tuple[str, Counts | None]] = {}
    events = []
    for number in range(length):
        house = random.randrange(7)
        area, before = households.get(house, (AREAS[house % len(AREAS)], None))
        erased = random.random() < 0.15
        superseded = not erased and before is not None and random.random() < 0.3
        after = None if erased else before if superseded else counts(random)
        households[house] = (area, after)
        events.append(
            Submission(
                submission_id=UUID(int=number),
                household_id=UUID(int=house),
                volunteer_id=None if erased else UUID(int=random.randrange(1, 3)),
                organisation_id=random.choice((None, UUID(int=9))),
                area=area,
                captured_at=BEGIN + timedelta(hours=random.random() * HOURS),
                recorded_at=BEGIN + timedelta(days=6),
                kind=SubmissionKind.ERASURE if erased else random.choice(list(SubmissionKind)[:2]),
                flags=() if erased else tuple(sorted(random.sample(FLAGS, random.choice((0, 0, 1, 2))))),
                outcome=SubmissionOutcome.SUPERSEDED if superseded else SubmissionOutcome.RECORDED,
                revision=number + 1,
                before=before,
                after=after,
            )
        )
    return Campaign(events, households)


def campaigns() -> st.SearchStrategy[Campaign]:
    """Any campaign; a failing one is made as short as it can be."""
    return st.builds(campaign, st.integers(0, 2**32), st.integers(0, 40))
