"""Phones that send visits in batches, and send again, with the same ids, whatever is not yet accepted."""

import asyncio
import itertools
from collections import Counter
from collections.abc import Iterator
from time import monotonic
from typing import Final

import msgspec

from deploy.demo.client import Client, Patience
from deploy.demo.player import AGAIN
from tests.bench.submissions import submissions
from tests.faults.road import Road

PHONES: Final = 6
BATCH: Final = 10
PAUSE_SECONDS: Final = 0.25
"""Between two batches of a phone: together they send some 200 visits a second, enough to be met in the middle of."""
MOST: Final = 100_000
"""Visits of one load; it ends long before."""
PROGRESS_SECONDS: Final = 60.0
"""A phone waits 5 s at most before it sends again; a request that was swallowed is given up after 20 s."""


class Phones:
    """A load that goes on from `start` until `finish`."""

    def __init__(self, port: int, token: str, seed: int) -> None:
        self.offered: set[str] = set()
        self.accepted: set[str] = set()
        self.accepted_of = 0.0
        """When the last request was sent that brought a 202. Its answer may come much later: it waits for every visit
        of the batch, also for those whose records Kafka has not yet."""
        self.waits: list[tuple[float, float]] = []
        """When each batch was first sent, and how many seconds later all of it was accepted."""
        self._url = f"http://127.0.0.1:{port}/v1/submissions:batch"
        self._headers = {"authorization": f"Bearer {token}"}
        self._road = Road([port])
        self._visits = submissions(MOST, seed)
        self._finishing = asyncio.Event()

    @property
    def told(self) -> Counter[str]:
        """What they were answered, by status; `none` where no answer came."""
        return self._road.told

    async def run(self) -> None:
        """Send until `finish`, and then until everything is accepted. Raises `Trouble` when that takes too long."""
        async with Client(connections=PHONES, transport=self._road) as client, asyncio.TaskGroup() as group:
            for _ in range(PHONES):
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

    def fastest_since(self, moment: float) -> float:
        """The shortest wait, in seconds, of the batches that were first sent after `moment`."""
        return min(wait for sent, wait in self.waits if sent >= moment)

    async def _phone(self, client: Client) -> None:
        while not self._finishing.is_set():
            await self._deliver(client, dict(self._batch()))
            await asyncio.sleep(PAUSE_SECONDS)

    def _batch(self) -> Iterator[tuple[str, bytes]]:
        for body in itertools.islice(self._visits, BATCH):
            yield msgspec.json.decode(body)["submission_id"], body

    async def _deliver(self, client: Client, left: dict[str, bytes]) -> None:
        self.offered |= left.keys()
        patience, sent = Patience("A batch of visits"), monotonic()
        while True:
            body = b'{"submissions":[' + b",".join(left.values()) + b"]}"
            this_sent = monotonic()
            answer = await client.send("POST", self._url, body=body, headers=self._headers)
            results = answer.json()["results"] if answer.status_code == 207 else []
            if {result["status"] for result in results} - {202, *AGAIN} or not results:
                raise AssertionError(f"good visits were refused: {answer.status_code} {answer.text[:500]}")
            accepted = {result["submission_id"] for result in results if result["status"] == 202}
            if accepted:
                self.accepted |= accepted
                self.accepted_of = max(self.accepted_of, this_sent)
            left = {one: body for one, body in left.items() if one not in accepted}
            if not left:
                self.waits.append((sent, monotonic() - sent))
                return
            await patience.wait("items are to be sent again", answer.headers.get("retry-after"))
