"""What the routes refuse before any database is asked."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest

from services.facilities.processes.http import create
from services.facilities.reference import Reference
from shared.contracts.events import Role
from shared.observability.clock import MovableClock
from shared.security.principal import Principal
from shared.security.tokens import InvalidToken
from shared.web.authentication import Authentication

NOW = datetime(2022, 2, 7, 2, 0, tzinfo=UTC)
BODY: dict[str, Any] = {"kind": "test_point", "name": "จุดตรวจ", "area": "500101"}


class Tokens:
    """Takes a role's name as its token."""

    async def verify(self, token: str) -> Principal:
        if token == "expired":
            raise InvalidToken("token_expired")
        role, _, area = token.partition("@")
        return Principal(UUID(int=1), None, Role(role), area, NOW + timedelta(minutes=15), "t")

    def is_barred(self, subject: UUID) -> bool:
        return False


class NoPool:
    """Fails the test when the database is asked."""

    def acquire(self, **_: object) -> object:
        raise AssertionError("the database was asked")


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    tokens = Tokens()
    pool = cast("asyncpg.Pool[asyncpg.Record]", NoPool())
    app = create(pool, Authentication(tokens, tokens), MovableClock(NOW), Reference(pool), ready=list)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app),
        base_url="http://facilities",
        headers={"Authorization": "Bearer place_officer@50", "Accept-Language": "en"},
    ) as client:
        yield client


def errors(answer: httpx.Response) -> set[tuple[str, str]]:
    assert answer.headers["content-type"] == "application/problem+json"
    return {(error["path"], error["code"]) for error in answer.json()["errors"]}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"kind": "temple"}, ("kind", "not_a_choice")),
        ({"status": "busy"}, ("status", "not_a_choice")),
        ({"name": 7}, ("name", "not_text")),
        ({"capacity": "๑๐"}, ("capacity", "not_a_whole_number")),
        ({"capacity": True}, ("capacity", "not_a_whole_number")),
        ({"capacity": 1.5}, ("capacity", "not_a_whole_number")),
        ({"position": {"lat": "18", "lon": 98.9}}, ("position.lat", "not_a_number")),
        ({"position": {"lat": 18.7}}, ("position.lon", "required")),
        ({"position": [18.7, 98.9]}, ("position", "not_an_object")),
        ({"position": {"lat": 48.1, "lon": 98.9}}, ("position.lat", "outside_thailand")),
        ({"hours": "08:30-16:30"}, ("hours", "not_a_list")),
        ({"hours": [{"days": ["monday"], "open": "08:30", "close": "16:30"}]}, ("hours[0].days[0]", "not_a_choice")),
        ({"capcity": 10}, ("capcity", "unknown_field")),
        ({"facility_id": "1"}, ("facility_id", "not_a_uuid")),
        ({"area": None}, ("area", "not_text")),
        ({"area": "509999"}, ("area", "unknown_area")),
    ],
)
async def test_bad_fields_are_named(
    client: httpx.AsyncClient, change: dict[str, Any], expected: tuple[str, str]
) -> None:
    answer = await client.post("/v1/facilities", json=BODY | change)
    assert answer.status_code == 400
    assert errors(answer) == {expected}


async def test_messages_come_in_thai_and_english(client: httpx.AsyncClient) -> None:
    bad = BODY | {"free": 3}
    english = await client.post("/v1/facilities", json=bad)
    thai = await client.post("/v1/facilities", json=bad, headers={"Accept-Language": "th"})
    assert english.json()["errors"][0]["message"] == "A place of this kind has no free beds"
    assert thai.json()["errors"][0]["message"] == "สถานที่ประเภทนี้ไม่มีเตียงว่าง"


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"{", 400), (b'{"name": "\xff"}', 400), (b"[" * 10_000, 400), (b"", 400), (b"[]", 400), (b'"text"', 400)],
)
async def test_a_body_that_is_no_object(client: httpx.AsyncClient, body: bytes, status: int) -> None:
    answer = await client.post("/v1/facilities", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_body_beyond_the_limit(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/facilities", json=BODY | {"hours_note": "ก" * 64 * 1024})
    assert answer.status_code == 413


@pytest.mark.parametrize(
    ("token", "status", "code"),
    [
        ("expired", 401, "token_expired"),
        ("volunteer@50", 403, "forbidden"),
        ("place_officer@10", 403, "other_area"),
        ("place_officer@5002", 403, "other_area"),
    ],
)
async def test_who_may_not_write(client: httpx.AsyncClient, token: str, status: int, code: str) -> None:
    answer = await client.post("/v1/facilities", json=BODY, headers={"Authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_no_token(client: httpx.AsyncClient) -> None:
    del client.headers["Authorization"]
    answer = await client.post("/v1/facilities", json=BODY)
    assert (answer.status_code, answer.json()["code"]) == (401, "token_missing")
    assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_an_update_has_to_say_which_revision_was_seen(client: httpx.AsyncClient) -> None:
    address = f"/v1/facilities/{uuid4()}"
    assert (await client.put(address, json=BODY)).status_code == 428
    for etag in ("*", "3", 'W/"3"', '"3", "4"', '"x"', '"0"', '"1e9"'):
        answer = await client.put(address, json=BODY, headers={"If-Match": etag})
        assert (answer.status_code, errors(answer)) == (400, {("if-match", "wrong_form")})


async def test_an_update_of_another_place_than_the_address(client: httpx.AsyncClient) -> None:
    body = BODY | {"facility_id": str(uuid4())}
    answer = await client.put(f"/v1/facilities/{uuid4()}", json=body, headers={"If-Match": '"1"'})
    assert errors(answer) == {("facility_id", "not_this_facility")}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("area=99", ("area", "unknown_area")),
        ("area=x", ("area", "unknown_area")),
        ("kind=temple", ("kind", "not_a_choice")),
        ("status=busy", ("status", "not_a_choice")),
        ("overdue=perhaps", ("overdue", "not_true_or_false")),
        ("cursor=x", ("cursor", "unknown_cursor")),
        ("cursor=%E0%B8%81", ("cursor", "unknown_cursor")),
        ("limit=0", ("limit", "too_small")),
        ("limit=501", ("limit", "too_large")),
    ],
)
async def test_bad_questions(client: httpx.AsyncClient, query: str, expected: tuple[str, str]) -> None:
    answer = await client.get(f"/v1/facilities?{query}")
    assert (answer.status_code, errors(answer)) == (400, {expected})


async def test_an_id_that_is_none(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/facilities/7")
    assert errors(answer) == {("facility_id", "not_a_uuid")}
