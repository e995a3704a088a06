"""Reading and searching places and institutions as FHIR has it."""

from datetime import timedelta
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import httpx
import pytest

from shared.observability.clock import MovableClock
from tests.integration.facilities.fhir.conftest import CENTRE, VARIANTS, Place

Register = dict[str, str]
HOSPITAL, POINT, TEST, FULL, SUSPENDED, CLOSED, BARE, UNKNOWN, MERGED = VARIANTS
ALL = list(VARIANTS)


async def names(client: httpx.AsyncClient, query: str, kind: str = "Location", **headers: str) -> list[str]:
    """The names of what is found."""
    answer = await client.get(f"/fhir/{kind}?{query}", headers=headers)
    assert answer.status_code == 200, answer.text
    return [entry["resource"]["name"] for entry in answer.json().get("entry", [])]


async def read(client: httpx.AsyncClient, path: str) -> dict[str, Any]:
    answer = await client.get(f"/fhir/{path}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("identifier=10713", [HOSPITAL, POINT]),
        ("identifier=https://jitasa.care/fhir/NamingSystem/official-facility-code|1AB000123", [UNKNOWN]),
        ("identifier=urn:other|10713", []),
        ("name=โรงพยาบาลนคร", [HOSPITAL]),
        ("name=รพ.นครพิงค์,จุดตรวจ", [HOSPITAL, TEST]),
        ("name=นครพิงค์", []),
        ("name:contains=นครพิงค์", [HOSPITAL, POINT]),
        ("name:exact=จุดฉีดวัคซีน นครพิงค์", [POINT]),
        ("name:exact=จุดฉีดวัคซีนนครพิงค์", []),
        ("address-state=กรุงเทพ", [BARE]),
        ("address-state=bangkok", [BARE]),
        ("address-state=10", [BARE]),
        ("address-state=จังหวัดเชียงใหม่&address-city=พระสิงห์", [SUSPENDED]),
        ("address=เขตพระนคร", [BARE]),
        ("address=Phra Nakhon", [BARE]),
        ("address:contains=หาราชวัง", [BARE]),
        ("address-country=th&type=test_point", [TEST]),
        ("address-country=LA", []),
        ("type=HOSP&status=active", [HOSPITAL, FULL, UNKNOWN]),
        ("type=https://jitasa.care/fhir/CodeSystem/facility-kind|hospital", [HOSPITAL]),
        ("type=http://terminology.hl7.org/CodeSystem/v3-RoleCode|hospital", []),
        ("type:not=HOSP,DX,OF", [SUSPENDED, CLOSED, BARE]),
        ("type=temple", []),
        ("status=suspended", [SUSPENDED]),
        ("status=inactive", [CLOSED, MERGED]),
        ("status=inactive&status=active", []),
        ("operational-status=O", [FULL]),
        ("operational-status=U", [HOSPITAL]),
        ("operational-status=C", [SUSPENDED, CLOSED, MERGED]),
        ("operational-status:not=C,O,U", [POINT, TEST, BARE, UNKNOWN]),
        ("organization=Organization/10713", [HOSPITAL, POINT]),
        ("organization=10713&type=OF", [POINT]),
        ("organization=Patient/10713", []),
        ("_lastUpdated=ge2022-02-07", ALL),
        ("_lastUpdated=2022-02-07T09:00:00+07:00", ALL),
        ("_lastUpdated=2022-02-07T09:00", ALL),
        ("_lastUpdated=gt2022-02-07T02:00:00Z", []),
        ("_lastUpdated=gt2022-02-07T01:59:59.999999Z", ALL),
        ("_lastUpdated=ne2022-02", []),
        ("_lastUpdated=eb2022-02-08&_lastUpdated=sa2022-02-06", ALL),
        ("_lastUpdated=lt2022", []),
        ("_lastUpdated=le2022", ALL),
        ("near=18.80|98.98|200|m", [FULL, MERGED]),
        ("near=18.80|98.98|0.2|km&status:not=inactive", [FULL]),
        ("near=13.75|100.5", []),
        ("near=18.80|98.98|1|[mi_us]&type=HOSP", [FULL, MERGED, HOSPITAL, UNKNOWN]),
        ("_sort=name&status=suspended", [SUSPENDED]),
        ("name=", ALL),
        ("name='", []),
    ],
)
async def test_places_are_found(client: httpx.AsyncClient, register: Register, query: str, found: list[str]) -> None:
    assert len(register) == len(VARIANTS)
    assert sorted(await names(client, quote(query, safe="=&"))) == sorted(found)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", [HOSPITAL, UNKNOWN]),
        ("identifier=10713", [HOSPITAL]),
        ("_id=1AB000123,99999", [UNKNOWN]),
        ("name=จุดฉีดวัคซีน", []),  # of two places with one code the hospital speaks
        ("name:contains=นครพิงค์&active=true&type=prov", [HOSPITAL]),
        ("active=false", []),
        ("type=edu", []),
        ("address-state=Chiang Mai", [HOSPITAL, UNKNOWN]),
        ("address-city=500107", [UNKNOWN]),
        ("_lastUpdated=gt2023", []),
    ],
)
async def test_institutions_are_found(
    client: httpx.AsyncClient, register: Register, query: str, found: list[str]
) -> None:
    assert len(register) == len(VARIANTS)
    assert await names(client, quote(query, safe="=&"), "Organization") == found


