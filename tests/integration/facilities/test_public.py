"""What anybody may ask: what is open near me, by name, on a map; and what is kept of the answers."""

import asyncio
import gzip
import json
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from services.facilities.cached import Cache
from services.facilities.domain.hours import BANGKOK, open_at
from services.facilities.domain.places import Content, DayException, Holidays, Hours, Position, Span, created
from services.facilities.http.public import PRIVATE
from services.facilities.store import finding, places
from services.facilities.store.finding import MOST_FEATURES, Moment, Sought, distance_km
from services.facilities.store.places import Actor
from shared.contracts.events import Day, FacilityStatus
from shared.observability.clock import MovableClock
from shared.postgres.pool import acquire
from shared.web.allowance import AT_ONCE, Allowance
from tests.integration.facilities.conftest import NOW

Place = Callable[..., dict[str, Any]]
CITY = Position(18.79, 98.98)
CENTRE = Actor(UUID(int=1), None, "central_administrator", "")
ALWAYS = [{"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "open": "00:00", "close": "24:00"}]
WHOLE_WEEK = (Hours(tuple(Day), "00:00", "24:00"),)
NIGHT = [{"days": ["mon"], "open": "20:00", "close": "23:00"}]


@pytest.fixture(autouse=True)
def nobody_signed_in(client: httpx.AsyncClient) -> dict[str, str]:
    """The public's requests have no token; gives the officer's."""
    return {"Authorization": client.headers.pop("Authorization")}


@pytest.fixture
async def entered(client: httpx.AsyncClient, place: Place, nobody_signed_in: dict[str, str]) -> dict[str, str]:
    """Some places in Chiang Mai, by name; those of earlier tests are closed."""
    old = (await client.get("/v1/facilities?area=5001&limit=500&status=open")).json()["items"]
    for each in old:
        await client.put(
            f"/v1/facilities/{each['facility_id']}",
            json=each | {"status": "closed"},
            headers=nobody_signed_in | {"If-Match": f'"{each["revision"]}"'},
        )
    found = {}
    for name, lat, changes in (
        ("โรงพยาบาลสนาม ๑", 18.791, {"hours": ALWAYS}),
        ("โรงพยาบาลสนาม ๒", 18.80, {"hours": NIGHT}),
        ("จุดตรวจ ตลาดคำเที่ยง", 18.81, {"kind": "test_point", "free": None, "hours": ALWAYS, "services": ["atk"]}),
        ("รพ.สต.บ้านป่าตัน", 18.82, {"kind": "hospital", "hours": []}),
    ):
        body = place(name=name, position={"lat": lat, "lon": 98.98}, **changes)
        answer = await client.post("/v1/facilities", json=body, headers=nobody_signed_in)
        assert answer.status_code == 201, answer.text
        found[name] = answer.json()["facility_id"]
    return found


async def names(client: httpx.AsyncClient, query: str) -> list[str]:
    answer = await client.get(f"/v1/public/places?{query}")
    assert answer.status_code == 200, answer.text
    return [item["name"] for item in answer.json()["items"]]


async def test_what_is_open_near_me(client: httpx.AsyncClient, entered: dict[str, str]) -> None:
    answer = (await client.get("/v1/public/places?near=18.79,98.98&within_km=10")).json()
    assert [item["name"] for item in answer["items"]] == list(entered)
    assert [item["distance_km"] for item in answer["items"]] == pytest.approx([0.11, 1.11, 2.22, 3.34], abs=0.01)
    assert not any(field in item for item in answer["items"] for field in PRIVATE)
    assert await names(client, "near=18.79,98.98&within_km=2") == ["โรงพยาบาลสนาม ๑", "โรงพยาบาลสนาม ๒"]
    assert await names(client, "near=18.79,98.98&open_now=true") == ["โรงพยาบาลสนาม ๑", "จุดตรวจ ตลาดคำเที่ยง"]
    assert await names(client, "near=18.79,98.98&kind=test_point&kind=hospital") == list(entered)[2:]
    assert await names(client, "near=18.79,98.98&service=atk") == ["จุดตรวจ ตลาดคำเที่ยง"]
    assert await names(client, "near=18.79,98.98&limit=1") == ["โรงพยาบาลสนาม ๑"]


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("สนาม2", ["โรงพยาบาลสนาม ๒"]),
        ("ตลาด คำเที่ยง", ["จุดตรวจ ตลาดคำเที่ยง"]),
        ("ตลาดค\u0e4d\u0e32เที่ยง", ["จุดตรวจ ตลาดคำเที่ยง"]),
        ("โรงพยาบาลส่งเสริมสุขภาพตำบลบ้านป่าตัน", ["รพ.สต.บ้านป่าตัน"]),
        ("รพ.สต.", ["รพ.สต.บ้านป่าตัน"]),
        ("รพ สนาม ๑", ["โรงพยาบาลสนาม ๑"]),
        ("'", []),
        ("จุ", ["จุดตรวจ ตลาดคำเที่ยง"]),
        ("ตัน", ["รพ.สต.บ้านป่าตัน"]),
        ("%", []),
        ("ไม่มี", []),
    ],
)
async def test_names_are_found_however_they_are_typed(
    client: httpx.AsyncClient, entered: dict[str, str], typed: str, found: list[str]
) -> None:
    assert len(entered) == 4
    assert await names(client, str(httpx.QueryParams({"area": "5001", "q": typed}))) == found


