"""Following changes by `_lastUpdated`: whoever asks again from the moment that he was told loses none."""

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx

from services.facilities.domain.places import Content
from services.facilities.store import places
from services.facilities.store.horizon import MARGIN
from services.facilities.store.places import Actor
from shared.contracts.events import FacilityKind, Role
from shared.postgres.pool import acquire
from tests.integration.facilities.fhir.conftest import CENTRE, Place

READ_BEFORE = timedelta(seconds=5)
"""So long before its transaction began a change's clock was read."""


def told_until(answer: httpx.Response) -> datetime:
    return datetime.fromisoformat(answer.json()["meta"]["lastUpdated"])


async def test_what_is_under_way_while_somebody_asks_he_is_told_the_next_time(
    client: httpx.AsyncClient, pool: Any
) -> None:
    actor, slow = Actor(uuid4(), None, Role.CENTRAL_ADMINISTRATOR, ""), uuid4()
    content = Content(FacilityKind.WAITING_CENTRE, "ศูนย์พักคอย ช้า", "500101", official_code="00791")
    async with acquire(pool) as other, other.transaction():
        began = await other.fetchval("SELECT now()")
        async with acquire(pool) as quick, quick.transaction():
            await places.create(quick, uuid4(), Content(content.kind, "ศูนย์พักคอย เร็ว", "500102"), actor, began)
        asked = [await client.get(f"/fhir/{kind}") for kind in ("Location", "Organization")]
        await places.create(other, slow, content, actor, began - READ_BEFORE)
    assert [told_until(answer) for answer in asked] == 2 * [began.replace(second=0, microsecond=0) - MARGIN]
    assert str(slow) not in asked[0].text
    since = asked[0].json()["meta"]["lastUpdated"]
    followed = (await client.get("/fhir/Location", params={"_lastUpdated": f"ge{since}"})).json()
    assert str(slow) in {entry["resource"]["id"] for entry in followed["entry"]}
    assert (await client.get("/fhir/Organization", params={"_lastUpdated": f"ge{since}"})).json()["total"] == 1


async def test_the_moment_is_the_first_page_s(client: httpx.AsyncClient, pool: Any, place: Place) -> None:
    """What changes while somebody reads on may be behind him; the moment of a later page would pass it over."""
    for area in ("500103", "500104"):
        assert (await client.post("/v1/facilities", json=place(area=area, position=None))).status_code == 201
    first = await client.get("/fhir/Location?_count=1")
    assert told_until(first) <= await pool.fetchval("SELECT now()") - MARGIN
    links = {link["relation"]: link["url"] for link in first.json()["link"]}
    assert "meta" not in (await client.get(links["next"])).json()


async def test_of_an_institution_the_etag_alone_tells_what_is_known(
    client: httpx.AsyncClient, place: Place, clock: Any
) -> None:
    """When the place that was changed last leaves a code, the last change is one of before."""
    code, left = "00792", {}
    for kind in ("hospital", "vaccination_point"):
        body = place(kind=kind, official_code=code, free=None, name=f"โรงพยาบาล {kind}")
        left = (await client.post("/v1/facilities", json=body, headers=CENTRE)).json()
        clock.advance(timedelta(hours=1))
    path = f"/fhir/Organization/{code}"
    before = await client.get(path)
    seen = {"If-Match": f'"{left["revision"]}"'}
    moved = await client.put(f"/v1/facilities/{left['facility_id']}", json=left | {"official_code": None}, headers=seen)
    assert moved.status_code == 200, moved.text
    after = await client.get(path, headers={"If-Modified-Since": before.headers["last-modified"]})
    assert after.status_code == 200
    assert after.json()["meta"]["lastUpdated"] < before.json()["meta"]["lastUpdated"]
    assert after.headers["etag"] != before.headers["etag"]
    known = {"If-None-Match": after.headers["etag"], "If-Modified-Since": before.headers["last-modified"]}
    assert (await client.get(path, headers=known)).status_code == 304
