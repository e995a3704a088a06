"""Requests for help: citizens prove their phones and ask; volunteers of the district accept, help, and close; some ask
in vain so far, some need it no more."""

from collections.abc import Iterator, Sequence
from itertools import count
from random import Random
from typing import Final
from uuid import UUID

from deploy.demo.client import Client, Patience, Session, SmsSink, by_proof
from deploy.demo.names import family_name, person_name
from deploy.demo.plan import Call, Json, Volunteer
from deploy.demo.positions import position_near
from deploy.demo.truth import Figures, tally
from deploy.local.addresses import Addresses
from shared.areas.register import children
from shared.contracts.events import HelpStatus, VolunteerStatus

CALLS: Final = 60
"""About one for each province; a small campaign has fewer districts with volunteers, and fewer calls."""
MOST_CALLS: Final = 5_000
"""Phone numbers set aside for one run."""

_KINDS: Final = ("oxygen", "bed", "medicine", "food", "transport", "vaccine_at_home", "advice", "other")
_ENDS: Final = (
    HelpStatus.WAITING,
    HelpStatus.ACCEPTED,
    HelpStatus.HELPING,
    HelpStatus.DONE,
    HelpStatus.CANCELLED,
)
_WEIGHTS: Final = (3, 2, 2, 6, 1)
_STEPS: Final = {
    HelpStatus.WAITING: (),
    HelpStatus.ACCEPTED: ("acceptance",),
    HelpStatus.HELPING: ("acceptance", "beginning"),
    HelpStatus.DONE: ("acceptance", "beginning", "closing"),
    HelpStatus.CANCELLED: (),
}
SHOWN: Final = frozenset({HelpStatus.WAITING, HelpStatus.ACCEPTED, HelpStatus.HELPING, HelpStatus.DONE})
"""The statuses that reporting tells of; all of them together are what was asked."""


def calls_of(random: Random, volunteers: Sequence[Volunteer], run: int) -> Iterator[Call]:
    """Requests in the districts of volunteers who can help."""
    ready = [
        index
        for index, one in enumerate(volunteers)
        if one.status is VolunteerStatus.APPROVED and len(one.area) == 4 and children(one.area)
    ]
    numbers = count(run * MOST_CALLS)
    for index in random.sample(ready, min(CALLS, len(ready))):
        district = volunteers[index].area
        latitude, longitude = position_near(random, district)
        sex = random.choice("mf")
        yield Call(
            request_id=str(UUID(int=random.getrandbits(128), version=4)),
            phone=f"06{next(numbers) * 7_368_787 % 10**8:08d}",
            name=person_name(random, sex, random.randint(20, 80), family_name(random)),
            kind=random.choice(_KINDS),
            area=random.choice(children(district)).code,
            people=random.randint(1, 6),
            position={"lat": latitude, "lon": longitude, "accuracy_m": float(random.randint(5, 60))},
            volunteer=index,
            ends=random.choices(_ENDS, _WEIGHTS)[0],
        )


def figures_of(calls: Sequence[Call]) -> dict[str, Figures]:
    """What the figures of these requests must be, by subdistrict."""
    asked = [(call.area, "help.asked") for call in calls]
    return tally([*asked, *((call.area, f"help.{call.ends}") for call in calls if call.ends in SHOWN)])


class Caller:
    """Asks for help, and has it come as far as the plan says."""

    def __init__(self, client: Client, addresses: Addresses, sink: SmsSink) -> None:
        self._client = client
        self._addresses = addresses
        self._sink = sink

    async def play(self, call: Call, volunteer: Session) -> None:
        """One request from the asking to where it ends. Every step may be repeated without harm."""
        citizen = by_proof(self._client, self._addresses.registration, self._sink, call.phone)
        body: Json = {
            "request_id": call.request_id,
            "kind": call.kind,
            "people": call.people,
            "area": call.area,
            "phone": call.phone,
            "name": call.name,
            "position": call.position,
        }
        await self._step("", body, citizen)
        for step in _STEPS[call.ends]:
            closing: Json | None = {"outcome": "helped"} if step == "closing" else None
            await self._step(f"/{call.request_id}/{step}", closing, volunteer)
        if call.ends is HelpStatus.CANCELLED:
            await self._step(f"/{call.request_id}/cancellation", None, citizen)

    async def _step(self, path: str, body: Json | None, session: Session) -> None:
        url = f"{self._addresses.survey}/v1/help-requests{path}"
        patience = Patience(f"POST {url}")
        while True:
            answer = await self._client.send("POST", url, body=body, session=session)
            if answer.status_code in (200, 201):
                return
            await patience.wait(f"HTTP {answer.status_code}: {answer.text[:200]}")
