"""Closes each month by the clock: a duty of the keeper."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Final

from services.reporting import store as figures
from services.reporting.answers import AsOf, Stream
from services.reporting.months import store
from services.reporting.months.calendar import due_at, month_before, month_of
from services.reporting.months.closing import AlreadyClosed, BeingClosed, EventsMissing, Months
from services.reporting.settings import MonthSettings
from services.reporting.store import Pool
from shared.contracts.topics import Topic
from shared.observability.clock import Clock
from shared.observability.logs import log

SCHEDULE: Final = "schedule"
"""Who closed a month that nobody closed."""

LOOKED_BACK: Final = 12
"""Months that may be due at once: a keeper that was down for longer has an operator beside it."""

BEHIND: Final = timedelta(hours=1)
"""Figures that lack more than this are waited for: what comes after the closing makes a correction."""

_log = log(__name__)


class ClosingDuty:
    """Closes months that are due, in which anything was done, the oldest first."""

    def __init__(
        self, pool: Pool, months: Months, clock: Clock, settings: MonthSettings, topics: Sequence[Topic]
    ) -> None:
        self._pool = pool
        self._months = months
        self._clock = clock
        self._settings = settings
        self._topics = topics

    async def turn(self) -> None:
        """Closes what is due; waits for another turn while the figures are behind, or a stream waits at a gap: other
        partitions go on, so that its newest event says nothing of that one."""
        now = self._clock.now()
        async with figures.snapshot(self._pool) as connection:
            counted = await store.counted_months(connection, month_before(month_of(now)), LOOKED_BACK)
            closed = await store.closings_of(connection, counted)
            due = [month for month in reversed(counted) if month not in closed and self._is_due(month, now)]
            as_of = await figures.as_of(connection, self._topics) if due else {}
        if not due:
            return
        if not complete(as_of, now):
            _log.warning("closing_waits", months=[f"{month:%Y-%m}" for month in due])
            return
        for month in due:
            try:
                await self._months.close(month, now=now, by=SCHEDULE)
            except (AlreadyClosed, BeingClosed):  # by an administrator, at this moment
                continue
            except EventsMissing:
                _log.warning("closing_waits", months=[f"{month:%Y-%m}"], cause="events_missing")
                return

    def _is_due(self, month: date, now: datetime) -> bool:
        return now >= due_at(month, self._settings.close_day, self._settings.close_hour)


def complete(as_of: AsOf, now: datetime) -> bool:
    """Whether the figures have whatever came until an hour ago: of each stream nothing waits, or what was applied last
    is newer than that."""
    return all(_complete(stream, now - BEHIND) for stream in as_of.values())


def _complete(stream: Stream, since: datetime) -> bool:
    if stream.filling or stream.lag is None or stream.lag_measured_at is None or stream.lag_measured_at < since:
        return False
    return stream.lag == 0 or (stream.time is not None and stream.time >= since)
