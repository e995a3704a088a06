"""Organisations and group codes."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from shared.contracts.events import Role
from tests.integration.registration.conftest import Office


async def test_an_organisation_is_entered_inside_the_own_area(office: Office) -> None:
    administrator = office.token(Role.PROVINCE_ADMINISTRATOR, "50")
    body = {"name": " เทศบาล ", "kind": "network_partner", "area": "๕๐๐๑"}
    answer = await office.ask("POST", "/v1/organisations", administrator, json=body)
    assert answer.status_code == 201
    organisation = answer.json()
    assert (organisation["name"], organisation["area"], organisation["parent"]) == ("เทศบาล", "5001", None)
    child = {**body, "area": "500101", "parent": organisation["organisation_id"]}
    assert (await office.ask("POST", "/v1/organisations", administrator, json=child)).status_code == 201
    elsewhere = await office.ask("POST", "/v1/organisations", administrator, json={**body, "area": "51"})
    assert (elsewhere.status_code, elsewhere.json()["code"]) == (403, "other_area")
    assert (await office.ask("POST", "/v1/organisations", None, json=body)).status_code == 401
    volunteer = office.token(Role.VOLUNTEER, "50")
    assert (await office.ask("POST", "/v1/organisations", volunteer, json=body)).status_code == 403


@pytest.mark.parametrize(
    ("changes", "path", "code"),
    [
        ({"area": "999999"}, "area", "unknown_area"),
        ({"area": "5"}, "area", "unknown_area"),
        ({"name": "  "}, "name", "too_short"),
        ({"name": "x" * 201}, "name", "too_long"),
        ({"name": "a\u0000b"}, "name", "control_characters"),
        ({"kind": "club"}, "kind", "not_a_choice"),
        ({"parent": str(uuid4())}, "parent", "unknown"),
        ({"colour": "red"}, "colour", "unknown_field"),
    ],
)
async def test_a_bad_field_is_named(office: Office, changes: dict[str, Any], path: str, code: str) -> None:
    body = {"name": "อบต.", "kind": "agency", "area": "500101"} | changes
    answer = await office.ask("POST", "/v1/organisations", office.administrator, json=body)
    assert answer.status_code == 400
    assert [(error["path"], error["code"]) for error in answer.json()["errors"]] == [(path, code)]


async def test_an_abolished_area_names_its_successors_in_both_languages(office: Office) -> None:
    body = {"name": "อบต.", "kind": "agency", "area": "100205"}
    for language, word in (("en", "abolished"), ("th", "ยกเลิก")):
        answer = await office.client.post(
            "/v1/organisations",
            json=body,
            headers={"Authorization": f"Bearer {office.administrator}", "Accept-Language": language},
        )
        error = answer.json()["errors"][0]
        assert (answer.status_code, error["path"], error["code"]) == (400, "area", "abolished_area")
        assert word in error["message"]
        assert "102901" in error["message"]


async def test_a_parent_contains_its_child(office: Office) -> None:
    district = await office.organisation("5001")
    body = {"name": "x", "kind": "agency", "area": "5002", "parent": district}
    answer = await office.ask("POST", "/v1/organisations", office.administrator, json=body)
    assert answer.json()["errors"][0]["path"] == "parent"


async def test_a_group_code_has_its_limits(office: Office) -> None:
    organisation = await office.organisation()
    path = f"/v1/organisations/{organisation}/group-codes"
    answer = await office.ask("POST", path, office.administrator)
    assert (answer.status_code, answer.json()["uses"]) == (201, 100)
    now = office.clock.now()
    for body, code in (
        ({"uses": 0}, "too_small"),
        ({"uses": 10_001}, "too_large"),
        ({"uses": True}, "not_a_whole_number"),
        ({"expires_at": (now - timedelta(seconds=1)).isoformat()}, "out_of_range"),
        ({"expires_at": (now + timedelta(days=181)).isoformat()}, "out_of_range"),
        ({"expires_at": "0001-01-01T00:00:00+14:00"}, "out_of_range"),
        ({"expires_at": "9999-12-31T23:59:59-14:00"}, "out_of_range"),
        ({"expires_at": "2022-03-01T00:00:00"}, "no_time_zone"),
    ):
        answer = await office.ask("POST", path, office.administrator, json=body)
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, code), body
    for token in (office.token(Role.PROVINCE_ADMINISTRATOR, "51"), office.token(Role.DISTRICT_COORDINATOR, "5001")):
        assert (await office.ask("POST", path, token)).status_code == 404


async def test_the_last_place_of_a_code_is_given_once(office: Office) -> None:
    code = await office.group_code(uses=3)
    answers = await asyncio.gather(*(office.sign_up(group_code=code) for _ in range(10)))
    assert sorted(answer.status_code for answer in answers) == [201] * 3 + [400] * 7
    assert await office.pool.fetchval("SELECT uses_left FROM group_code WHERE code = $1", code) == 0


async def test_a_code_ends_with_its_time_or_by_hand(office: Office) -> None:
    organisation = await office.organisation()
    code = await office.group_code(organisation)
    assert (await office.sign_up(group_code=f" {code.lower().replace('-', ' ')} ")).status_code == 201
    path = f"/v1/organisations/{organisation}/group-codes/{code}"
    stranger = office.token(Role.PROVINCE_ADMINISTRATOR, "51")
    assert (await office.ask("DELETE", path, stranger)).status_code == 404
    assert (await office.ask("DELETE", path, office.administrator)).status_code == 204
    refused = await office.sign_up(group_code=code)
    assert (refused.status_code, refused.json()["errors"][0]["path"]) == (400, "group_code")
    assert (await office.ask("DELETE", f"{path[:-1]}?", office.administrator)).status_code == 404
    expiring = await office.group_code(expires_at=(office.clock.now() + timedelta(hours=1)).isoformat())
    office.clock.advance(timedelta(hours=1))
    assert (await office.sign_up(group_code=expiring)).status_code == 400


async def test_guessing_group_codes_is_stopped(office: Office) -> None:
    for _ in range(100):
        assert (await office.sign_up(group_code="3467-9CDF")).status_code == 400
    stopped = await office.sign_up()
    assert stopped.status_code == 429
    assert 0 < int(stopped.headers["Retry-After"]) <= 600
    office.clock.advance(timedelta(minutes=10))
    office.administrator = office.token(Role.CENTRAL_ADMINISTRATOR, "")
    assert (await office.sign_up()).status_code == 201
