"""Places that turn out to be one: suggested, dismissed, merged, and parted again."""

import asyncio
import json
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from services.facilities.store.duplicates import ALIKE, NEAR_DEGREES, NEIGHBOURS, SELECT_PAIRS

Place = Callable[..., dict[str, Any]]
AREA = "110101"
"""Samut Prakan, where no other test enters places."""
NEAR = {"lat": 13.6, "lon": 100.6}
OFFICER = {"Authorization": "Bearer place_officer@11"}


@pytest.fixture
def enter(client: httpx.AsyncClient, place: Place) -> Callable[..., Any]:
    """Enters a place in Samut Prakan; gives it as answered."""
    client.headers["Authorization"] = OFFICER["Authorization"]

    async def entered(name: str, lat: float = 13.6, **changes: Any) -> dict[str, Any]:
        body = place(name=name, area=AREA, position={"lat": lat, "lon": 100.6}) | changes
        answer = await client.post("/v1/facilities", json=body)
        assert answer.status_code == 201, answer.text
        document: dict[str, Any] = answer.json()
        return document

    return entered


async def suggested(client: httpx.AsyncClient, *entered: dict[str, Any]) -> set[tuple[str, frozenset[str]]]:
    """The pairs among some places that are suggested, by name."""
    answer = await client.get("/v1/duplicates?area=11")
    assert answer.status_code == 200, answer.text
    ids = {each["facility_id"] for each in entered}
    return {
        (pair["reason"], frozenset(one["name"] for one in pair["places"]))
        for pair in answer.json()["items"]
        if {one["facility_id"] for one in pair["places"]} <= ids
    }


async def test_what_may_be_one_is_suggested(client: httpx.AsyncClient, enter: Callable[..., Any]) -> None:
    some = [
        await enter("รพ.สต.บ้านคลองด่าน"),
        await enter("โรงพยาบาลส่งเสริมสุขภาพตำบลคลองด่าน", 13.601),
        await enter("โรงพยาบาลสนาม วัดบางพลี", 13.602),
        await enter("รพ.สต.บ้านคลองด่าน", 13.62),  # the same name, two kilometres away
        await enter("จุดตรวจ รพ.สต.บ้านคลองด่าน", kind="test_point", free=None),
        await enter("รพ. ก", 13.63, official_code="EA0011001"),
        await enter("รพ. ข", 13.64, official_code="EA0011001", shared_code=True),
    ]
    assert await suggested(client, *some) == {
        ("similar_name", frozenset({"รพ.สต.บ้านคลองด่าน", "โรงพยาบาลส่งเสริมสุขภาพตำบลคลองด่าน"})),
        ("same_code", frozenset({"รพ. ก", "รพ. ข"})),
    }
    two = {"one": some[5]["facility_id"], "other": some[6]["facility_id"]}
    for _ in range(2):
        assert (await client.post("/v1/duplicates/dismissals", json=two)).status_code == 204
    assert len(await suggested(client, *some)) == 1
    stranger = {"Authorization": "Bearer place_officer@50"}
    assert (await client.post("/v1/duplicates/dismissals", json=two, headers=stranger)).status_code == 403
    wide = await client.get("/v1/duplicates", headers={"Authorization": "Bearer central_administrator@"})
    assert [(error["path"], error["code"]) for error in wide.json()["errors"]] == [("area", "too_wide")]


