"""A place that is changed over HTTP is told live, and the figures are the register's own at every step."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final
from uuid import uuid4

import httpx

from deploy.local.stack import Stack
from tests.e2e.visitors import Office, authorization

AREA: Final = "930101"
"""Phatthalung, where no other test enters places."""

PATIENCE_SECONDS: Final = 30.0
"""By our own measure it takes under 2 s, on a machine that has nothing else to do."""


class Watched:
    """The live stream and reporting's answers, as a browser has them."""

    def __init__(self, client: httpx.AsyncClient, lines: AsyncIterator[str]) -> None:
        self._client = client
        self._lines = lines

    async def shows(self, places: dict[str, dict[str, Any]]) -> None:
        """Waits until what is shown of the area are these places as the register answered them, and nothing else.

        Asked again only when the stream tells of the area: a change of which it is silent is never found.
        """
        async with asyncio.timeout(PATIENCE_SECONDS):
            while await self._places() != {key: _shown(place) for key, place in places.items()}:
                await self._told()
        assert await self._statuses() == _counted(places)

    async def _told(self) -> None:
        while True:
            line = await anext(self._lines)
            if line.startswith("data: "):
                areas = json.loads(line.removeprefix("data: "))["places"]
                if areas is None or AREA in areas:
                    return

    async def _places(self) -> dict[str, dict[str, Any]]:
        answer = await self._client.get("/v1/places", params={"area": AREA})
        return {each["facility_id"]: _shown(each) for each in answer.json()["items"]}

    async def _statuses(self) -> dict[str, dict[str, int]]:
        answer = await self._client.get("/v1/freshness", params={"area": AREA, "level": "subdistrict"})
        return {kind: each["statuses"] for row in answer.json()["rows"] for kind, each in row["kinds"].items()}


def _shown(place: dict[str, Any]) -> dict[str, Any]:
    return {name: place[name] for name in ("kind", "name", "status", "updated_at", "confirmed_at")}


def _counted(places: dict[str, dict[str, Any]]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for place in places.values():
        statuses = found.setdefault(place["kind"], {})
        statuses[place["status"]] = statuses.get(place["status"], 0) + 1
    return found


@asynccontextmanager
async def watching(stack: Stack) -> AsyncIterator[Watched]:
    async with (
        httpx.AsyncClient(base_url=stack.addresses().reporting, timeout=PATIENCE_SECONDS, trust_env=False) as client,
        client.stream("GET", "/v1/live") as response,
    ):
        yield Watched(client, response.aiter_lines())


async def test_a_place_changed_over_http_is_told_live_and_counted_exactly(stack: Stack, office: Office) -> None:
    tokens = await office.tokens(await office.officer(AREA[:2]))
    headers = authorization(tokens["access_token"])
    places: dict[str, dict[str, Any]] = {}

    async def send(method: str, path: str, body: Any = None, **more: str) -> dict[str, Any]:
        address = f"{office.addresses.facilities}/v1/facilities{path}"
        answer = await office.client.request(method, address, json=body, headers=headers | more)
        assert answer.is_success, answer.text
        document: dict[str, Any] = answer.json()
        places[document["facility_id"]] = document
        return document

    def place(kind: str, name: str) -> dict[str, Any]:
        return {"facility_id": str(uuid4()), "kind": kind, "name": name, "area": AREA, "capacity": 20}

    async with watching(stack) as reporting:
        point = await send("POST", "", place("vaccination_point", "จุดฉีดวัคซีนศาลากลาง"))
        twice = await send("POST", "", place("vaccination_point", "จุดฉีดวัคซีน ศาลากลางจังหวัด"))
        temple = await send("POST", "", place("cremation_temple", "วัดตัวอย่าง"))
        await reporting.shows(places)

        await send("POST", f"/{point['facility_id']}/confirmation")
        await send("POST", f"/{temple['facility_id']}/confirmation")
        await reporting.shows(places)

        path = f"/{twice['facility_id']}"
        merged = await send("POST", f"{path}/merger", {"into": point["facility_id"]}, **{"If-Match": '"1"'})
        assert merged["status"] == "closed"
        await reporting.shows(places)

        parted = await send("DELETE", f"{path}/merger")
        await reporting.shows(places)
        await send("PUT", path, parted | {"status": "open"}, **{"If-Match": f'"{parted["revision"]}"'})
        closed = places[temple["facility_id"]] | {"status": "closed"}
        await send("PUT", f"/{temple['facility_id']}", closed, **{"If-Match": '"2"'})
        await reporting.shows(places)

    assert _counted(places) == {"vaccination_point": {"open": 2}, "cremation_temple": {"closed": 1}}
    counts = await office.client.get(
        f"{office.addresses.facilities}/v1/counts", headers=authorization(office.administrator)
    )
    own = [row for row in counts.json() if row["area"] == AREA]
    assert sorted((row["kind"], row["status"], row["places"]) for row in own) == [
        ("cremation_temple", "closed", 1),
        ("vaccination_point", "open", 2),
    ]
