"""A load generator for more than is taken: `python -m tests.bench.flood`, told and telling by JSON as the other one.

Unlike `tests.bench.load` it makes its bodies out of a few hundred, giving each new ids and houses, so that it can go on
for minutes; it has a connection free for every request, so that none waits for an answer to another; and it tells the
answers to what was accepted from those to what was refused.
"""

import asyncio
import json
import re
import resource
import sys
import time
from array import array
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import cast

import uvloop

from tests.bench.load import HOST
from tests.bench.submissions import batches

BODIES = 256
"""Made before the load begins, some 9 MB of batches of 50."""
MARK = b"MMMMMMMM"
"""Stands in a body where a number of eight digits makes its ids and houses new."""
WAKE_SECONDS = 0.001
"""Seconds between looks at the clock."""


@dataclass
class Order:
    """What to send. rate: households a second, whatever is answered; None for one request after the other on each
    connection. connections: open from the beginning on; a request that finds none free is not sent, and counted."""

    port: int
    token: str
    connections: int
    batch: int
    seconds: float
    seed: int
    rate: float | None = None


@dataclass
class Outcome:
    """What came of it. began: when the first request was written, by the machine's monotonic clock; statuses: by
    household; latencies in seconds from the writing of a request, `accepted` when any of its households was; late: the
    longest that a request was written after it was due, the generator's own fault."""

    began: float = 0.0
    seconds: float = 0.0
    statuses: dict[str, int] = field(default_factory=dict)
    accepted_p50: float = 0.0
    accepted_p99: float = 0.0
    refused_p50: float = 0.0
    refused_p99: float = 0.0
    unsent: int = 0
    late: float = 0.0
    cpu_seconds: float = 0.0

    @property
    def accepted(self) -> int:
        """Households answered 202."""
        return self.statuses.get("202", 0)

    @property
    def offered(self) -> int:
        """Households sent."""
        return sum(self.statuses.values())


def bodies(order: Order) -> list[tuple[bytes, bytes]]:
    """Heads and marked bodies."""
    path = "/v1/submissions" if order.batch == 1 else "/v1/submissions:batch"
    made = []
    for body in batches(BODIES, order.batch, order.seed):
        marked = re.sub(rb'"submission_id":"[0-9a-f]{8}', b'"submission_id":"' + MARK, body)
        marked = re.sub(rb'"house":"\d+/', b'"house":"' + MARK + b"/", marked)
        if order.batch == 1:
            marked = marked.removeprefix(b'{"submissions":[').removesuffix(b"]}")
        head = (
            f"POST {path} HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Bearer {order.token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(marked)}\r\n\r\n"
        )
        made.append((head.encode(), marked))
    return made


class Connection(asyncio.Protocol):
    """One connection: writes a request, reads its answer, is free again."""

    def __init__(self, flood: "Flood") -> None:
        self._flood = flood
        self._buffer = b""
        self._transport: asyncio.Transport | None = None
        self.sent = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Is free."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by inheritance

    def send(self, request: bytes) -> None:
        """Writes a request."""
        assert self._transport is not None
        self.sent = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        """Collects an answer until it is whole."""
        self._buffer += data
        head = self._buffer.find(b"\r\n\r\n")
        start = self._buffer.lower().find(b"content-length: ", 0, head) + 16
        if head < 0 or len(self._buffer) < head + 4 + int(self._buffer[start : self._buffer.find(b"\r\n", start)]):
            return
        answer, self._buffer = self._buffer, b""
        self._flood.answered(self, int(answer[9:12]), answer[head + 4 :])

    def connection_lost(self, exc: Exception | None) -> None:
        """The server ended the connection."""
        self._flood.lost(self)


