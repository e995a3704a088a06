"""Holds every figure to what its owner counts, and says where a difference begins.

A first look goes over everything, the survey's figures province by province, so that neither side holds the country in
memory or in one long statement. What differs there is looked at again, a few times: what is only on its way is not the
same twice. For a difference of the survey's, the days of its subdistrict are compared.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final

import httpx

from services.reporting import store as figures
from services.reporting.projector import VERSION
from services.reporting.rebuild.version import behind
from services.reporting.settings import OwnerSettings
from services.reporting.store import Pool
from services.reporting.trust import reported, store
from services.reporting.trust.comparison import Cell, Cells, Difference, Suspicion, first_days
from services.reporting.trust.owners import SURVEY_FIGURES, Absent, HttpOwners, Owners
from services.reporting.trust.store import Reconciliation
from shared.areas.register import provinces
from shared.observability.clock import Clock
from shared.observability.metrics import RECONCILE_DIFFERENCES, RECONCILED_AT
from shared.postgres.keeper import RESTS, resting
from shared.postgres.pool import acquire

MOST_LOOKS: Final = 6
PAUSE_SECONDS: Final = 1.5
"""Between two looks: what a relay or a projector has in hand arrives within a fraction of it."""
MOST_SUBDISTRICTS: Final = 20
"""Whose days are compared. A fault of more has one beginning, which is among the first."""
EVERY_SECONDS: Final = 10.0
"""Between two turns: as soon as the services are there, after a start, the first comparison is made."""
AGAIN_AFTER: Final = timedelta(minutes=5)
"""When a service did not answer."""
MOST_RESTING: Final = 0.5
"""Of the time until the next comparison: so much of it is rested at the most, whatever a look takes."""

Look = Callable[[], Awaitable[tuple[Cells, Cells]]]
"""Asks the owner of some figures and reporting for what each has."""


@dataclass(slots=True)
class Found:
    """What a run has come to."""

    compared: int
    differences: list[Difference]
    moving: int
    absent: list[str]


class Reconciling:
    """The keeper's duty, and what `./jitasa admin reconcile` does at once."""

    def __init__(
        self, pool: Pool, owners: Owners, clock: Clock, *, every: timedelta, pause_seconds: float = PAUSE_SECONDS
    ) -> None:
        self._pool = pool
        self._owners = owners
        self._clock = clock
        self._every = every
        self._pause_seconds = pause_seconds

    async def turn(self) -> None:
        """Reconciles when it is time to, but not while figures are being filled from history."""
        async with acquire(self._pool) as connection:
            last = await store.latest(connection)
            filling = await behind(connection, VERSION)
        if not filling and self._due(last, self._clock.now()):
            began_at = self._clock.now()
            found = await self._compare(RESTS if last is not None else 0)  # the first one is waited for
            if found.compared or not found.absent:  # otherwise nobody was there, as when all begin at the same time
                last = await self._put(began_at, found)
        if last is not None:
            _measure(last)

    def let_go(self) -> None:
        """Another keeper tells from now on what differs."""
        RECONCILE_DIFFERENCES.clear()

    def _due(self, last: Reconciliation | None, now: datetime) -> bool:
        if last is None:
            return True
        return now - last.ended_at >= (min(AGAIN_AFTER, self._every) if last.absent else self._every)

    async def reconcile(self) -> Reconciliation:
        """Compares everything now and stores what was found."""
        began_at = self._clock.now()
        return await self._put(began_at, await self._compare(0))

    async def _put(self, began_at: datetime, found: Found) -> Reconciliation:
        async with acquire(self._pool) as connection:
            return await store.put(
                connection, began_at, self._clock.now(), found.compared, found.moving, found.differences, found.absent
            )

    async def _compare(self, rests: int) -> Found:
        suspicions: list[tuple[Suspicion, Look]] = []
        compared, absent = 0, set()
        looks = [
            self._look_at_people,
            self._look_at_places,
            self._look_at_help,
            *map(self._look_at_survey, _provinces()),
        ]
        most_seconds = MOST_RESTING * self._every.total_seconds() / (MOST_LOOKS * len(looks))
        for look in looks:
            try:
                async with resting(rests, most_seconds):
                    owned, shown = await look()
            except Absent as error:
                absent.add(str(error))
                continue
            suspicion = Suspicion()
            suspicion.look(owned, shown)
            compared += len(owned.keys() | shown.keys())
            if suspicion.pairs:
                suspicions.append((suspicion, look))
        for _ in range(MOST_LOOKS - 1):
            if all(suspicion.decided for suspicion, _ in suspicions):
                break
            await asyncio.sleep(self._pause_seconds)
            for suspicion, look in suspicions:
                if not suspicion.decided:
                    try:
                        async with resting(rests, most_seconds):
                            suspicion.look(*await look())
                    except Absent as error:
                        absent.add(str(error))
        steady = [Difference(cell, pair) for suspicion, _ in suspicions for cell, pair in suspicion.steady().items()]
        moving = sum(suspicion.moving() for suspicion, _ in suspicions)
        return Found(compared, await self._with_days(steady), moving, sorted(absent))

    async def _look_at_people(self) -> tuple[Cells, Cells]:
        owned = await self._owners.people()
        async with acquire(self._pool) as connection:
            return owned, await reported.people(connection)

    async def _look_at_places(self) -> tuple[Cells, Cells]:
        owned = await self._owners.places()
        async with acquire(self._pool) as connection:
            return owned, await reported.places(connection)

    async def _look_at_help(self) -> tuple[Cells, Cells]:
        owned = await self._owners.help()
        async with acquire(self._pool) as connection:
            return owned, await reported.help_requests(connection)

    def _look_at_survey(self, province: str) -> Look:
        async def look() -> tuple[Cells, Cells]:
            owned = await self._owners.survey(province)
            async with figures.snapshot(self._pool) as connection:
                return owned, await reported.survey(connection, province)

        return look

    async def _with_days(self, differences: list[Difference]) -> list[Difference]:
        subdistricts = sorted({each.cell.area for each in differences if each.cell.figure in SURVEY_FIGURES})
        days: dict[Cell, date] = {}
        for subdistrict in subdistricts[:MOST_SUBDISTRICTS]:
            try:
                owned = await self._owners.days(subdistrict)
            except Absent:
                continue
            async with acquire(self._pool) as connection:
                shown = await reported.days(connection, subdistrict)
            days |= {Cell(subdistrict, figure): day for figure, day in first_days(owned, shown).items()}
        return [replace(each, begins_on=days.get(each.cell)) for each in differences]


def reconciling_of(pool: Pool, client: httpx.AsyncClient, settings: OwnerSettings, clock: Clock) -> Reconciling | None:
    """The duty with the services that the settings name; None where they do not."""
    if not (settings.registration_url and settings.survey_url and settings.facilities_url and settings.account_file):
        return None
    owners = HttpOwners(
        client,
        clock,
        registration=settings.registration_url,
        survey=settings.survey_url,
        facilities=settings.facilities_url,
        account=settings.account_file,
    )
    return Reconciling(pool, owners, clock, every=timedelta(seconds=settings.reconcile_seconds))


def _provinces() -> list[str]:
    return [province.code for province in provinces()]


def _measure(last: Reconciliation) -> None:
    RECONCILED_AT.set(last.ended_at.timestamp())
    for service in ("survey", "registration", "facilities"):
        RECONCILE_DIFFERENCES.labels(service).set(last.services.get(service, 0))
