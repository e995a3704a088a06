"""A place's week in Thailand: fresh, due, overdue, confirmed; one's own list; and the weeks before."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from services.facilities.domain.hours import BANGKOK
from services.facilities.http import weekly
from shared.observability.clock import MovableClock

Place = Callable[..., dict[str, Any]]
AREA = "310101"
"""Buri Ram, where no other test enters places."""


@pytest.fixture
def entered(client: httpx.AsyncClient, place: Place) -> Callable[..., Any]:
    """Enters places in Buri Ram; gives their ids."""

    async def enter(*names: str, **changes: Any) -> list[str]:
        client.headers["Authorization"] = "Bearer place_officer@31"
        ids = []
        for name in names:
            body = place(name=name, area=AREA, position=None) | changes
            answer = await client.post("/v1/facilities", json=body)
            assert answer.status_code == 201, answer.text
            ids.append(answer.json()["facility_id"])
        return ids

    return enter


async def week(client: httpx.AsyncClient) -> dict[str, str]:
    """One's own list: freshness by name, in its order."""
    items = (await client.get("/v1/my-places?area=3101")).json()["items"]
    return {item["name"]: item["freshness"] for item in items}


def at(clock: MovableClock, day: int, hour: int) -> None:
    """Moves the clock to a day of February 2022, at an hour in Thailand."""
    clock.advance(datetime(2022, 2, day, hour, tzinfo=BANGKOK) - clock.now())


async def test_a_week_of_an_officer(
    client: httpx.AsyncClient, clock: MovableClock, entered: Callable[..., Any]
) -> None:
    at(clock, 9, 9)  # a Wednesday
    first, second, third = await entered("ศูนย์ ก", "ศูนย์ ข", "ศูนย์ ค")
    assert await week(client) == {"ศูนย์ ก": "fresh", "ศูนย์ ข": "fresh", "ศูนย์ ค": "fresh"}
    at(clock, 13, 23)
    assert set((await week(client)).values()) == {"fresh"}
    at(clock, 14, 0)  # Monday: another week has begun
    assert set((await week(client)).values()) == {"due"}
    at(clock, 16, 9)  # seven days to the minute
    assert set((await week(client)).values()) == {"due"}
    answer = await client.post("/v1/confirmations", json={"facility_ids": [first]})
    assert answer.json() == {"results": [{"facility_id": first, "outcome": "confirmed", "revision": 2}]}
    at(clock, 16, 10)
    found = (await client.get("/v1/my-places?area=3101&freshness=overdue")).json()["items"]
    assert {(item["name"], item["due_at"]) for item in found} == {
        ("ศูนย์ ข", "2022-02-16T02:00:00Z"),
        ("ศูนย์ ค", "2022-02-16T02:00:00Z"),
    }
    assert await week(client) == {"ศูนย์ ข": "overdue", "ศูนย์ ค": "overdue", "ศูนย์ ก": "fresh"}
    closed = (await client.get(f"/v1/facilities/{third}")).json() | {"status": "closed"}
    await client.put(f"/v1/facilities/{third}", json=closed, headers={"If-Match": '"1"'})
    stranger = str(uuid4())
    answer = await client.post("/v1/confirmations", json={"facility_ids": [second, third, stranger, second]})
    assert [(one["outcome"], one["revision"]) for one in answer.json()["results"]] == [
        ("confirmed", 2), ("closed", 2), ("not_found", None), ("confirmed", 2),
    ]  # fmt: skip
    told = (await client.get("/v1/freshness?area=31&weeks=3")).json()
    assert told["week_began_at"] == "2022-02-13T17:00:00Z"
    assert told["counts"] == [{"of": "3101", "fresh": 2, "due": 0, "overdue": 0}]
    assert told["weeks"] == [{"ends_at": "2022-02-13T17:00:00Z", "places": 3, "overdue": 0}]
    at(clock, 28, 9)
    told = (await client.get("/v1/freshness?area=31&weeks=2&by=kind")).json()
    assert told["counts"] == [{"of": "field_hospital", "fresh": 0, "due": 0, "overdue": 2}]
    assert told["weeks"] == [
        {"ends_at": "2022-02-20T17:00:00Z", "places": 2, "overdue": 0},
        {"ends_at": "2022-02-27T17:00:00Z", "places": 2, "overdue": 2},
    ]


