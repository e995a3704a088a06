"""What lies between the clients of a campaign and the services: it counts what passes, and can hold it back."""

import asyncio
import math
from collections import Counter
from collections.abc import Collection
from types import TracebackType
from typing import Final, Self

import httpx
import msgspec

from deploy.demo.client import CONNECTIONS

POLL_SECONDS: Final = 0.002
"""So often is progress looked at: a batch of the recorder or projector takes longer."""


class Road(httpx.AsyncBaseTransport):
    """Carries requests. Those to the watched ports are counted, and wait while `limit` of them have passed."""

    def __init__(self, ports: Collection[int]) -> None:
        self.limit: float = math.inf
        self.passed = 0
        self.answered = 0
        self.under_way = 0
        self.accepted = 0
        """Submissions that were answered 202, repetitions included."""
        self.unavailable: list[bytes] = []
        """The bodies of all answers that were 503, or had such an item."""
        self.told: Counter[str] = Counter()
        """What submissions were answered, repetitions included, by status; `none` where no answer came."""
        self._ports = frozenset(ports)
        self._inner = httpx.AsyncHTTPTransport(
            limits=httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS), trust_env=False
        )

    async def __aenter__(self) -> Self:
        """Open the connections' pool."""
        await self._inner.__aenter__()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        """Close all connections."""
        await self._inner.__aexit__(exc_type, exc_value, traceback)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Carry one request and its whole answer."""
        if request.url.port not in self._ports:
            return await self._inner.handle_async_request(request)
        while self.passed >= self.limit:
            await asyncio.sleep(POLL_SECONDS)
        self.passed += 1
        self.under_way += 1
        submissions = request.content.count(b'"submission_id"')
        try:
            answer = await self._inner.handle_async_request(request)
            content = await answer.aread()
        except httpx.TransportError:
            self.told["none"] += submissions
            raise
        finally:
            self.under_way -= 1
        self.answered += 1
        if request.method == "POST" and request.url.path.startswith("/v1/submissions"):
            self._note(answer.status_code, content, submissions)
        return answer

    def hold(self, more: int = 0) -> None:
        """Let so many more requests pass, and then none."""
        self.limit = self.passed + more

    def open(self) -> None:
        """Let everything pass."""
        self.limit = math.inf

    async def used_up(self) -> None:
        """Wait until as many requests have passed as may."""
        while self.passed < self.limit:
            await asyncio.sleep(POLL_SECONDS)

    async def empty(self) -> None:
        """Wait until, besides, all of them were answered or have failed."""
        await self.used_up()
        while self.under_way:
            await asyncio.sleep(POLL_SECONDS)

    def _note(self, status: int, content: bytes, submissions: int) -> None:
        statuses = [status] * submissions
        if status == 207:
            statuses = [item["status"] for item in msgspec.json.decode(content)["results"]]
        self.accepted += statuses.count(202)
        self.told.update(map(str, statuses))
        if 503 in statuses:
            self.unavailable.append(content)