@pytest.mark.parametrize("query", ["status:not=suspended", "near=18.79|98.98|5|km", "_total=none"])
async def test_pages_lead_to_every_place_once(client: httpx.AsyncClient, register: Register, query: str) -> None:
    whole = await names(client, f"{query}&_count=200")
    page, found = await read(client, f"Location?{query}&_count=2"), []
    assert page.get("total") == (None if "none" in query else len(whole))
    while True:
        links = {link["relation"]: link["url"] for link in page["link"]}
        found += [entry["resource"]["name"] for entry in page["entry"]]
        assert all(entry["fullUrl"].endswith(f"/Location/{entry['resource']['id']}") for entry in page["entry"])
        if "next" not in links:
            break
        page = (await client.get(links["next"])).json()
        assert "total" not in page
    assert found == whole
    assert len(found) >= 6


async def test_the_nearest_come_first_with_their_distance(client: httpx.AsyncClient, register: Register) -> None:
    page = await read(client, "Location?near=18.7990|98.98|5|km&status=active")
    distances = [entry["search"]["extension"][0]["valueDistance"]["value"] for entry in page["entry"]]
    assert page["entry"][0]["resource"]["id"] == register[FULL]
    assert distances == sorted(distances)
    assert distances[0] == pytest.approx(0.111, abs=0.001)


async def test_a_count_alone(client: httpx.AsyncClient, register: Register) -> None:
    for query in ("_summary=count", "_count=0"):
        page = await read(client, f"Location?{query}")
        assert page["total"] == len(register)
        assert [link["relation"] for link in page["link"]] == ["self"]
        assert "entry" not in page
        assert (await read(client, f"Organization?{query}"))["total"] == 2
    assert (await read(client, "Location?near=18.8|98.98|0.2|km&_summary=count"))["total"] == 2


async def test_what_is_not_understood_is_left_out_or_refused_as_the_client_prefers(
    client: httpx.AsyncClient, register: Register
) -> None:
    answer = await client.get(f"/fhir/Location?_id={register[TEST]}&colour=red&_format=json")
    assert answer.json()["total"] == 1
    assert answer.json()["link"][0]["url"].endswith(f"/fhir/Location?_id={register[TEST]}")
    strict = {"Prefer": "return=representation; handling = strict"}
    refused = await client.get("/fhir/Location?colour=red", headers=strict)
    assert refused.status_code == 400
    assert refused.json()["issue"][0]["expression"] == ["http.colour"]
    assert await names(client, f"_id={register[TEST]}", Prefer="handling=strict") == [TEST]


