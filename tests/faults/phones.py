"""Phones that send visits in batches, and follow-ups of some of them, and send again, with the same ids, whatever is
not yet accepted."""

import asyncio
import itertools
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from random import Random
from time import monotonic
from typing import Any, Final
from uuid import UUID

import msgspec

from deploy.demo.client import Client, Patience
from deploy.demo.player import AGAIN
from shared.security.keyed_ids import HouseholdIds
from shared.security.spelling import words_of
from tests.bench.submissions import submissions
from tests.faults.road import Road

FOLLOWED: Final = 0.5
"""Of the households with somebody who wants vaccine."""
PROGRESS_SECONDS: Final = 60.0
"""A phone waits 5 s at most before it sends again; a request that was swallowed is given up after 20 s."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How much is sent: by default some 200 visits a second, enough to be met in the middle of."""

    phones: int = 6
    batch: int = 10
    every_seconds: float = 0.25
    """From one batch of a phone to its next, unless the first is not accepted so soon."""
    most: int = 100_000
    """Visits of one load; it ends long before."""


class Phones:
    """A load that goes on from `run` until `finish`."""

    def __init__(self, port: int, token: str, seed: int, household_ids: HouseholdIds, pace: Pace = Pace()) -> None:
        """household_ids: as the survey makes them, so that follow-ups meet its persons."""
        self.offered: set[str] = set()
        self.accepted: set[str] = set()
        self.accepted_of = 0.0
        """When the last request was sent that brought a 202. Its answer may come much later: it waits for every visit
        of the batch, also for those whose records Kafka has not yet."""
        self.waits: list[tuple[float, float]] = []
        """When each batch was first sent, and how many seconds later all of it was accepted."""
        self._url = f"http://127.0.0.1:{port}/v1"
        self._household_ids = household_ids
        self._chance = Random(seed)
        self._headers = {"authorization": f"Bearer {token}"}
        self._road = Road([port])
        self._pace = pace
        self._visits = submissions(pace.most, seed)
        self._finishing = asyncio.Event()

    @property
    def told(self) -> Counter[str]:
        """What they were answered, by status; `none` where no answer came."""
        return self._road.told

    async def run(self) -> None:
        """Send until `finish`, and then until everything is accepted. Raises `Trouble` when that takes too long."""
        async with Client(connections=self._pace.phones, transport=self._road) as client, asyncio.TaskGroup() as group:
            for _ in range(self._pace.phones):
                group.create_task(self._phone(client))

    def finish(self) -> None:
        """Offer nothing new."""
        self._finishing.set()

    async def progress(self, more: int) -> None:
        """Wait until so many more are accepted. Raises `TimeoutError`."""
        goal = len(self.accepted) + more
        async with asyncio.timeout(PROGRESS_SECONDS):
            while len(self.accepted) < goal:
                await asyncio.sleep(0.01)

    def fastest_since(self, moment: float) -> float | None:
        """The shortest wait, in seconds, of the batches that were first sent after `moment`; None: there are none."""
        return min((wait for sent, wait in self.waits if sent >= moment), default=None)

    async def _phone(self, client: Client) -> None:
        while not self._finishing.is_set():
            begun = monotonic()
            visits = dict(self._batch())
            await self._deliver(client, "submissions", "submission_id", visits)
            followed = dict(self._follow_ups(visits.values()))
            if followed:
                await self._deliver(client, "follow-ups", "follow_up_id", followed)
            await asyncio.sleep(max(0.0, begun + self._pace.every_seconds - monotonic()))

    def _batch(self) -> Iterator[tuple[str, bytes]]:
        for body in itertools.islice(self._visits, self._pace.batch):
            yield msgspec.json.decode(body)["submission_id"], body

    def _follow_ups(self, visits: Iterable[bytes]) -> Iterator[tuple[str, bytes]]:
        """The first who wants vaccine of each household has got it by now, at every other door."""
        for visit in visits:
            body = msgspec.json.decode(visit)
            wanting = [one for one in body["persons"] if one["wants_vaccine"] == "yes"]
            if wanting and self._chance.random() < FOLLOWED:
                yield self._follow_up(body, wanting[0]["name"])

    def _follow_up(self, visit: Any, name: str) -> tuple[str, bytes]:
        address = visit["address"]
        household_id = self._household_ids.of_address(address["area"], None, address["house"], None)
        follow_up_id = str(UUID(int=self._chance.getrandbits(128)))
        follow_up = {
            "follow_up_id": follow_up_id,
            "captured_at": visit["captured_at"],
            "household_id": household_id,
            "person_id": self._household_ids.of_name(household_id, words_of(name)),
            "outcome": "vaccinated",
            "contact": "visit",
        }
        return follow_up_id, msgspec.json.encode(follow_up)

    async def _deliver(self, client: Client, path: str, id_name: str, left: dict[str, bytes]) -> None:
        self.offered |= left.keys()
        patience, sent = Patience("A batch of visits"), monotonic()
        while True:
            body = b'{"%s":[%s]}' % (path.replace("-", "_").encode(), b",".join(left.values()))
            this_sent = monotonic()
            answer = await client.send("POST", f"{self._url}/{path}:batch", body=body, headers=self._headers)
            results = answer.json()["results"] if answer.status_code == 207 else []
            if {result["status"] for result in results} - {202, *AGAIN} or not results:
                raise AssertionError(f"good visits were refused: {answer.status_code} {answer.text[:500]}")
            accepted = {result[id_name] for result in results if result["status"] == 202}
            if accepted:
                self.accepted |= accepted
                self.accepted_of = max(self.accepted_of, this_sent)
            left = {one: body for one, body in left.items() if one not in accepted}
            if not left:
                self.waits.append((sent, monotonic() - sent))
                return
            await patience.wait("items are to be sent again", answer.headers.get("retry-after"))
