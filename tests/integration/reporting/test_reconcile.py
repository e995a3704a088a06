"""Reconciliation: against owners that count the same, something else, or do not answer; stored, measured, shown."""

import json
from datetime import date, timedelta
from pathlib import Path

import httpx
import pytest

from services.reporting.projector import TOPICS, FiguresProjection
from services.reporting.store import Pool
from services.reporting.trust import reported, store
from services.reporting.trust.comparison import STEADY_LOOKS, Cell, Cells
from services.reporting.trust.owners import Absent, HttpOwners
from services.reporting.trust.reconcile import AGAIN_AFTER, Reconciling
from shared.contracts.events import Role
from shared.kafka.projection import Event
from shared.observability.clock import MovableClock
from shared.observability.metrics import RECONCILE_DIFFERENCES
from shared.postgres.keeper import RESTS
from shared.postgres.pool import acquire
from tests.integration.reporting.conftest import as_role, noted_rests
from tests.integration.reporting.test_figures import person, place
from tests.unit.reporting.campaigns import campaign

EVERY = timedelta(hours=1)
HOUSEHOLDS = Cell("500101", "households")
PLACES = Cell("500101", "places.hospital.open")


class SameOwners:
    """They count what reporting shows, but for what is `wrong`; with `absent`, one does not answer."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self.wrong: dict[Cell, int] = {}
        self.wrong_days: dict[date, int] = {}
        self.absent = ""

    async def survey(self, province: str) -> Cells:
        """Reporting's own."""
        if self.absent == "survey":
            raise Absent("survey")
        async with acquire(self._pool) as connection:
            return self._with(await reported.survey(connection, province), province)

    async def people(self) -> Cells:
        """Reporting's own."""
        async with acquire(self._pool) as connection:
            return await reported.people(connection)

    async def places(self) -> Cells:
        """Reporting's own."""
        async with acquire(self._pool) as connection:
            return self._with(await reported.places(connection), "places")

    async def help(self) -> Cells:
        """Reporting's own."""
        async with acquire(self._pool) as connection:
            return self._with(await reported.help_requests(connection), "help")

    async def days(self, subdistrict: str) -> list[tuple[date, str, int]]:
        """Reporting's own."""
        async with acquire(self._pool) as connection:
            shown = await reported.days(connection, subdistrict)
        return [*shown, *((day, "households", count) for day, count in self.wrong_days.items())]

    def _with(self, cells: Cells, part: str) -> Cells:
        wrong = {
            cell: count
            for cell, count in self.wrong.items()
            if (cell.area.startswith(part) if cell.owner == "survey" else part == "places")
        }
        return dict(cells) | {cell: cells.get(cell, 0) + count for cell, count in wrong.items()}


@pytest.fixture(scope="module")
async def filled(pool: Pool) -> None:
    """Figures of each kind."""
    survey, volunteers, places, *_ = (topic.name for topic in TOPICS)
    events = [Event(survey, 1, 0, event) for event in campaign(seed=21, length=120).events]
    events += [Event(volunteers, 1, 0, person(number)) for number in range(4)]
    events += [Event(places, 1, 0, place(number)) for number in range(4)]
    async with acquire(pool) as connection, connection.transaction():
        await FiguresProjection().apply(connection, events)


@pytest.fixture
def owners(pool: Pool, filled: None) -> SameOwners:
    """Whose counts are the same."""
    return SameOwners(pool)


@pytest.fixture
def reconciling(pool: Pool, owners: SameOwners, clock: MovableClock) -> Reconciling:
    """The duty."""
    return Reconciling(pool, owners, clock, every=EVERY, pause_seconds=0.01)


async def test_what_agrees_is_compared_again_after_an_hour(
    reconciling: Reconciling, pool: Pool, clock: MovableClock
) -> None:
    for turns in range(3):
        await reconciling.turn()
        await reconciling.turn()
        async with acquire(pool) as connection:
            found = await store.history(connection, 10)
        assert len(found) == turns + 1
        assert (found[0].differing, found[0].moving, found[0].absent) == (0, 0, [])
        assert found[0].compared > 100
        clock.advance(EVERY)