async def test_pages_in_the_order_of_names_hold_every_place_once(
    client: httpx.AsyncClient, entered: dict[str, str]
) -> None:
    found: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        answer = (
            await client.get(
                f"/v1/public/places?area=5001&limit=1&cursor={cursor}"
                if cursor
                else "/v1/public/places?area=5001&limit=1"
            )
        ).json()
        found += [item["facility_id"] for item in answer["items"]]
        cursor = answer["cursor"]
    assert sorted(found) == sorted(entered.values())


async def test_the_nearest_of_many_are_the_nearest(client: httpx.AsyncClient, pool: Any) -> None:
    """Against every distance, computed one by one, wherever in the country one stands."""
    chance = random.Random(6)
    made = [
        Content(
            "waiting_centre",
            f"ศูนย์พักคอย {number}",
            "720101",
            position=Position(chance.uniform(6, 20), chance.uniform(98, 105)),
        )
        for number in range(1_000)
    ]
    async with pool.acquire() as connection, connection.transaction():
        await places.insert(connection, [created(uuid4(), content, NOW) for content in made], CENTRE)
    for _ in range(10):
        here = Position(chance.uniform(7, 19), chance.uniform(99, 104))
        expected = sorted(made, key=lambda content: distance_km(here, content.position))[:20]
        found = await names(client, f"near={here.lat},{here.lon}&kind=waiting_centre&area=72&limit=20&within_km=200")
        inside = [one for one in expected if distance_km(here, one.position) <= 200]
        assert found == [content.name for content in inside]


def drawn(chance: random.Random, number: int) -> Content:
    """A place on a line to the north, with hours, exceptions and a word on holidays, or without."""

    def span() -> tuple[str, str]:
        opens = chance.randrange(24)
        return f"{opens:02}:00", f"{chance.choice([each for each in range(25) if each != opens]):02}:00"

    exceptions = [
        DayException(date(2022, 2, 5 + day), tuple(Span(*span()) for _ in range(chance.randrange(3))))
        for day in chance.sample(range(5), chance.randrange(3))
    ]
    return Content(
        "waiting_centre",
        f"ศูนย์พักคอย {number}",
        "710101",
        position=Position(14 + number / 1_000, 99.5),
        status=chance.choice([FacilityStatus.OPEN, FacilityStatus.FULL, FacilityStatus.SUSPENDED]),
        hours=tuple(Hours(tuple(chance.sample(list(Day), 4)), *span()) for _ in range(chance.randrange(3))),
        exceptions=tuple(exceptions),
        holidays=chance.choice([None, Holidays.OPEN, Holidays.CLOSED]),
    )


