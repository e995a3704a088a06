"""Who works while things are lost: volunteers that send visits, and an office that enters and changes places."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any, Final, Self
from uuid import uuid4

import httpx
import msgspec

from deploy.demo.client import Client as DemoClient
from deploy.demo.client import by_secret
from deploy.demo.player import AGAIN
from deploy.local.stack import Stack
from shared.security.tokens import TokenSigner
from tests.bench.setting import volunteer_token
from tests.bench.submissions import submissions

BATCH: Final = 20
PAUSE_SECONDS: Final = 0.1
PATIENCE_SECONDS: Final = 60.0
LATER: Final = timedelta(minutes=1)
"""After the former visit; as far as phones' clocks may be ahead, so that a house may be visited again a few times."""
MOST: Final = 50_000
"""Visits of one field; no test comes near."""


class Field:
    """The volunteers and the office of one stack. `accepted` are the ids of visits that were answered 202."""

    def __init__(self, seed: int) -> None:
        self.accepted: set[str] = set()
        self.bodies: dict[str, bytes] = {}
        self._visits = submissions(MOST, seed)
        self._client = httpx.AsyncClient(timeout=30)
        self._survey = self._facilities = ""
        self._headers: dict[str, str] = {}
        self._office: dict[str, str] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def meet(self, stack: Stack) -> None:
        """Work with this stack from now on."""
        addresses = await asyncio.to_thread(stack.addresses)
        self._survey, self._facilities = addresses.survey, addresses.facilities
        signer = TokenSigner.from_file(stack.secrets.signing_keys, issuer=addresses.registration)
        self._headers = {"authorization": f"Bearer {volunteer_token(signer, 0)}"}
        async with DemoClient() as client:
            office = by_secret(client, addresses.registration, addresses.client_id, addresses.client_secret)
            self._office = {"authorization": f"Bearer {await office.token()}"}

    async def visit(self, number: int) -> set[str]:
        """Send so many visits; their ids. Each is accepted."""
        sent = set()
        for body in itertools.islice(self._visits, number):
            submission_id = msgspec.json.decode(body)["submission_id"]
            self.bodies[submission_id] = body
            sent.add(submission_id)
        await self.send(sent)
        return sent

    async def visit_again(self, ids: Iterable[str]) -> set[str]:
        """Send another visit to the house of each of these, at a later time and with one person more; their ids."""
        again = set()
        for one in sorted(ids):
            former = msgspec.json.decode(self.bodies[one])
            captured_at = datetime.fromisoformat(former["captured_at"]) + LATER
            more = {"age": 50, "sex": "f", "wants_vaccine": "yes", "reasons": ["hard_to_reach"]}
            visit = {**former, "submission_id": str(uuid4()), "captured_at": captured_at.isoformat()}
            visit["persons"] = [*former["persons"], more]
            self.bodies[visit["submission_id"]] = msgspec.json.encode(visit)
            again.add(visit["submission_id"])
        await self.send(again)
        return again

    async def send(self, ids: Iterable[str]) -> None:
        """Send visits, once more if they were sent before, until each is accepted. Raises AssertionError when one is
        refused, TimeoutError when it takes too long."""
        in_order = sorted(ids)
        for first in range(0, len(in_order), BATCH):
            left = set(in_order[first : first + BATCH])
            async with asyncio.timeout(PATIENCE_SECONDS):
                while left:
                    left -= await self._sent(sorted(left))
                    await asyncio.sleep(PAUSE_SECONDS if left else 0)

    async def _sent(self, batch: list[str]) -> set[str]:
        """Those that were accepted; the others are to be sent again."""
        body = b'{"submissions":[%s]}' % b",".join(self.bodies[one] for one in batch)
        try:
            answer = await self._client.post(
                f"{self._survey}/v1/submissions:batch", content=body, headers=self._headers
            )
        except httpx.TransportError:  # nobody is there
            return set()
        if answer.status_code in AGAIN:
            return set()
        results = answer.json()["results"]
        assert {one["status"] for one in results} <= {202, *AGAIN}, answer.text
        accepted = {one["submission_id"] for one in results if one["status"] == 202}
        self.accepted |= accepted
        return accepted

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """Visits all the time; in the end each that was sent is accepted."""
        resting = asyncio.Event()

        async def work() -> None:
            while not resting.is_set():
                await self.visit(BATCH)
                await asyncio.sleep(PAUSE_SECONDS)

        async with asyncio.TaskGroup() as group:
            group.create_task(work())
            try:
                yield
            finally:
                resting.set()

    async def not_known(self, ids: Iterable[str]) -> set[str]:
        """Those of which the service says that it does not know what became of them."""
        unknown = set()
        for one in ids:
            answer = await self._client.get(f"{self._survey}/v1/submissions/{one}", headers=self._headers)
            if answer.json()["status"] == "not_known_yet":
                unknown.add(one)
        return unknown

    async def enter_place(self, name: str) -> str:
        """A new place; its id."""
        body = {"facility_id": str(uuid4()), **_place(name)}
        answer = await self._client.post(f"{self._facilities}/v1/facilities", json=body, headers=self._office)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["facility_id"])

    async def change_place(self, facility_id: str, name: str) -> int:
        """Give a place another name; its revision then."""
        url = f"{self._facilities}/v1/facilities/{facility_id}"
        seen = await self._client.get(url, headers=self._office)
        headers = {**self._office, "if-match": seen.headers["etag"]}
        answer = await self._client.put(url, json=_place(name), headers=headers)
        assert answer.status_code == 200, answer.text
        return int(answer.json()["revision"])


def _place(name: str) -> dict[str, Any]:
    return {
        "kind": "vaccination_point",
        "name": name,
        "area": "500101",
        "position": {"lat": 18.79, "lon": 98.985},
        "status": "open",
    }
