"""A load generator: `python -m tests.bench.load`, told by JSON on standard input, tells JSON on standard output.

It runs as a process of its own, makes all bodies before it begins, and tells its own processor time, so that one can
see that it is not the bottleneck. Closed (as fast as the answers come) or open (at a given rate; a request that finds
no free connection waits, and the wait counts as latency).
"""

import asyncio
import json
import resource
import sys
import time
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from itertools import cycle, islice
from typing import Any, cast

import uvloop

from tests.bench.submissions import batches, submissions

HOST = "127.0.0.1"


@dataclass
class Order:
    """What to send. tokens: of the senders, who take turns; rate: households a second, None for as fast as possible;
    batch: households a request, 1 for singles; reads: paths that are read in turn instead; bodies: JSON that is sent to
    `path` instead, each once; addresses: from how many addresses of this machine the connections come."""

    port: int
    tokens: list[str]
    connections: int
    batch: int
    seconds: float
    most: int
    seed: int
    rate: float | None = None
    path: str | None = None
    reads: list[str] = field(default_factory=list)
    bodies: list[str] = field(default_factory=list)
    addresses: int = 1


@dataclass
class Outcome:
    """What came of it. Latencies in seconds; statuses by household."""

    households: int = 0
    seconds: float = 0.0
    statuses: dict[str, int] = field(default_factory=dict)
    p50: float = 0.0
    p99: float = 0.0
    longest: float = 0.0
    cpu_seconds: float = 0.0
    waited_seconds: float = 0.0
    """The longest that a request waited for a free connection (open load)."""

    @property
    def accepted(self) -> int:
        """Households answered 202."""
        return self.statuses.get("202", 0)


