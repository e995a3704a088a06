"""Months without Kafka: events applied as the projector applies them, in batches of their own."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from services.reporting.months import store
from services.reporting.months.answers import PerformanceRow, RowLevel
from services.reporting.projector import FiguresProjection
from services.reporting.store import Pool, snapshot
from services.reporting.submissions import Counts, Submission
from shared.contracts.events import SubmissionKind, SubmissionOutcome
from shared.kafka.projection import Event
from shared.postgres.pool import acquire

JANUARY = date(2022, 1, 1)
DECEMBER = date(2021, 12, 1)
NOON = datetime(2022, 1, 15, 5, 0, tzinfo=UTC)
AGENCY = UUID(int=90)
PARTNER = UUID(int=91)

__all__ = ["AGENCY", "DECEMBER", "JANUARY", "NOON", "PARTNER", "apply", "counts", "erasure", "rows_of", "visit"]


def counts(persons: int, unvaccinated: int, wanting: int = 0) -> Counts:
    """The counts of a household whose vaccinated persons have two doses."""
    return Counts(persons, unvaccinated, 0, persons - unvaccinated, 0, wanting, 0, 0, 0, 0, {})


def visit(household: int, volunteer: int, area: str, after: Counts, **changes: Any) -> Submission:
    """A household's first visit at noon of 15 January."""
    first = Submission(
        submission_id=UUID(int=household * 1_000 + volunteer),
        household_id=UUID(int=household),
        volunteer_id=UUID(int=volunteer),
        organisation_id=AGENCY,
        area=area,
        captured_at=NOON,
        recorded_at=NOON,
        kind=SubmissionKind.SURVEY,
        outcome=SubmissionOutcome.RECORDED,
        revision=1,
        before=None,
        after=after,
    )
    return msgspec.structs.replace(first, **changes)


def erasure(of: Submission, captured_at: datetime) -> Submission:
    """The household of a visit is erased."""
    return msgspec.structs.replace(
        of,
        kind=SubmissionKind.ERASURE,
        volunteer_id=None,
        organisation_id=None,
        captured_at=captured_at,
        before=of.after,
        after=None,
        revision=of.revision + 1,
    )


async def apply(pool: Pool, events: Sequence[Any], topic: str = "survey-submitted") -> None:
    """The projector takes the events."""
    async with acquire(pool) as connection, connection.transaction():
        time = int((NOON + timedelta(days=1)).timestamp() * 1000)
        await FiguresProjection().apply(connection, [Event(topic, 1, time, event) for event in events])


async def rows_of(
    pool: Pool, month: date, area: str, level: RowLevel, revision: int | None = None, **how: Any
) -> dict[str, PerformanceRow]:
    """The rows of a month by key, in their order."""
    async with snapshot(pool) as connection:
        return {row.key: row async for row in store.rows(connection, month, revision, area, level, **how)}
