"""Coverage by coordinators, their contacts, requests for help with registering, and the names of areas."""

import csv
import io
import json
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.registration.http import coordinators, registration_help
from services.registration.http.coordinators import safe_cell
from services.registration.store.coordinators import COVERAGE
from services.registration.store.presence import Presence
from shared.areas.register import children, provinces, subdistricts
from shared.contracts.events import Role
from tests.integration.registration.conftest import Office, Phones, new_phone


async def appointed(office: Office, area: str, phone: str | None = None) -> str:
    """The id of a new coordinator of a district or subdistrict."""
    body = {
        "name": f"ผู้ประสานงาน {area}",
        "phone": phone or new_phone(),
        "role": "district_coordinator" if len(area) == 4 else "subdistrict_coordinator",
        "area": area,
        "organisation_id": await office.organisation(area[:2]),
    }
    answer = await office.ask("POST", "/v1/appointments", office.administrator, json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["volunteer_id"])


async def coverage(office: Office, **parameters: str) -> dict[str, Any]:
    token = office.token(Role.CENTRAL_ADMINISTRATOR, "")
    answer = await office.ask("GET", "/v1/coordinators/coverage", token, params=parameters)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def test_coverage_follows_who_is_active(office: Office, phones: Phones) -> None:
    phone = new_phone()
    await appointed(office, "710101", phone)
    await appointed(office, "710102")
    lacking = await coverage(office, area="7101", level="subdistrict")
    assert lacking["counts"] == {"total": 13, "covered": 0, "inactive": 2, "none": 11}
    by_code = {row["area"]: row for row in lacking["rows"]}
    assert (by_code["710101"]["state"], by_code["710101"]["last_active_day"]) == ("inactive", None)
    assert (by_code["710103"]["state"], by_code["710103"]["coordinators"]) == ("none", 0)

    # A sign-in is activity; so is any other use of the system with a token.
    await office.ask("POST", "/v1/codes", json={"phone": phone})
    code = (await phones.next()).code
    granted = await office.tokens(grant_type="urn:jitasa:one-time-code", phone=phone, code=str(code))
    assert granted.status_code == 200
    await office.presence.write()
    one = await coverage(office, area="7101", level="subdistrict", state="covered")
    assert [(row["area"], row["last_active_day"]) for row in one["rows"]] == [("710101", "2022-02-05")]
    assert (one["counts"]["covered"], one["counts"]["inactive"]) == (1, 1)
    assert [(each["area"], each["none"]) for each in one["provinces"]] == [("71", 11)]

    office.clock.advance(timedelta(days=14))
    assert (await coverage(office, area="7101", level="subdistrict"))["counts"]["covered"] == 1
    office.clock.advance(timedelta(days=1))
    assert (await coverage(office, area="7101", level="subdistrict"))["counts"]["covered"] == 0


async def test_whoever_uses_the_system_is_noted_once_a_day(office: Office) -> None:
    person = UUID(await appointed(office, "720101"))
    program = uuid4()
    for subject in (person, person, program):
        token = office.token(Role.SUBDISTRICT_COORDINATOR, "720101", subject)
        assert (await office.ask("GET", "/v1/coordinators", token)).status_code == 200
    await office.presence.write()
    select = "SELECT xmin::text, last_active_day FROM active_day WHERE person_id = ANY($1)"
    (first,) = await office.pool.fetch(select, [person, program])
    # Another process notes the same person again, and nothing is written.
    other = Presence(office.pool)
    other.note(person, office.clock.now())
    await other.write()
    assert [tuple(row) for row in await office.pool.fetch(select, [person])] == [tuple(first)]


async def test_a_suspended_coordinator_covers_nothing(office: Office) -> None:
    person = await appointed(office, "7201")
    assert (await coverage(office, area="7201"))["counts"]["none"] == 0
    await office.suspend(person)
    assert (await coverage(office, area="7201"))["counts"]["none"] == 1