async def test_whose_list_it_is(client: httpx.AsyncClient, place: Place, entered: Callable[..., Any]) -> None:
    (own,) = await entered("ศูนย์ของเรา", area="310201")
    other = place(name="ศูนย์ของคนอื่น", area="310201", position=None, organisation_id=str(uuid4()))
    centre = {"Authorization": "Bearer central_administrator@"}
    assert (await client.post("/v1/facilities", json=other, headers=centre)).status_code == 201

    async def names(token: str, query: str = "?area=3102") -> set[str]:
        answer = await client.get(f"/v1/my-places{query}", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 200
        return {item["name"] for item in answer.json()["items"]}

    assert await names("place_officer@31") == {"ศูนย์ของเรา"}
    assert await names("district_coordinator@3102", "") == {"ศูนย์ของเรา", "ศูนย์ของคนอื่น"}
    strange = await client.get("/v1/my-places?area=31", headers={"Authorization": "Bearer place_officer@32"})
    assert strange.status_code == 403
    foreign = {"Authorization": "Bearer place_officer@32"}
    answer = await client.post("/v1/confirmations", json={"facility_ids": [own]}, headers=foreign)
    assert answer.json()["results"][0]["outcome"] == "not_found"
    wide = await client.get("/v1/freshness?weeks=1", headers=centre)
    assert [(error["path"], error["code"]) for error in wide.json()["errors"]] == [("weeks", "too_wide")]


async def test_confirmed_by_many_at_once_each_counts(
    client: httpx.AsyncClient, pool: Any, entered: Callable[..., Any]
) -> None:
    """Two officers who tick overlapping lists: each tick is a revision and an event, and nothing is lost."""
    ids = await entered(*(f"ศูนย์ {number}" for number in range(12)), area="310301")
    lists = [ids[:8], ids[4:], ids[::-1], ids]
    answers = await asyncio.gather(*(client.post("/v1/confirmations", json={"facility_ids": some}) for some in lists))
    assert all(one["outcome"] == "confirmed" for answer in answers for one in answer.json()["results"])
    ticks = sum(map(len, lists))
    revisions = await pool.fetchval("SELECT sum(revision) FROM facility WHERE area = '310301'")
    told = await pool.fetchval("SELECT count(*) FROM outbox WHERE key = ANY ($1)", ids)
    assert (revisions, told) == (12 + ticks, 12 + ticks)


async def test_pages_of_a_long_week(client: httpx.AsyncClient, pool: Any, entered: Callable[..., Any]) -> None:
    await entered(*(f"ศูนย์ {number}" for number in range(101)), area="310401")
    first = (await client.get("/v1/my-places?area=3104")).json()
    second = (await client.get(f"/v1/my-places?area=3104&cursor={first['cursor']}")).json()
    assert (len(first["items"]), len(second["items"]), second["cursor"]) == (100, 1, None)
    assert len({item["facility_id"] for item in first["items"] + second["items"]}) == 101
    most = [str(uuid4()) for _ in range(501)]
    assert (await client.post("/v1/confirmations", json={"facility_ids": most})).status_code == 400


async def test_who_neglects_places(
    client: httpx.AsyncClient, clock: MovableClock, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By organisation and district, page by page; closed places and fresh ones are nobody's neglect."""
    monkeypatch.setattr(weekly, "MOST_GROUPS", 2)
    administrator = {"Authorization": "Bearer province_administrator@33"}
    ours, theirs = UUID(int=21), UUID(int=22)

    async def enter(area: str, organisation: UUID | None, email: str | None = None, **changes: Any) -> str:
        contact = {"phone": None, "email": email, "website": None}
        body = place(area=area, position=None, organisation_id=organisation and str(organisation), contact=contact)
        answer = await client.post("/v1/facilities", json=body | changes, headers=administrator)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["facility_id"])

    at(clock, 8, 9)
    await enter("330101", ours, "b@health.example")
    await enter("330102", ours, "a@health.example")
    await enter("330201", ours)
    await enter("330101", theirs, status="closed")
    await enter("330101", None)
    at(clock, 10, 9)
    await enter("330101", theirs)
    at(clock, 15, 10)
    await enter("330301", theirs)
    at(clock, 16, 9)
    first = (await client.get("/v1/neglected", headers=administrator)).json()
    params = {"cursor": first["cursor"]}
    last = (await client.get("/v1/neglected", params=params, headers=administrator)).json()
    assert last["cursor"] is None
    found = first["items"] + last["items"]
    assert [tuple(item.values()) for item in found] == [
        (str(UUID(int=7)), "3301", 0, 1, []),  # without another, the caller's own
        (str(ours), "3301", 0, 2, ["a@health.example", "b@health.example"]),
        (str(ours), "3302", 0, 1, []),
        (str(theirs), "3301", 1, 0, []),
    ]