async def test_the_duty_rests_between_its_looks_and_an_operator_does_not_wait(
    reconciling: Reconciling,
    owners: SameOwners,
    pool: Pool,
    clock: MovableClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each of 80 looks, and each further one at what differs, is followed by a rest; all within half of the hour. Of
    the first comparison none is: whoever starts a stack waits for it."""
    rests = noted_rests(monkeypatch, "services.reporting.trust.reconcile")
    await pool.execute("TRUNCATE reconciliation CASCADE")
    await reconciling.turn()
    assert {times for times, _ in rests} == {0}
    rests.clear()
    clock.advance(EVERY)
    owners.wrong = {HOUSEHOLDS: 1}
    await reconciling.turn()
    assert len(rests) == 80 + STEADY_LOOKS - 1
    assert {times for times, _ in rests} == {RESTS}
    assert 6 * 80 * rests[0][1] == EVERY.total_seconds() / 2
    rests.clear()
    await reconciling.reconcile()
    assert {times for times, _ in rests} == {0}


async def test_a_difference_is_named_with_its_day_stored_measured_and_shown_to_whom_it_concerns(
    reconciling: Reconciling, owners: SameOwners, client: httpx.AsyncClient
) -> None:
    owners.wrong = {HOUSEHOLDS: 2, PLACES: 1}
    owners.wrong_days = {date(2022, 1, 31): 1, date(2022, 2, 1): 1}
    found = await reconciling.reconcile()
    assert (found.differing, found.services) == (2, {"survey": 1, "facilities": 1})
    await reconciling.turn()
    assert RECONCILE_DIFFERENCES.labels("survey")._value.get() == 1
    assert RECONCILE_DIFFERENCES.labels("registration")._value.get() == 0
    reconciling.let_go()
    assert next(iter(RECONCILE_DIFFERENCES.collect())).samples == [], "which another keeper tells of now"

    told = (await client.get("/v1/trust")).json()
    assert told["reconciliations"][0]["differing"] == 2
    assert [(row["area"], row["service"], row["figures"], row["begins_on"]) for row in told["differences"]] == [
        ("50", "facilities", 1, None),
        ("50", "survey", 1, "2022-01-31"),
    ]
    path = "/v1/differences"
    assert (await client.get(path)).status_code == 401
    coordinator = as_role(Role.DISTRICT_COORDINATOR, "5001")
    assert (await client.get(path, headers=coordinator)).status_code == 403
    here = (await client.get(path, headers=as_role(Role.PROVINCE_ADMINISTRATOR, "50"), params={"limit": 1})).json()
    assert here["items"][0] | {"owned": 0, "reported": 0} == {
        "area": "500101",
        "figure": "households",
        "service": "survey",
        "owned": 0,
        "reported": 0,
        "begins_on": "2022-01-31",
    }
    assert here["items"][0]["owned"] - here["items"][0]["reported"] == 2
    rest = await client.get(
        path,
        headers=as_role(Role.CENTRAL_ADMINISTRATOR, ""),
        params={"cursor": here["cursor"], "reconciliation": found.reconciliation_id},
    )
    assert [item["figure"] for item in rest.json()["items"]] == [PLACES.figure]
    assert rest.json()["cursor"] is None
    elsewhere = as_role(Role.PROVINCE_ADMINISTRATOR, "51")
    assert (await client.get(path, headers=elsewhere)).json()["items"] == []
    assert (await client.get(path, headers=elsewhere, params={"area": "50"})).status_code == 403


async def test_who_does_not_answer_is_named_and_asked_again_soon(
    reconciling: Reconciling, owners: SameOwners, clock: MovableClock, pool: Pool
) -> None:
    owners.absent = "survey"
    clock.advance(EVERY)
    await reconciling.turn()
    async with acquire(pool) as connection:
        (found,) = await store.history(connection, 1)
    assert found.absent == ["survey"]
    owners.absent = ""
    clock.advance(AGAIN_AFTER)
    await reconciling.turn()
    async with acquire(pool) as connection:
        (found,) = await store.history(connection, 1)
    assert found.absent == []


async def test_owners_are_asked_over_http_by_an_account(clock: MovableClock, tmp_path: Path) -> None:
    """The token is got once and again when it ends; another answer than 200 says that the service is absent."""
    account = tmp_path / "account.json"
    account.write_text(json.dumps({"client_id": "i", "client_secret": "s"}))
    tokens: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v1/tokens":
            assert json.loads(request.content)["client_secret"] == "s"
            tokens.append(f"t{len(tokens)}")
            return httpx.Response(200, json={"access_token": tokens[-1], "expires_in": 900})
        assert request.headers["authorization"] == f"Bearer {tokens[-1]}"
        if request.url.host == "places":
            return httpx.Response(503)
        row = {"area": "500101", "organisation_kind": "agency", "status": "approved", "volunteers": 3}
        return httpx.Response(200, json=[row])

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
        owners = HttpOwners(
            client,
            clock,
            registration="http://people",
            survey="http://survey",
            facilities="http://places",
            account=account,
        )
        assert await owners.people() == {Cell("500101", "people.agency.approved"): 3}
        with pytest.raises(Absent, match="facilities"):
            await owners.places()
        assert tokens == ["t0"]
        clock.advance(timedelta(minutes=15))
        await owners.people()
        assert tokens == ["t0", "t1"]
        clock.advance(timedelta(minutes=15))
        account.unlink()
        with pytest.raises(Absent, match="registration"):
            await owners.people()