async def test_what_is_open_is_found_behind_whatever_is_not(pool: Any) -> None:
    """Among the nearest that are looked at, by every rule of hours: nothing else may take its place in the answer."""
    chance, here = random.Random(8), Position(14, 99.5)
    made = [drawn(chance, number) for number in range(400)]
    holidays = [date(2022, 2, 7)]
    async with acquire(pool) as connection:
        async with connection.transaction():
            await places.insert(connection, [created(uuid4(), content, NOW) for content in made], CENTRE)
        for hour in range(0, 72, 3):
            at = datetime(2022, 2, 6, tzinfo=BANGKOK) + timedelta(hours=hour, minutes=hour % 2 * 30)
            expected = [each.name for each in made if open_at(each, holidays, at)]
            assert 5 < len(expected) < 200
            for limit in (1, 100):
                found = await finding.nearest(
                    connection, Sought("710101"), here, within_km=100, limit=limit, open_at=Moment(at, holidays)
                )
                assert [each.content.name for _, each in found] == expected[:limit], at


@pytest.mark.parametrize(
    ("area", "near"),
    [
        ("710201", {"exceptions": (DayException(date(2022, 1, 1)),)}),
        ("710202", {"hours": WHOLE_WEEK, "exceptions": (DayException(date(2022, 2, 7)),)}),
        ("710203", {"hours": WHOLE_WEEK, "holidays": Holidays.CLOSED}),
        ("710204", {"hours": WHOLE_WEEK, "status": FacilityStatus.SUSPENDED}),
    ],
    ids=["past exception", "closed today", "closed on holidays", "suspended"],
)
async def test_hundreds_that_are_not_open_hide_none_that_is(pool: Any, area: str, near: dict[str, Any]) -> None:
    here = Position(15, 99.5)
    base = Content("waiting_centre", "ศูนย์พักคอยที่ไม่เปิด", area, position=here)
    far = replace(base, name="ศูนย์พักคอยที่เปิด", position=Position(15.5, 99.5), hours=WHOLE_WEEK, holidays=Holidays.OPEN)
    made = [*(replace(base, **near) for _ in range(400)), far]
    open_now = Moment(NOW, [date(2022, 2, 7)])
    async with acquire(pool) as connection:
        async with connection.transaction():
            await places.insert(connection, [created(uuid4(), content, NOW) for content in made], CENTRE)
        found = await finding.nearest(connection, Sought(area), here, within_km=200, limit=20, open_at=open_now)
    assert [each.content.name for _, each in found] == [far.name]


async def test_the_map_groups_what_is_too_much(
    client: httpx.AsyncClient,
    entered: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    place: Place,
    nobody_signed_in: dict[str, str],
) -> None:
    box = "98.97,18.785,98.99,18.805"
    answer = await client.get(f"/v1/public/places.geojson?bbox={box}&area=5001")
    assert answer.headers["content-type"] == "application/geo+json"
    features = answer.json()["features"]
    assert {feature["properties"]["facility_id"] for feature in features} == set(list(entered.values())[:2])
    assert features[0]["geometry"]["coordinates"][0] == 98.98
    for number in range(2):
        more = place(name=f"จุดตรวจ {number}", kind="test_point", free=None, position={"lat": 18.81, "lon": 98.98})
        assert (await client.post("/v1/facilities", json=more, headers=nobody_signed_in)).status_code == 201
    monkeypatch.setattr(finding, "MOST_FEATURES", 3)
    groups = (await client.get("/v1/public/places.geojson?area=5001")).json()["features"]
    assert [(one["properties"]["kind"], one["properties"]["places"]) for one in groups] == [
        ("test_point", 3),
        ("field_hospital", 2),
        ("hospital", 1),
    ]
    monkeypatch.setattr(finding, "MOST_FEATURES", 1)
    largest = (await client.get("/v1/public/places.geojson?area=5001&bbox=97,5,106,21")).json()["features"]
    assert [one["properties"]["places"] for one in largest] == [3]
    assert MOST_FEATURES == 2_000