async def test_the_whole_country_comes_page_by_page(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = await coverage(office, level="subdistrict", state="all")
    assert whole["counts"]["total"] == len(subdistricts()) == sum(each["total"] for each in whole["provinces"])
    assert [each["area"] for each in whole["provinces"]] == [each.code for each in provinces()]
    monkeypatch.setattr(coordinators, "MOST_AREAS", 5)
    seen, cursor = [], None
    while True:
        page = await coverage(
            office, area="7203", level="subdistrict", state="all", **({"cursor": cursor} if cursor else {})
        )
        seen += [row["area"] for row in page["rows"]]
        if (cursor := page["cursor"]) is None:
            break
    assert seen == [each.code for each in children("7203")]


async def test_coverage_is_read_from_the_index_of_coordinators_and_not_from_all_persons(office: Office) -> None:
    async with office.pool.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL enable_seqscan = off")  # the table of this test is too small for an index
        await connection.execute("SET LOCAL plan_cache_mode = force_generic_plan")  # one for all roles
        await connection.execute(f"PREPARE held AS {COVERAGE}")
        plan = "\n".join(row[0] for row in await connection.fetch("EXPLAIN EXECUTE held('district_coordinator', '')"))
        await connection.execute("DEALLOCATE held")
    assert "person_coordinator on person" in plan


async def test_coverage_can_be_exported(office: Office) -> None:
    await appointed(office, "730101")
    answer = await office.ask(
        "GET", "/v1/coordinators/coverage.csv", office.administrator, params={"area": "73", "level": "subdistrict"}
    )
    assert answer.content.startswith("\ufeff".encode())
    assert answer.headers["content-disposition"] == 'attachment; filename="coordinators-73-subdistrict-2022-02-05.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert [row["area"] for row in rows] == [each.code for each in subdistricts("73")]
    assert (rows[0]["province"], rows[0]["state"], rows[0]["coordinators"]) == ("นครปฐม", "inactive", "1")
    assert [safe_cell(text) for text in ("=1+1", "@x", "-2", "730101", "")] == ["'=1+1", "'@x", "'-2", "730101", ""]


async def test_contacts_are_for_those_entitled_and_recorded(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coordinators, "PAGE_SIZE", 2)
    phone = new_phone()
    first = await appointed(office, "7401", phone)
    others = [await appointed(office, area) for area in ("740101", "740102")]
    reader = uuid4()
    entitled = office.token(Role.PROVINCE_ADMINISTRATOR, "74", reader)
    page = (await office.ask("GET", "/v1/coordinators", entitled)).json()
    assert (page["contacts"], page["coordinators"][0]["phone"]) == (True, phone)
    assert page["coordinators"][0]["name"] == "ผู้ประสานงาน 7401"
    rest = (await office.ask("GET", "/v1/coordinators", entitled, params={"cursor": page["cursor"]})).json()
    assert [one["volunteer_id"] for one in [*page["coordinators"], *rest["coordinators"]]] == [first, *others]
    assert rest["cursor"] is None
    audited = await office.pool.fetch("SELECT persons FROM personal_data_access WHERE reader = $1", reader)
    assert {str(person) for row in audited for person in row["persons"]} == {first, *others}

    volunteer = uuid4()
    seen = await office.ask("GET", "/v1/coordinators", office.token(Role.VOLUNTEER, "740101", volunteer))
    (one,) = seen.json()["coordinators"]
    assert (one["role"], one["area"], one["active"]) == ("subdistrict_coordinator", "740101", False)
    assert [one[name] for name in ("volunteer_id", "name", "phone", "organisation")] == [None] * 4
    assert await office.pool.fetchval("SELECT count(*) FROM personal_data_access WHERE reader = $1", volunteer) == 0


@pytest.mark.parametrize(
    ("path", "parameters", "status"),
    [
        ("coverage", {"area": "75"}, 403),
        ("coverage.csv", {"area": "7402"}, 403),
        ("", {"area": "74"}, 403),
        ("coverage", {"area": "740101", "level": "district"}, 400),
        ("coverage", {"area": "999999"}, 400),
        ("coverage", {"state": "happy"}, 400),
        ("coverage", {"cursor": "bm9uZQ=="}, 400),
        ("", {"cursor": "WyI3NDAxIiwgIngiXQ=="}, 400),
    ],
)
async def test_what_cannot_be_asked(office: Office, path: str, parameters: dict[str, str], status: int) -> None:
    token = office.token(Role.DISTRICT_COORDINATOR, "7401")
    answer = await office.ask("GET", f"/v1/coordinators/{path}".rstrip("/"), token, params=parameters)
    assert answer.status_code == status


async def test_help_is_asked_for_once_and_closed_once(office: Office) -> None:
    phone = new_phone()
    body = {"name": "คุณยายมาลี", "phone": phone, "area": "750101"}
    told = [
        await office.ask("POST", "/v1/registration-help", json=body | {"name": name}) for name in ("คุณยายมาลี", "อีกคน")
    ]
    assert [(answer.status_code, answer.json()) for answer in told] == [(202, {"status": "waiting"})] * 2
    reader = uuid4()
    coordinator = office.token(Role.SUBDISTRICT_COORDINATOR, "750101", reader)
    (one,) = (await office.ask("GET", "/v1/registration-help", coordinator)).json()["requests"]
    assert (one["name"], one["phone"], one["area"]) == ("คุณยายมาลี", phone, "750101")
    assert await office.pool.fetchval("SELECT purpose FROM personal_data_access WHERE reader = $1", reader)
    kept = await office.pool.fetchval("SELECT to_jsonb(t)::text FROM registration_help AS t WHERE area = '750101'")
    assert phone not in kept
    assert json.dumps("มาลี")[1:-1] not in kept

    path = f"/v1/registration-help/{one['request_id']}/closing"
    elsewhere = office.token(Role.DISTRICT_COORDINATOR, "7502")
    assert (await office.ask("POST", path, elsewhere, json={"outcome": "registered"})).status_code == 404
    closings = [
        (await office.ask("POST", path, coordinator, json={"outcome": outcome})).json()["outcome"]
        for outcome in ("registered", "not_reached")
    ]
    assert closings == ["registered", "registered"]
    assert (await office.ask("GET", "/v1/registration-help", coordinator)).json()["requests"] == []
    row = await office.pool.fetchrow("SELECT ciphertext, wrapped_key FROM registration_help WHERE area = '750101'")
    assert row is not None
    assert tuple(row) == (None, None)
    assert (await office.ask("POST", "/v1/registration-help", json=body)).status_code == 202
    assert len((await office.ask("GET", "/v1/registration-help", coordinator)).json()["requests"]) == 1


async def test_help_is_bounded(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    body = {"name": "คุณตา", "area": "760101"}
    phone = new_phone()
    statuses = [
        (await office.ask("POST", "/v1/registration-help", json=body | {"phone": phone})).status_code for _ in range(6)
    ]
    assert statuses == [202] * 5 + [429]
    for changes, path in (({"area": "7601"}, "area"), ({"phone": "12"}, "phone"), ({"name": ""}, "name")):
        answer = await office.ask("POST", "/v1/registration-help", json={"phone": new_phone(), **body, **changes})
        assert (answer.status_code, answer.json()["errors"][0]["path"]) == (400, path)
    monkeypatch.setattr(registration_help, "PAGE_SIZE", 1)
    await office.ask("POST", "/v1/registration-help", json=body | {"phone": new_phone()})
    seen, cursor = set(), None
    for _ in range(2):
        page = await office.ask(
            "GET",
            "/v1/registration-help",
            office.administrator,
            params={"area": "76", **({"cursor": cursor} if cursor else {})},
        )
        seen |= {one["request_id"] for one in page.json()["requests"]}
        cursor = page.json()["cursor"]
    assert len(seen) == 2
    assert (await office.ask("GET", "/v1/registration-help", office.token(Role.VOLUNTEER, "76"))).status_code == 403


async def test_areas_are_named_and_kept_by_browsers(office: Office) -> None:
    listed = await office.ask("GET", "/v1/areas")
    assert len(listed.json()) == 77
    assert listed.headers["cache-control"] == "public, max-age=86400"
    again = await office.client.get("/v1/areas", headers={"If-None-Match": listed.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    (first, *_) = (await office.ask("GET", "/v1/areas", params={"within": "5001"})).json()
    assert (first["code"], first["name_th"]) == ("500101", "ศรีภูมิ")
    assert (await office.ask("GET", "/v1/areas", params={"within": "500101"})).json() == []
    assert (await office.ask("GET", "/v1/areas", params={"within": "99"})).status_code == 400