async def test_a_place_as_a_location(client: httpx.AsyncClient, register: Register) -> None:
    hospital = await read(client, f"Location/{register[HOSPITAL]}")
    assert hospital["meta"] == {"versionId": "1", "lastUpdated": "2022-02-07T02:00:00Z"}
    assert hospital["identifier"][0]["value"] == "10713"
    assert (hospital["status"], hospital["operationalStatus"]["code"]) == ("active", "U")
    assert hospital["managingOrganization"] == {"reference": "Organization/10713"}
    assert hospital["hoursOfOperation"] == [
        {"daysOfWeek": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "allDay": True}
    ]
    assert hospital["position"] == {"longitude": 98.9853, "latitude": 18.7883}
    beds = {part["url"]: part["valueUnsignedInt"] for part in hospital["extension"][1]["extension"]}
    assert beds == {"capacity": 200, "free": 12}
    address = hospital["address"]
    assert (address["state"], address["district"], address["city"]) == ("เชียงใหม่", "เมืองเชียงใหม่", "ศรีภูมิ")
    assert address["_state"]["extension"][0]["extension"][1] == {"url": "content", "valueString": "Chiang Mai"}

    point = await read(client, f"Location/{register[POINT]}")
    assert point["extension"][1]["valueUnsignedInt"] == 500  # a day, not beds
    assert point["hoursOfOperation"][0]["closingTime"] == "23:59:59"
    assert point["availabilityExceptions"] == ("2022-04-13: ปิด (สงกรานต์)\n2022-04-14: 09:00-12:00\nวันหยุดราชการ: ปิด")
    assert [each["system"] for each in point["telecom"]] == ["phone", "email", "url"]
    night = await read(client, f"Location/{register[TEST]}")
    assert night["hoursOfOperation"] == [
        {"daysOfWeek": ["sat", "sun"], "openingTime": "20:00:00", "closingTime": "23:59:59"},
        {"daysOfWeek": ["mon", "sun"], "openingTime": "00:00:00", "closingTime": "02:30:00"},
    ]
    bare = await read(client, f"Location/{register[BARE]}")
    left_out = {"position", "telecom", "hoursOfOperation", "operationalStatus", "managingOrganization"}
    assert not left_out & bare.keys()
    assert bare["address"]["text"] == "แขวงพระบรมมหาราชวัง เขตพระนคร กรุงเทพมหานคร"


async def test_a_merged_place_is_inactive_and_refers_to_the_one_that_it_is(
    client: httpx.AsyncClient, register: Register
) -> None:
    merged = await read(client, f"Location/{register[MERGED]}")
    assert (merged["id"], merged["status"]) == (register[MERGED], "inactive")
    assert merged["extension"][-1] == {
        "url": "https://jitasa.care/fhir/StructureDefinition/merged-into",
        "valueReference": {"reference": f"Location/{register[FULL]}"},
    }


async def test_nothing_of_the_register_s_own_keeping_is_told(client: httpx.AsyncClient, register: Register) -> None:
    kept = (await client.get(f"/v1/facilities/{register[HOSPITAL]}")).json()["organisation_id"]
    assert kept
    for path in ("Location", "Organization"):
        assert kept not in (await client.get(f"/fhir/{path}")).text


async def test_a_place_that_is_known_is_not_sent_again(
    client: httpx.AsyncClient, place: Place, clock: MovableClock, register: Register
) -> None:
    assert register
    entered = await client.post("/v1/facilities", json=place(area="600101", position=None), headers=CENTRE)
    path = f"/fhir/Location/{entered.json()['facility_id']}"
    first = await client.get(path)
    assert first.headers["etag"] == 'W/"1"'
    assert first.headers["last-modified"] == "Mon, 07 Feb 2022 02:00:00 GMT"
    known = ({"If-None-Match": 'W/"1"'}, {"If-Modified-Since": first.headers["last-modified"]})
    for headers in known:
        again = await client.get(path, headers=headers)
        assert (again.status_code, again.content) == (304, b"")
    clock.advance(timedelta(seconds=2))
    await client.put(
        path.replace("/fhir/Location", "/v1/facilities"),
        json=place(area="600101", position=None, free=1),
        headers=CENTRE | {"If-Match": '"1"'},
    )
    for headers in known:
        changed = await client.get(path, headers=headers)
        assert (changed.status_code, changed.headers["etag"]) == (200, 'W/"2"')
    organisation = await client.get("/fhir/Organization/10713")
    again = await client.get("/fhir/Organization/10713", headers={"If-None-Match": organisation.headers["etag"]})
    assert again.status_code == 304