async def test_a_merged_place_leads_to_the_other(
    client: httpx.AsyncClient, enter: Callable[..., Any], pool: Any
) -> None:
    first, second, third = [await enter(f"วัด {number}", 13.6 + number / 100) for number in range(3)]
    address = f"/v1/facilities/{first['facility_id']}"
    merged = await client.post(f"{address}/merger", json={"into": second["facility_id"]}, headers={"If-Match": '"1"'})
    assert merged.status_code == 200, merged.text
    assert (merged.json()["status"], merged.json()["merged_into"]) == ("closed", second["facility_id"])
    onward = f"/v1/facilities/{second['facility_id']}/merger"
    assert (
        await client.post(onward, json={"into": third["facility_id"]}, headers={"If-Match": '"1"'})
    ).status_code == 200
    for path in ("/v1/facilities", "/v1/public/places"):
        assert (await client.get(f"{path}/{first['facility_id']}")).json()["facility_id"] == third["facility_id"]
    confirmed = await client.post(f"{address}/confirmation")
    assert (confirmed.status_code, confirmed.json()["code"]) == (409, "facility_merged")
    changed = await client.put(address, json=first, headers={"If-Match": '"2"'})
    assert (changed.status_code, changed.json()["code"], changed.json()["survivor"]) == (
        409, "facility_merged", second["facility_id"],
    )  # fmt: skip
    circle = await client.post(
        f"/v1/facilities/{third['facility_id']}/merger",
        json={"into": first["facility_id"]},
        headers={"If-Match": '"1"'},
    )
    assert circle.status_code == 409
    [created, closed] = [
        json.loads(row["body"])
        for row in await pool.fetch("SELECT body FROM outbox WHERE key = $1 ORDER BY id", first["facility_id"])
    ]
    assert (created["merged_into"], closed["merged_into"]) == (None, second["facility_id"])
    assert (closed["change"], closed["before"]["status"]) == ("closed", "open")
    history = (await client.get(f"{address}/revisions")).json()["items"]
    assert [(one["revision"], one["change"]) for one in history] == [(2, "closed"), (1, "created")]
    parted = await client.delete(f"{address}/merger")
    assert (parted.json()["merged_into"], parted.json()["status"], parted.json()["revision"]) == (None, "closed", 3)
    assert (await client.delete(f"{address}/merger")).json()["code"] == "not_merged"
    assert (await client.get(address)).json()["facility_id"] == first["facility_id"]


async def test_of_two_who_merge_into_each_other_one_is_refused(
    client: httpx.AsyncClient, enter: Callable[..., Any]
) -> None:
    one, other = await enter("ศาลา ก", 13.55), await enter("ศาลา ข", 13.56)
    answers = await asyncio.gather(
        *(
            client.post(
                f"/v1/facilities/{a['facility_id']}/merger",
                json={"into": b["facility_id"]},
                headers={"If-Match": '"1"'},
            )
            for a, b in ((one, other), (other, one))
        )
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409]


async def test_hundreds_of_places_at_one_point_are_no_burden(
    client: httpx.AsyncClient, enter: Callable[..., Any], pool: Any
) -> None:
    """As lists have them that give every place the position of the district's office."""
    first = await enter("จุดรวม 0", 13.605, kind="waiting_centre")
    column = "facility_id, name"
    others = ", ".join(
        row[0]
        for row in await pool.fetch(
            "SELECT attname FROM pg_attribute WHERE attrelid = 'facility'::regclass AND attnum > 0 "
            "AND NOT attisdropped AND attgenerated = '' AND attname NOT IN ('facility_id', 'name')"
        )
    )
    await pool.execute(
        f"INSERT INTO facility ({column}, {others}) SELECT gen_random_uuid(), 'จุดรวม ' || n, {others} "  # noqa: S608
        "FROM facility, generate_series(1, 600) AS n WHERE facility_id = $1::uuid",
        first["facility_id"],
    )
    plan = await pool.fetchval(
        "EXPLAIN (ANALYZE, FORMAT JSON) " + SELECT_PAIRS.replace("$1", "'11'").replace("$2", f"'{UUID(int=0)}'")
        .replace("$3", f"'{UUID(int=0)}'").replace("$4", str(NEAR_DEGREES)).replace("$5", str(ALIKE))
        .replace("$6", "51").replace("$7", str(NEIGHBOURS))
    )  # fmt: skip
    compared = [node for node in nodes(json.loads(plan)[0]["Plan"]) if node["Node Type"] == "Limit"]
    most = max(node["Actual Rows"] for node in compared if node["Actual Loops"] > 100)
    assert 0 < most <= NEIGHBOURS


def nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    """A plan's steps."""
    return [plan, *(node for part in plan.get("Plans", []) for node in nodes(part))]


async def test_who_may_not_merge(client: httpx.AsyncClient, enter: Callable[..., Any]) -> None:
    one, other = await enter("ค่าย ก", 13.57), await enter("ค่าย ข", 13.58)
    address = f"/v1/facilities/{one['facility_id']}/merger"
    into = {"into": other["facility_id"]}
    seen = {"If-Match": '"1"'}
    assert (await client.post(address, json=into)).status_code == 428
    assert (await client.post(address, json=into, headers={"If-Match": '"2"'})).status_code == 412
    assert (await client.post(address, json={"into": one["facility_id"]}, headers=seen)).status_code == 400
    assert (await client.post(address, json={"into": str(uuid4())}, headers=seen)).status_code == 404
    stranger = seen | {"Authorization": "Bearer place_officer@50"}
    assert (await client.post(address, json=into, headers=stranger)).status_code == 403
    assert (await client.get(f"/v1/facilities/{UUID(one['facility_id'])}")).json()["revision"] == 1