class Flood:
    """Sends, and keeps count."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._bodies = bodies(order)
        self._idle: deque[Connection] = deque()
        self._busy: set[Connection] = set()
        self._opening: set[asyncio.Task[None]] = set()
        self._statuses: Counter[str] = Counter()
        self._accepted, self._refused = array("d"), array("d")
        self._sent = 0
        self._unsent = 0
        self._late = 0.0
        self._closing = False
        self._ended = asyncio.Event()

    async def run(self) -> Outcome:
        """Plays the order."""
        for _ in range(self._order.connections):
            self._idle.append(await self._connection())
        before, began, started = resource.getrusage(resource.RUSAGE_SELF), time.monotonic(), time.perf_counter()
        if self._order.rate is None:
            while self._idle:
                self._next()
            await asyncio.sleep(self._order.seconds)
        else:
            await self._at_rate(self._order.rate / self._order.batch, started)
        seconds = time.perf_counter() - started
        statuses = dict(self._statuses)
        after = resource.getrusage(resource.RUSAGE_SELF)
        self._closing = True
        if self._busy:
            await asyncio.wait_for(self._ended.wait(), timeout=30)
        return Outcome(
            began=began,
            seconds=seconds,
            statuses=statuses,
            accepted_p50=_quantile(self._accepted, 0.5),
            accepted_p99=_quantile(self._accepted, 0.99),
            refused_p50=_quantile(self._refused, 0.5),
            refused_p99=_quantile(self._refused, 0.99),
            unsent=self._unsent * self._order.batch,
            late=self._late,
            cpu_seconds=after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        )

    async def _connection(self) -> Connection:
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(lambda: Connection(self), HOST, self._order.port)
        return connection

    async def _at_rate(self, rate: float, started: float) -> None:
        due = 0
        while (now := time.perf_counter() - started) < self._order.seconds:
            while due < now * rate:
                self._late = max(self._late, now - due / rate)
                due += 1
                if self._idle:
                    self._next()
                else:
                    self._unsent += 1
            await asyncio.sleep(WAKE_SECONDS)

    def _next(self) -> None:
        turn, which = divmod(self._sent, BODIES)
        head, body = self._bodies[which]
        self._sent += 1
        connection = self._idle.popleft()
        self._busy.add(connection)
        connection.send(head + body.replace(MARK, b"%08x" % turn))

    def answered(self, connection: Connection, status: int, body: bytes) -> None:
        """An answer is whole."""
        accepted = body.count(b'"status":202')
        if status == 207:
            self._statuses["202"] += accepted
            refused = body.count(b'"status":429')
            self._statuses["429"] += refused
            self._statuses["207 with others"] += self._order.batch - accepted - refused
        else:
            self._statuses[str(status)] += self._order.batch
        (self._accepted if accepted else self._refused).append(time.perf_counter() - connection.sent)
        self._free(connection)

    def lost(self, connection: Connection) -> None:
        """A connection ended: with a request, which is lost, or after it had been idle for as long as it may be."""
        if connection in self._busy:
            self._statuses["lost"] += self._order.batch
            self._busy.discard(connection)
        else:
            self._idle.remove(connection)
        if self._closing:
            self._end()
            return
        opening = asyncio.create_task(self._open_another())
        self._opening.add(opening)
        opening.add_done_callback(self._opening.discard)

    async def _open_another(self) -> None:
        self._free(await self._connection())

    def _free(self, connection: Connection) -> None:
        self._busy.discard(connection)
        self._idle.append(connection)
        if self._closing:
            self._end()
        elif self._order.rate is None:
            self._next()

    def _end(self) -> None:
        if not self._busy:
            self._ended.set()


def _quantile(values: Sequence[float], share: float) -> float:
    return sorted(values)[int(len(values) * share)] if values else 0.0


async def ordered(order: Order) -> Outcome:
    """Plays the order in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.flood", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    told, _ = await process.communicate(json.dumps(asdict(order)).encode())
    if process.returncode:
        raise RuntimeError(f"the load generator ended with {process.returncode}")
    return Outcome(**json.loads(told))


async def _play(order: Order) -> Outcome:
    return await Flood(order).run()


if __name__ == "__main__":
    print(json.dumps(asdict(uvloop.run(_play(Order(**json.loads(sys.stdin.read())))))))
