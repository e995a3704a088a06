"""Months over HTTP: who sees what, page by page; closing, correcting and reading both."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import httpx
import pytest

from services.reporting.months import store
from services.reporting.months.answers import FIGURES
from services.reporting.months.keeping import KeepingDuty
from services.reporting.projector import TOPICS
from services.reporting.store import Pool, snapshot
from shared.contracts.events import Role
from shared.contracts.topics import Topic
from shared.observability.clock import MovableClock
from tests.integration.reporting.conftest import as_role, fresh_pool
from tests.integration.reporting.months import NOON, apply, counts, erasure, visit
from tests.integration.reporting.test_months import EVENTS
from tests.runtime import Runtime

OWN = UUID(int=7)
"""The organisation of whoever signs in (`Tokens`)."""
CENTRE = as_role(Role.CENTRAL_ADMINISTRATOR, "")
JANUARY = "/v1/performance/2022-01"
MANY = [visit(1_000 + n, 100 + n % 7, "500103", counts(2, n % 3), organisation_id=OWN) for n in range(30)]


@pytest.fixture(scope="module")
def topics() -> tuple[Topic, ...]:
    """The usual ones; nothing is sent to Kafka here."""
    return TOPICS


@pytest.fixture(scope="module")
async def pool(runtime: Runtime) -> AsyncIterator[Pool]:
    """Connections to a database with December and January."""
    async with fresh_pool(runtime) as pool:
        await apply(pool, [*EVENTS, *MANY])
        yield pool


async def read(client: httpx.AsyncClient, path: str = JANUARY, headers: Any = None, **params: Any) -> dict[str, Any]:
    """An answer."""
    response = await client.get(path, params=params, headers=CENTRE if headers is None else headers)
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


async def test_an_open_month_is_public_down_to_the_districts(client: httpx.AsyncClient) -> None:
    """With the month before, and every figure by its name."""
    found = await read(client, headers={})
    assert (found["month"], found["state"], found["revision"], found["hash"]) == ("2022-01", "open", 0, None)
    assert (found["area"], found["level"], len(found["rows"])) == ("", "province", 77)
    assert tuple(found["total"]) == tuple(found["total_before"]) == FIGURES
    first, second = found["rows"][:2]
    assert (first["key"], first["name_en"], first["rank"]) == ("50", "Chiang Mai", 1)
    assert first["figures"] == found["total"]
    assert first["before"] == found["total_before"]
    assert first["before"]["persons"] == 2
    assert (second["rank"], second["figures"]["persons"], second["corrected"]) == (2, 0, {})
    assert set(found["as_of"]) == {topic.name for topic in TOPICS}
    assert len((await read(client, headers={}, area="๕๐"))["rows"]) == 25


@pytest.mark.parametrize("params", [{"area": "5001"}, {"area": "500101"}, {"level": "organisation"}])
async def test_fine_figures_need_the_right_for_them(client: httpx.AsyncClient, params: dict[str, str]) -> None:
    """In the area that is asked for."""
    assert (await client.get(JANUARY, params=params)).status_code == 401
    area = params.get("area", "")
    for role, held, status in (
        (Role.CENTRAL_ADMINISTRATOR, "", 200),
        (Role.EXTERNAL_SYSTEM, "", 200),
        (Role.DISTRICT_COORDINATOR, "5001", 200 if area else 403),
        (Role.DISTRICT_COORDINATOR, "5002", 403),
        (Role.VOLUNTEER, "500101", 403),
    ):
        assert (await client.get(JANUARY, params=params, headers=as_role(role, held))).status_code == status, role


async def test_rows_of_volunteers_are_for_their_coordinators_and_their_organisation(client: httpx.AsyncClient) -> None:
    """No program, no colleague of another organisation."""
    params = {"area": "50", "level": "volunteer"}
    for role, held, status in (
        (Role.PROVINCE_ADMINISTRATOR, "50", 200),
        (Role.PROVINCE_ADMINISTRATOR, "51", 403),
        (Role.EXTERNAL_SYSTEM, "", 403),
        (Role.VOLUNTEER, "50", 403),
    ):
        assert (await client.get(JANUARY, params=params, headers=as_role(role, held))).status_code == status, role
    volunteer = as_role(Role.VOLUNTEER, "500103")
    own = await read(client, headers=volunteer, organisation=str(OWN))
    assert {row["key"] for row in own["rows"]} == {str(UUID(int=100 + n)) for n in range(7)}
    assert own["total"]["households_new"] == 30
    assert own["total"]["volunteers_active"] == 7
    other = {"organisation": str(UUID(int=8))}
    assert (await client.get(JANUARY, params=other, headers=volunteer)).status_code == 403
    (organisation,) = (await read(client, headers=volunteer, organisation=str(OWN), level="organisation"))["rows"]
    assert (organisation["key"], organisation["figures"]) == (str(OWN), own["total"])


@pytest.mark.parametrize("sort", ["households_new", "persons", "unvaccinated"])
async def test_pages_hold_every_row_once_in_the_order_of_their_ranks(client: httpx.AsyncClient, sort: str) -> None:
    """Equal figures share a rank, and no page loses one of them."""
    whole = (await read(client, area="50", level="volunteer", sort=sort))["rows"]
    values = [row["figures"][sort] for row in whole]
    assert values == sorted(values, reverse=True)
    assert [row["rank"] for row in whole] == [1 + sum(other > value for other in values) for value in values]
    rows: list[Any] = []
    cursor = None
    while cursor is not None or not rows:
        params: dict[str, str] = {"cursor": cursor} if cursor else {}
        page = await read(client, area="50", level="volunteer", sort=sort, limit=3, **params)
        assert len(page["rows"]) <= 3
        rows += page["rows"]
        cursor = page["cursor"]
    assert rows == whole
    assert len(whole) == 10


async def test_an_open_month_that_is_summed_up_says_how_new_its_sums_are(
    client: httpx.AsyncClient, pool: Pool, clock: MovableClock
) -> None:
    """The same figures; and who has them already is told so."""
    before = await read(client)
    await KeepingDuty(pool, clock, TOPICS).turn()
    async with snapshot(pool) as connection:
        assert await store.as_of_sums(connection, date(2022, 1, 1)) is not None
    found = await client.get(JANUARY, headers=CENTRE)
    assert found.json()["rows"] == before["rows"]
    assert set(found.json()["as_of"]["survey-submitted"]) == {"time", "lag", "lag_measured_at", "filling"}
    again = await client.get(JANUARY, headers=CENTRE | {"If-None-Match": found.headers["etag"]})
    assert again.status_code == 304
    await pool.execute("TRUNCATE month_sum, month_summed")  # the other tests' readers count for themselves


async def test_a_month_is_closed_over_http_and_what_comes_later_is_a_correction(
    client: httpx.AsyncClient, pool: Pool, clock: MovableClock
) -> None:
    """Both figures are shown; December, closed too, is what January is compared with."""
    before = await read(client, area="50", level="subdistrict")
    response = await client.post(f"{JANUARY}/closing", headers=CENTRE)
    assert response.status_code == 201, response.text
    closing = response.json()
    found = await read(client, area="50", level="subdistrict")
    assert found["rows"] == before["rows"]
    assert (found["state"], found["revision"], found["hash"]) == ("closed", 1, closing["hash"])
    assert found["closed_at"] == closing["closed_at"] == clock.now().isoformat().replace("+00:00", "Z")
    assert UUID(found["closed_by"]).version == 5
    assert (await client.post(f"{JANUARY}/closing", headers=CENTRE)).json()["code"] == "already_closed"
    assert (await client.post("/v1/performance/2022-02/closing", headers=CENTRE)).json()["code"] == "not_ended"
    reason = {"reason": "ส่งล่าช้าจากพื้นที่ไม่มีสัญญาณ"}
    nothing = await client.post(f"{JANUARY}/corrections", headers=CENTRE, json=reason)
    assert (nothing.status_code, nothing.json()["code"]) == (409, "nothing_differs")

    erased = erasure(visit(3, 2, "500201", counts(5, 5, 3)), NOON)
    late = visit(40, 5, "500104", counts(6, 6))
    earlier = visit(41, 5, "500104", counts(1, 0), captured_at=datetime(2021, 12, 24, tzinfo=UTC))
    await apply(pool, [late, erased, earlier])
    assert (await read(client, area="50", level="subdistrict"))["rows"] != found["rows"]  # the month before is open
    await client.post("/v1/performance/2021-12/closing", headers=CENTRE)
    corrected = await client.post(f"{JANUARY}/corrections", headers=CENTRE, json=reason)
    assert corrected.status_code == 201, corrected.text
    now = await read(client, area="50", level="subdistrict")
    assert (now["revision"], now["reason"]) == (2, reason["reason"])
    rows = {row["key"]: row for row in now["rows"]}
    assert rows["500104"]["corrected"]["persons"] == {"closed": 0, "now": 6}
    assert rows["500201"]["corrected"]["persons"] == {"closed": 5, "now": 0}
    assert rows["500104"]["before"]["persons"] == 1
    assert rows["500101"]["corrected"] == {}
    first = await read(client, area="50", level="subdistrict", revision=1)
    assert {row["key"]: row["figures"] for row in first["rows"]} == {
        row["key"]: row["figures"] for row in found["rows"]
    }
    assert (first["total"], first["hash"]) == (found["total"], found["hash"])
    months = (await read(client, "/v1/performance", headers={}))["months"]
    assert [(each["month"], each["state"], len(each["revisions"])) for each in months] == [
        ("2022-01", "closed", 2),
        ("2021-12", "closed", 1),
    ]
    assert months[0]["revisions"][0]["hash"] == closing["hash"]
    assert (await client.get(JANUARY, params={"revision": "3"})).status_code == 404
    await pool.execute("INSERT INTO month_summed VALUES ('2022-01-01', '{}', 0)")  # sums that are out of date
    counted = await read(client, revision=0, level="country")
    assert counted["total"] == counted["rows"][0]["figures"] == (await read(client))["total"]
    assert (await client.get(JANUARY, params={"revision": "0"})).status_code == 401
    officer = as_role(Role.PROVINCE_ADMINISTRATOR, "50")
    assert (await client.get(JANUARY, params={"revision": "0"}, headers=officer)).status_code == 403


@pytest.mark.parametrize("path", ["closing", "corrections"])
async def test_only_the_centre_closes(client: httpx.AsyncClient, path: str) -> None:
    """Whatever the month is."""
    body = {"reason": "x"}
    assert (await client.post(f"{JANUARY}/{path}", json=body)).status_code == 401
    for role, area in ((Role.PROVINCE_ADMINISTRATOR, "50"), (Role.EXTERNAL_SYSTEM, "")):
        response = await client.post(f"{JANUARY}/{path}", json=body, headers=as_role(role, area))
        assert response.status_code == 403


async def test_the_description_matches_the_answers(client: httpx.AsyncClient) -> None:
    """Every member that a row has is described for those who build on it."""
    schemas = (await client.get("/openapi.json")).json()["components"]["schemas"]
    found = await read(client)
    assert set(schemas["Performance"]["properties"]) == set(found)
    assert set(schemas["PerformanceRow"]["properties"]) == set(found["rows"][0])
    assert set(schemas["MonthFigures"]["properties"]) == set(found["total"])
