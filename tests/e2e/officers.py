"""What place officers do, beside what a test looks at: they sign in, and enter places by the interface."""

import json
from typing import Any, Final

from tests.e2e.accessibility import violations_of
from tests.e2e.visitors import Office, Visitor, authorization

AREA: Final = "950101"
"""Yala, where no other test of the browser enters places."""


async def new_officer(office: Office) -> str:
    """What the tab of a new officer keeps who is signed in."""
    tokens = await office.tokens(await office.officer("95"))
    return json.dumps({"access": tokens["access_token"], "refresh": tokens["refresh_token"], "expires": 10**15})


async def enter(office: Office, kept: str, name: str, **changes: Any) -> dict[str, Any]:
    """A new place of the officer."""
    body = {"kind": "waiting_centre", "name": name, "area": AREA, "capacity": 20, "free": 4} | changes
    address = f"{office.addresses.facilities}/v1/facilities"
    answer = await office.client.post(address, json=body, headers=authorization(json.loads(kept)["access"]))
    assert answer.status_code == 201, answer.text
    document: dict[str, Any] = answer.json()
    return document


async def registered(office: Office, facility_id: str) -> dict[str, Any]:
    """A place as the register has it now."""
    document: dict[str, Any] = (
        await office.client.get(f"{office.addresses.facilities}/v1/facilities/{facility_id}")
    ).json()
    return document


async def fits(visitor: Visitor) -> None:
    """Accessible, and no wider than the screen, on a small phone and on a desk."""
    for width in (1440, 360):
        await visitor.page.set_viewport_size({"width": width, "height": 800})
        assert await visitor.page.evaluate("document.documentElement.scrollWidth") == width
        assert await violations_of(visitor.page) == []
