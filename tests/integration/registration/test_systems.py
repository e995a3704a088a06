"""Accounts of programs: made, listed, given new secrets and ended by the central administrator."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from services.registration import settings
from services.registration.http import sign_in, systems
from shared.contracts.events import Role
from tests.integration.registration.conftest import Office
from tests.integration.registration.test_sign_in import refused

FORM = {"grant_type": "client_credentials"}


async def made(office: Office, **changes: Any) -> dict[str, str]:
    """A new system's credentials."""
    answer = await office.ask("POST", "/v1/systems", office.administrator, json={"name": "HIS โรงพยาบาล"} | changes)
    assert answer.status_code == 201, answer.text
    assert answer.headers["cache-control"] == "no-store"
    credentials: dict[str, str] = answer.json()
    return credentials


async def test_a_system_is_made_renewed_and_ended(office: Office) -> None:
    credentials = await made(office, role="place_officer", area="50", organisation_id=await office.organisation("50"))
    assert set(credentials) == {"client_id", "client_secret"}
    client_id, secret = credentials["client_id"], credentials["client_secret"]
    assert (await office.tokens(**FORM, **credentials)).status_code == 200
    path = f"/v1/systems/{client_id}"
    renewed = await office.ask("POST", f"{path}/secret", office.administrator, json={"overlap_minutes": 60})
    assert (renewed.status_code, renewed.json()["client_id"]) == (200, client_id)
    fresh = renewed.json()["client_secret"]
    assert fresh != secret
    for each in (secret, fresh):
        assert (await office.tokens(**FORM, client_id=client_id, client_secret=each)).status_code == 200
    office.clock.advance(timedelta(hours=1))
    refused(await office.tokens(**FORM, client_id=client_id, client_secret=secret), "invalid_client", 401)
    office.administrator = office.token(Role.CENTRAL_ADMINISTRATOR, "")  # the one before has expired
    at_once = (await office.ask("POST", f"{path}/secret", office.administrator)).json()["client_secret"]
    refused(await office.tokens(**FORM, client_id=client_id, client_secret=fresh), "invalid_client", 401)
    assert (await office.tokens(**FORM, client_id=client_id, client_secret=at_once)).status_code == 200
    assert (await office.ask("DELETE", path, office.administrator)).status_code == 204
    refused(await office.tokens(**FORM, client_id=client_id, client_secret=at_once), "invalid_client", 401)
    assert (await office.ask("POST", f"{path}/secret", office.administrator)).status_code == 404
    assert (await office.ask("DELETE", f"/v1/systems/{uuid4()}", office.administrator)).status_code == 404
    rows = await office.pool.fetch("SELECT to_jsonb(c)::text AS row FROM client AS c")
    for each in (secret, fresh, at_once):
        assert all(each not in row["row"] for row in rows)


@pytest.mark.parametrize(
    ("changes", "path", "code"),
    [
        ({"role": "central_administrator"}, "role", "not_a_choice"),
        ({"role": "province_administrator", "area": "50"}, "role", "not_a_choice"),
        ({"role": "volunteer", "area": "50"}, "role", "not_a_choice"),
        ({"role": "place_officer"}, "area", "wrong_level"),
        ({"area": "99"}, "area", "unknown_area"),
        ({"organisation_id": str(uuid4())}, "organisation_id", "unknown"),
        ({"name": ""}, "name", "too_short"),
        ({"client_secret": "mine"}, "client_secret", "unknown_field"),
    ],
)
async def test_a_system_that_cannot_be_made(office: Office, changes: dict[str, Any], path: str, code: str) -> None:
    answer = await office.ask("POST", "/v1/systems", office.administrator, json={"name": "x"} | changes)
    assert answer.status_code == 400
    assert [(error["path"], error["code"]) for error in answer.json()["errors"]] == [(path, code)]


async def test_all_systems_are_listed_page_by_page(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(systems, "PAGE_SIZE", 3)
    wanted = {(await made(office))["client_id"] for _ in range(4)}
    gone = wanted.pop()
    await office.ask("DELETE", f"/v1/systems/{gone}", office.administrator)
    seen: dict[str, Any] = {}
    cursor: str | None = ""
    while cursor is not None:
        params = {"cursor": cursor} if cursor else {}
        answer = await office.ask("GET", "/v1/systems", office.administrator, params=params)
        assert not seen.keys() & {one["client_id"] for one in answer.json()["systems"]}
        seen |= {one["client_id"]: one for one in answer.json()["systems"]}
        cursor = answer.json()["cursor"]
    assert wanted | {gone} <= seen.keys()
    assert seen[gone]["revoked_at"] is not None
    assert all("secret" not in name for one in seen.values() for name in one)
    for bad in ("x", "WzEsMl0="):
        answer = await office.ask("GET", "/v1/systems", office.administrator, params={"cursor": bad})
        assert answer.status_code == 400
    assert (await office.ask("GET", "/v1/systems", office.token(Role.PROVINCE_ADMINISTRATOR, "50"))).status_code == 403


async def post(client: httpx.AsyncClient, **form: str) -> httpx.Response:
    return await client.post("/v1/tokens", data=FORM | form)


async def test_wrong_secrets_are_bounded_for_a_system_at_an_address(office: Office) -> None:
    credentials = await made(office)
    wrong = credentials | {"client_secret": "x" * 43}
    answers = await asyncio.gather(*(office.tokens(**FORM, **wrong) for _ in range(20)))
    assert {answer.status_code for answer in answers} == {401}
    stopped = await office.tokens(**FORM, **credentials)  # the right one, and it is not even looked at
    refused(stopped, "temporarily_unavailable", 429)
    assert 0 < int(stopped.headers["Retry-After"]) <= 600
    other = await made(office)
    assert (await office.tokens(**FORM, **other)).status_code == 200
    async with office.client_at("192.0.2.7") as elsewhere:  # nobody shuts a system out from somewhere else
        assert (await post(elsewhere, **credentials)).status_code == 200
    office.clock.advance(timedelta(minutes=10))
    assert (await office.tokens(**FORM, **credentials)).status_code == 200


async def test_a_system_that_asks_before_each_request_is_slowed_down(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = settings.TOKENS_PER_CLIENT
    monkeypatch.setattr(sign_in, "TOKENS_PER_CLIENT", type(limit)(limit.name, 3, limit.window))
    credentials, other = await made(office), await made(office)
    answers = [(await office.tokens(**FORM, **credentials)).status_code for _ in range(4)]
    assert answers == [200, 200, 200, 429]
    assert (await office.tokens(**FORM, **other)).status_code == 200
    unknown = {"client_id": str(UUID(int=0)), "client_secret": "x"}
    assert [(await office.tokens(**FORM, **unknown)).status_code for _ in range(4)] == [401] * 4
