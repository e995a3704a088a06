"""Lists of denominators over HTTP: looked at, put in, replaced, taken back."""

import base64
from typing import Any
from uuid import uuid4

import httpx
import pytest

from services.reporting.http import denominators
from services.reporting.store import Pool
from shared.areas.register import children
from shared.contracts.events import Role
from tests.integration.reporting.conftest import as_role

CENTRE = as_role(Role.CENTRAL_ADMINISTRATOR, "")
ASKED = {"kind": "houses", "dated": "2021-12-31", "source": "กรมการปกครอง"}
DISTRICTS = [area.code for area in children("50")]
LINES = ["รหัส,ชื่อ,จำนวนบ้าน", *(f"{code},,10" for code in DISTRICTS)]

pytestmark = pytest.mark.usefixtures("empty")


@pytest.fixture
async def empty(pool: Pool) -> None:
    """No tables."""
    await pool.execute("TRUNCATE denominator, denominator_table")


async def send(client: httpx.AsyncClient, lines: list[str], **changes: Any) -> httpx.Response:
    """Sends a list as the centre."""
    return await client.post(
        "/v1/denominators/lists", params=ASKED | changes, content="\n".join(lines).encode(), headers=CENTRE
    )


async def progress(client: httpx.AsyncClient, area: str) -> dict[str, Any]:
    """What an area's progress is of."""
    answer = (await client.get("/v1/progress", params={"area": area, "level": "province"})).json()
    found: dict[str, Any] = answer["rows"][0]["households"]
    return found


async def test_a_list_is_looked_at_and_put_in(client: httpx.AsyncClient, pool: Pool) -> None:
    checked = (await send(client, LINES)).json()
    assert (checked["table_id"], checked["rows"], checked["fault_count"], checked["former"]) == (None, 25, 0, None)
    assert [(one["letters"], one["field"]) for one in checked["columns"]] == [
        ("A", "code"),
        ("B", "name"),
        ("C", "value"),
    ]
    assert {one["level"]: (one["given"], one["derived"], one["missing"]) for one in checked["levels"]} == {
        "country": (0, 0, 1),
        "province": (0, 1, 76),
        "district": (25, 0, 903),
        "subdistrict": (0, 0, 7436),
    }
    assert await pool.fetchval("SELECT count(*) FROM denominator") == 0
    stored = (await send(client, LINES, mode="apply")).json()
    assert stored["table_id"] is not None
    found = await progress(client, "50")
    assert (found["denominator"], found["source"], found["dated"]) == (250, "กรมการปกครอง", "2021-12-31")


async def test_sums_that_differ_have_to_be_accepted(client: httpx.AsyncClient, pool: Pool) -> None:
    lines = [*LINES, "50,เชียงใหม่,251"]
    checked = (await send(client, lines)).json()
    assert checked["sums"] == [
        {"area": "50", "name_th": "เชียงใหม่", "name_en": "Chiang Mai", "value": 251, "below": 250}
    ]
    refused = await send(client, lines, mode="apply")
    assert (refused.status_code, refused.json()["code"]) == (409, "sums_differ")
    assert await pool.fetchval("SELECT count(*) FROM denominator_table") == 0
    assert (await send(client, lines, mode="apply", accept_sums="true")).status_code == 200
    assert (await progress(client, "50"))["denominator"] == 251


async def test_bad_cells_refuse_the_whole_list(client: httpx.AsyncClient, pool: Pool) -> None:
    lines = [*LINES, "999999,,3"]
    checked = (await send(client, lines)).json()
    assert checked["faults"] == [
        {"cell": "A27", "column": "รหัส", "code": "unknown_area", "message": "There is no area with the code 999999"}
    ]
    refused = await send(client, lines, mode="apply")
    assert [(one["path"], one["code"]) for one in refused.json()["errors"]] == [("A27", "unknown_area")]
    assert await pool.fetchval("SELECT count(*) FROM denominator") == 0
    lost = await send(client, ["a,b", "x,y"], mode="apply")
    assert [(one["path"], one["code"]) for one in lost.json()["errors"]] == [
        ("code", "missing_column"),
        ("value", "missing_column"),
    ]
    nothing = await send(client, LINES[:1], mode="apply")
    assert nothing.json()["errors"][0]["code"] == "too_few"