async def test_an_answer_that_is_known_is_not_sent_again(
    client: httpx.AsyncClient, entered: dict[str, str], clock: MovableClock
) -> None:
    address = f"/v1/public/places/{entered['โรงพยาบาลสนาม ๑']}"
    first = await client.get(address)
    assert first.headers["cache-control"] == "public, max-age=15"
    assert first.headers["access-control-allow-origin"] == "*"
    again = await client.get(address, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    other = await client.get(address, headers={"If-None-Match": '"x"'})
    assert other.status_code == 200
    many = await client.get("/v1/public/places?area=5001", headers={"Accept-Encoding": "gzip"})
    assert many.headers["content-encoding"] == "gzip"
    clock.advance(timedelta(seconds=1))
    unknown = await client.get(f"/v1/public/places/{uuid4()}")
    assert (unknown.status_code, unknown.headers["access-control-allow-origin"]) == (404, "*")
    assert "access-control-allow-origin" not in (await client.get("/v1/facilities?limit=1")).headers


async def test_of_many_who_ask_the_same_one_asks_the_database() -> None:
    moment, made = 0.0, 0
    cache = Cache(lambda: moment)

    async def make() -> bytes:
        nonlocal made
        made += 1
        await asyncio.sleep(0)
        return b"a" * 1_000

    answers = await asyncio.gather(*(cache.get(b"one", make) for _ in range(50)))
    assert made == 1
    assert len({id(answer) for answer in answers}) == 1
    assert gzip.decompress(answers[0].packed or b"") == b"a" * 1_000
    moment = 4.9
    await cache.get(b"one", make)
    assert made == 1
    moment = 5.1 * (1 + b"o"[0] / 256)
    shown = await cache.get(b"one", make)
    assert shown is answers[0]  # nobody waits for the next one
    assert (await cache.get(b"one", make)).made_at == 0
    while made < 2:
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert (await cache.get(b"one", make)).made_at == moment
    moment = 30.0
    assert (await cache.get(b"one", make)).made_at == 30.0  # too old to be shown
    assert made == 3

    async def fails() -> bytes:
        raise LookupError

    failed = await asyncio.gather(*(cache.get(b"two", fails) for _ in range(3)), return_exceptions=True)
    assert [type(error) for error in failed] == [LookupError] * 3
    for number in range(3_000):
        await cache.get(b"%d" % number, make)
    assert len(cache._answers) == 2_000


async def test_an_address_that_asks_too_often_waits(client: httpx.AsyncClient) -> None:
    moment = 0.0
    allowance = Allowance(lambda: moment)
    assert [allowance.wait("a") for _ in range(int(AT_ONCE) + 1)] == [0] * int(AT_ONCE) + [1]
    assert allowance.wait("b") == 0
    moment = 0.1
    assert [allowance.wait("a") for _ in range(6)] == [0] * 5 + [1]
    transport: Any = client._transport
    transport.app.state.allowance = allowance
    transport.client = ("a", 1)
    transport.client = ("2001:db8::1", 1)
    assert (await client.get("/v1/public/places?area=50")).status_code == 200
    spent = int(AT_ONCE) - 1
    assert [allowance.wait("2001:db8::/64") for _ in range(spent + 1)] == [0] * spent + [1]  # one network, one bucket
    transport.client = ("a", 1)
    refused = await client.get("/v1/public/places?area=50")
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
    assert refused.json()["code"] == "too_many"


@pytest.mark.parametrize(
    ("query", "path", "code"),
    [
        ("near=18.79", "near", "wrong_form"),
        ("near=1..2,98", "near", "not_a_position"),
        ("near=98.98,181", "near", "not_a_position"),
        ("kind=temple", "kind[0]", "not_a_choice"),
        ("area=99", "area", "unknown_area"),
        ("cursor=x", "cursor", "unknown_cursor"),
        ("limit=101", "limit", "too_large"),
        ("near=1,2&within_km=201", "within_km", "too_large"),
    ],
)
async def test_bad_questions(client: httpx.AsyncClient, query: str, path: str, code: str) -> None:
    answer = await client.get(f"/v1/public/places?{query}")
    assert answer.status_code == 400
    assert [(error["path"], error["code"]) for error in answer.json()["errors"]] == [(path, code)]
    assert json.loads(answer.content)["code"] == "invalid"