def requests(order: Order) -> list[bytes]:
    """All requests, with their headers, ready to be written."""
    tokens = [f"Authorization: Bearer {token}\r\n" for token in order.tokens] or [""]
    if order.reads:
        ready = [
            f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\n{token}Accept-Encoding: gzip\r\n\r\n".encode()
            for path, token in zip(order.reads, cycle(tokens), strict=False)
        ]
        return list(islice(cycle(ready), order.most))
    if order.bodies:
        head = f"POST {order.path} HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/json\r\n"
        return [
            f"{head}{token}Content-Length: {len(body.encode())}\r\n\r\n{body}".encode()
            for body, token in zip(order.bodies, cycle(tokens), strict=False)
        ]
    path = order.path or ("/v1/submissions" if order.batch == 1 else "/v1/submissions:batch")
    bodies: Iterator[bytes]
    if order.batch == 1:
        bodies = submissions(order.most, order.seed)
    else:
        bodies = batches(order.most // order.batch, order.batch, order.seed)
    heads = [
        f"POST {path} HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Bearer {token}\r\n"
        "Content-Type: application/json\r\nContent-Length: ".encode()
        for token in order.tokens
    ]
    return [b"%b%d\r\n\r\n%b" % (head, len(body), body) for head, body in zip(cycle(heads), bodies, strict=False)]


class Connection(asyncio.Protocol):
    """One connection: writes a request, reads its answer, asks for the next."""

    def __init__(self, load: "Load") -> None:
        self._load = load
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None
        self.begun = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begins."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by inheritance
        self._load.free(self)

    def send(self, request: bytes, due: float) -> None:
        """Writes a request; its latency counts from when it was due."""
        assert self._transport is not None
        self.begun = due
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        """Collects an answer until it is whole."""
        self._buffer += data
        head = self._buffer.find(b"\r\n\r\n")
        if head < 0:
            return
        start = self._buffer.find(b"content-length: ") + 16
        length = int(self._buffer[start : self._buffer.find(b"\r\n", start)])
        if len(self._buffer) < head + 4 + length:
            return
        status = int(self._buffer[9:12])
        body = bytes(self._buffer[head + 4 : head + 4 + length])
        self._buffer.clear()
        self._load.answered(self, status, body)

    def connection_lost(self, exc: Exception | None) -> None:
        """The server ended the connection: what it was asked is lost."""
        self._load.lost()


class Load:
    """Hands requests to connections and keeps count."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.waiting = deque(requests(order))
        self.idle: deque[Connection] = deque()
        self.latencies: list[float] = []
        self.statuses: Counter[str] = Counter()
        self.under_way = 0
        self.ended = asyncio.Event()
        self.closing = False
        self.waited = 0.0

    def free(self, connection: Connection) -> None:
        """A connection has nothing to do."""
        if self.order.rate is None and not self.closing:
            self._next(connection, time.perf_counter())
        else:
            self.idle.append(connection)

    def answered(self, connection: Connection, status: int, body: bytes) -> None:
        """An answer is whole."""
        self.latencies.append(time.perf_counter() - connection.begun)
        self.under_way -= 1
        if status == 207:
            accepted = body.count(b'"status":202')
            self.statuses["202"] += accepted
            self.statuses["other"] += self.order.batch - accepted
        else:
            self.statuses[str(status)] += self.order.batch
        if self.closing and not self.under_way:
            self.ended.set()
        self.free(connection)

    def lost(self) -> None:
        """A connection ended; at the end of the load that is expected."""
        if not self.closing:
            self.statuses["lost"] += self.order.batch

    def _next(self, connection: Connection, due: float) -> None:
        if not self.waiting:
            self.close()
            return
        self.under_way += 1
        connection.send(self.waiting.popleft(), due)

    def close(self) -> None:
        """Sends nothing more; `ended` is set with the last answer."""
        self.closing = True
        if not self.under_way:
            self.ended.set()

    async def at_rate(self, rate: float) -> None:
        """Sends at `rate` requests a second, each due at its own moment."""
        start = time.perf_counter()
        sent = 0
        while not self.closing:
            now = time.perf_counter()
            while sent < (now - start) * rate and self.idle:
                due = start + sent / rate
                self.waited = max(self.waited, now - due)
                self._next(self.idle.popleft(), due)
                sent += 1
                if self.closing:
                    return
            await asyncio.sleep(0.001)


async def run(order: Order) -> Outcome:
    """Plays the order."""
    load = Load(order)
    loop = asyncio.get_running_loop()
    before = resource.getrusage(resource.RUSAGE_SELF)
    started = time.perf_counter()
    for number in range(order.connections):
        source = (f"127.0.0.{1 + number % order.addresses}", 0) if order.addresses > 1 else None
        await loop.create_connection(lambda: Connection(load), HOST, order.port, local_addr=source)
    paced = asyncio.create_task(load.at_rate(order.rate / order.batch)) if order.rate else None
    try:
        await asyncio.wait_for(load.ended.wait(), timeout=order.seconds)
    except TimeoutError:
        load.close()
        await asyncio.wait_for(load.ended.wait(), timeout=30)
    seconds = time.perf_counter() - started
    if paced:
        paced.cancel()
    after = resource.getrusage(resource.RUSAGE_SELF)
    latencies = sorted(load.latencies)
    return Outcome(
        households=sum(load.statuses.values()),
        seconds=seconds,
        statuses=dict(load.statuses),
        p50=latencies[len(latencies) // 2],
        p99=latencies[int(len(latencies) * 0.99)],
        longest=latencies[-1],
        cpu_seconds=after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        waited_seconds=load.waited,
    )


async def ordered(order: Order) -> Outcome:
    """Plays the order in a process of its own, which ends with it also when this is cancelled."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.load", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    try:
        told, _ = await process.communicate(json.dumps(asdict(order)).encode())
    except asyncio.CancelledError:
        process.kill()
        await process.wait()
        raise
    if process.returncode:
        raise RuntimeError(f"the load generator ended with {process.returncode}")
    answer: dict[str, Any] = json.loads(told)
    return Outcome(**answer)


if __name__ == "__main__":
    given = Order(**json.loads(sys.stdin.read()))
    print(json.dumps(asdict(uvloop.run(run(given)))))