async def test_a_table_is_compared_replaced_and_taken_back(client: httpx.AsyncClient) -> None:
    """Every table stays in the list and can be read as it was given."""
    await send(client, LINES, mode="apply")
    later = [*LINES[:1], f"{DISTRICTS[0]},,13", *(f"{code},,11" for code in DISTRICTS[2:])]
    newer = {"dated": "2022-01-31", "source": "จังหวัด"}
    checked = (await send(client, later, **newer)).json()
    assert checked["former"] == {"dated": "2021-12-31", "source": "กรมการปกครอง", "total": None, "gone": 2}
    assert [(one["area"], one["before"], one["now"]) for one in checked["changes"]] == [(DISTRICTS[0], 10, 13)]
    corrected = [*LINES[:1], *(f"{code},,12" for code in DISTRICTS)]
    first = (await send(client, [*LINES[:1], *(f"{code},,11" for code in DISTRICTS)], mode="apply", **newer)).json()
    second = (await send(client, corrected, mode="apply", **newer)).json()
    assert (await progress(client, "50"))["denominator"] == 300
    listed = (await client.get("/v1/denominators", params={"kind": "houses"}, headers=CENTRE)).json()
    assert listed["cursor"] is None
    by_id = {one["table_id"]: one for one in listed["tables"]}
    assert len(by_id) == 3
    assert by_id[first["table_id"]]["ended_at"] is not None
    assert (by_id[second["table_id"]]["ended_at"], by_id[second["table_id"]]["given"]) == (None, 25)
    rows = await client.get(f"/v1/denominators/{first['table_id']}/rows.csv", headers=CENTRE)
    assert rows.content.decode("utf-8-sig").splitlines()[1] == "5001,เมืองเชียงใหม่,11"
    # What was downloaded can be sent again.
    again = await send(client, rows.content.decode("utf-8-sig").splitlines())
    assert (again.json()["fault_count"], again.json()["rows"]) == (0, 25)
    path = f"/v1/denominators/{second['table_id']}"
    assert (await client.delete(path, headers=CENTRE)).status_code == 204
    found = await progress(client, "50")
    assert (found["denominator"], found["dated"]) == (250, "2021-12-31")
    assert (await client.delete(path, headers=CENTRE)).status_code == 404


async def test_registered_and_actual_residents_are_apart(client: httpx.AsyncClient) -> None:
    registered = ["code,population", "50,1000"]
    await send(client, registered, mode="apply", kind="population")
    await send(client, ["code,actual residents", "50,1500"], mode="apply", kind="residents")
    for kind, value in (("population", 1000), ("residents", 1500)):
        params = {"area": "50", "level": "province", "denominator": kind}
        row = (await client.get("/v1/coverage", params=params)).json()["rows"][0]["one_dose"]
        assert (row["denominator_kind"], row["denominator"]) == (kind, value)


async def test_what_was_put_in_as_json_is_in_the_list_as_well(client: httpx.AsyncClient) -> None:
    body = ASKED | {"rows": [{"area": "50", "value": 7}]}
    assert (await client.put("/v1/denominators", json=body, headers=CENTRE)).status_code == 200
    listed = (await client.get("/v1/denominators", headers=CENTRE)).json()["tables"]
    assert [(one["kind"], one["given"], one["total"]) for one in listed] == [("houses", 1, None)]
    early = base64.urlsafe_b64encode(f"0001-01-01T00:00:00+14:00 {uuid4()}".encode()).decode()
    for cursor in ("x", early):
        odd = await client.get("/v1/denominators", params={"cursor": cursor}, headers=CENTRE)
        assert odd.json()["errors"][0]["code"] == "not_a_cursor"


async def test_a_list_of_tables_is_followed_by_its_cursors(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(denominators, "TABLES_SHOWN", 1)
    for dated in ("2021-12-30", "2021-12-31"):
        body = ASKED | {"dated": dated, "rows": [{"area": "50", "value": 7}]}
        assert (await client.put("/v1/denominators", json=body, headers=CENTRE)).status_code == 200
    first = (await client.get("/v1/denominators", headers=CENTRE)).json()
    rest = await client.get("/v1/denominators", params={"cursor": first["cursor"]}, headers=CENTRE)
    assert rest.status_code == 200, rest.text
    assert {one["dated"] for one in (*first["tables"], *rest.json()["tables"])} == {"2021-12-30", "2021-12-31"}