@pytest.mark.parametrize(
    ("path", "status", "issue", "parameter"),
    [
        ("Location/0190b1c2-0000-7000-8000-000000000000", 404, "not-found", None),
        ("Location/x", 404, "not-found", None),
        ("Organization/99999", 404, "not-found", None),
        ("Organization/%00", 404, "not-found", None),
        ("Patient", 404, "not-found", None),
        ("CodeSystem/x", 404, "not-found", None),
        ("StructureDefinition/x", 404, "not-found", None),
        ("Location?near=18.79", 400, "invalid", "near"),
        ("Location?near=18.79|98.98|1|league", 400, "invalid", "near"),
        ("Location?near=98.98|18.79|1|km", 400, "invalid", "near"),
        ("Location?near=18.79|98.98|201|km", 400, "invalid", "near"),
        ("Location?near=18.79|98.98,1|2", 400, "invalid", "near"),
        ("Location?near=nan|98.98", 400, "invalid", "near"),
        ("Location?near=,", 400, "invalid", "near"),
        ("Location?near=%00", 400, "invalid", "near"),
        ("Location?status:not=,,", 400, "invalid", "status"),
        ("Organization?_id=,", 400, "invalid", "_id"),
        ("Location?_lastUpdated=yesterday", 400, "invalid", "_lastUpdated"),
        ("Location?_lastUpdated=ap2022", 400, "invalid", "_lastUpdated"),
        ("Location?_lastUpdated=2022-13", 400, "invalid", "_lastUpdated"),
        ("Location?_lastUpdated=9999", 400, "invalid", "_lastUpdated"),
        ("Location?_lastUpdated=0001", 400, "invalid", "_lastUpdated"),
        ("Location?_count=-1", 400, "invalid", "_count"),
        ("Location?_summary=some", 400, "invalid", "_summary"),
        ("Location?_total=most", 400, "invalid", "_total"),
        ("Location?_cursor=AAAA", 400, "invalid", "_cursor"),
        ("Location?_cursor=%C3%A4", 400, "invalid", "_cursor"),
        ("Organization?_cursor=x", 400, "invalid", "_cursor"),
        ("Organization?active=perhaps", 400, "invalid", "active"),
        ("Location?status:above=active", 400, "invalid", "status:above"),
        ("Location?name=" + 301 * "a", 400, "invalid", "name"),
        ("Location?address=a,b,c,d,e,f", 400, "invalid", "address"),
        ("Location?_id=" + ",".join(201 * "a"), 400, "invalid", "_id"),
        ("Location?" + "&".join(21 * ["name=a"]), 400, "invalid", "name"),
        ("Location?_format=xml", 406, "not-supported", None),
    ],
)
async def test_what_goes_wrong_is_told_as_an_operation_outcome(
    client: httpx.AsyncClient, path: str, status: int, issue: str, parameter: str | None
) -> None:
    client.headers.pop("Authorization")
    answer = await client.get(f"/fhir/{path}")
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/fhir+json")
    told = answer.json()
    assert told["resourceType"] == "OperationOutcome"
    assert told["issue"][0]["code"] == issue
    assert told["issue"][0].get("expression") == (parameter and [f"http.{parameter}"])
    assert answer.headers["content-language"] == "en"


async def test_only_json_is_spoken_and_nothing_can_be_changed(client: httpx.AsyncClient) -> None:
    for accept, status in (
        ("application/fhir+xml", 406),
        ("application/fhir+json;fhirVersion=4.0", 200),
        ("*/*", 200),
        ("application/fhir+xml, application/json", 200),
    ):
        assert (await client.get("/fhir/metadata", headers={"Accept": accept})).status_code == status, accept
    refused = await client.post("/fhir/Location", json={"resourceType": "Location"})
    assert (refused.status_code, refused.json()["issue"][0]["code"]) == (405, "not-supported")
    assert (await client.get("/v1/unknown")).headers["content-type"] == "application/problem+json"


async def test_an_address_that_asks_too_often_is_told_to_wait(client: httpx.AsyncClient) -> None:
    transport: Any = client._transport

    class Spent:
        def wait(self, _: str) -> int:
            return 7

    transport.app.state.allowance = Spent()
    transport.client = ("10.0.0.1", 1)
    for path in ("Location", f"Location/{uuid4()}", "Organization", "Organization/10713", "metadata"):
        refused = await client.get(f"/fhir/{path}")
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "7")
        assert refused.json()["issue"][0]["code"] == "throttled"


async def test_what_the_interface_says_of_itself_is_so(client: httpx.AsyncClient, register: Register) -> None:
    """Every parameter of the CapabilityStatement is understood where the client wants no other."""
    statement = await read(client, "metadata")
    values = {"near": "18.79|98.98", "_lastUpdated": "2022", "active": "true"}
    asked = 0
    for resource in statement["rest"][0]["resource"]:
        for parameter in resource.get("searchParam", ()):
            query = f"{parameter['name']}={values.get(parameter['name'], 'a')}"
            answer = await client.get(f"/fhir/{resource['type']}?{query}", headers={"Prefer": "handling=strict"})
            assert answer.status_code == 200, query
            asked += 1
    assert asked == 23
    assert register
