"""The figures of a month while it is open: at every level, ranked, and beside the month before."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import UUID

import pytest

from services.reporting.areas import areas_of
from services.reporting.months import store
from services.reporting.months.answers import FIGURES, MonthFigures, RowLevel
from services.reporting.store import Pool, snapshot
from shared.contracts.events import HelpUpdated, SubmissionKind
from shared.contracts.golden import examples
from tests.integration.reporting.conftest import fresh_pool
from tests.integration.reporting.months import (
    AGENCY,
    JANUARY,
    PARTNER,
    apply,
    counts,
    erasure,
    rows_of,
    visit,
)
from tests.integration.reporting.test_figures import person, place
from tests.runtime import Runtime

FIRST = visit(1, 1, "500101", counts(4, 2, 1))
EVENTS = [
    FIRST,
    visit(2, 1, "500102", counts(3, 1)),
    visit(3, 2, "500201", counts(5, 5, 3), organisation_id=PARTNER),
    visit(
        1,
        2,
        "500101",
        counts(4, 0),
        before=FIRST.after,
        kind=SubmissionKind.FOLLOW_UP,
        revision=2,
        organisation_id=PARTNER,
    ),
    erasure(visit(2, 1, "500102", counts(3, 1)), datetime(2022, 1, 20, tzinfo=UTC)),
    visit(9, 1, "500101", counts(2, 1), captured_at=datetime(2021, 12, 31, 16, 59, tzinfo=UTC)),
    visit(10, 3, "500101", counts(2, 1), captured_at=datetime(2021, 12, 31, 17, 0, tzinfo=UTC), organisation_id=None),
]


@pytest.fixture(scope="module")
async def pool(runtime: Runtime) -> AsyncIterator[Pool]:
    """Connections to a database with two months."""
    async with fresh_pool(runtime) as pool:
        await apply(pool, EVENTS)
        registered = datetime(2022, 1, 3, tzinfo=UTC)
        people = [person(n, registered_at=registered, organisation_id=AGENCY) for n in range(3)]
        await apply(pool, [*people, person(7, registered_at=registered, area="50", role="province_administrator")])
        by = {"organisation_id": AGENCY, "changed_by": UUID(int=77), "updated_at": registered}
        places = [place(1, **by), place(1, **by, change="confirmed", revision=2), place(1, **by, change="updated")]
        await apply(pool, places)
        await apply(pool, [each.event for each in examples() if isinstance(each.event, HelpUpdated)][:4])
        yield pool


TOTAL = MonthFigures(
    volunteers_registered=3,
    volunteers_active=3,
    households_new=3,
    households_revisited=0,  # a follow-up is none
    persons=11,
    unvaccinated=6,
    wanting=3,
    followed_up=1,
    vaccinated=4,
    places_entered=1,
    places_confirmed=1,
    help_closed=1,
)


@pytest.mark.parametrize(("area", "level"), [("", "province"), ("50", "district"), ("50", "subdistrict")])
async def test_rows_of_areas_add_up_to_the_total(pool: Pool, area: str, level: RowLevel) -> None:
    """But for the volunteers, who may be active in several; every area has a row."""
    found = await rows_of(pool, JANUARY, area, level)
    async with snapshot(pool) as connection:
        assert await store.total(connection, JANUARY, None, area) == TOTAL
    sums = [sum(column) for column in zip(*(row.figures.values() for row in found.values()), strict=True)]
    sums[FIGURES.index("volunteers_active")] = TOTAL.volunteers_active
    assert MonthFigures(*sums) == TOTAL
    former = {"500201"} if level == "subdistrict" else set()
    assert found.keys() == {each.code for each in areas_of(area, level)} | former
    assert all(row.name_th for row in found.values())
