"""A receiver as somebody outside would write it: the published library of Standard Webhooks, and what it is told to do
wrong."""

import asyncio
import json
import socket
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from shared.web.serve import HttpSettings, serve

VERIFICATION = "care.jitasa.webhook.verification.v1"

Fault = Callable[[Mapping[str, Any]], Response | None]


@dataclass
class Receiver:
    """What came, in the order in which it came, each body signed by the secret it has at the time."""

    port: int
    secrets: list[str] = field(default_factory=list)
    accepted: list[dict[str, Any]] = field(default_factory=list)
    requests: int = 0
    unsigned: int = 0
    signatures: int = 0
    together: int = 0
    """Events of one partition that were on their way at once, at most."""
    at_once: int = 0
    """Events of all partitions."""
    fault: Fault | None = None
    """What is answered instead of a 204; None: nothing."""
    answers_challenge: bool = True
    any_time: bool = False
    """Whether a time-stamp of another time is taken: for tests that move the sender's clock."""
    _open: Counter[int | None] = field(default_factory=Counter)
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)
    _serving: "asyncio.Task[None] | None" = None

    @property
    def url(self) -> str:
        """Its endpoint."""
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def ids(self) -> list[str]:
        """Of what was accepted."""
        return [event["id"] for event in self.accepted]

    async def start(self) -> None:
        """Listens."""
        self._stopping = asyncio.Event()
        app = Starlette(routes=[Route("/{path:path}", self._take, methods=["POST", "GET"])])
        settings = HttpSettings(host="127.0.0.1", port=self.port)
        self._serving = asyncio.create_task(serve(app, settings, self._stopping))

    async def stop(self) -> None:
        """Hangs up."""
        self._stopping.set()
        if self._serving is not None:
            await self._serving

    async def _take(self, request: Request) -> Response:
        self.requests += 1
        body = await request.body()
        partition = json.loads(body or b"{}").get("partition")
        self._open[partition] += 1
        self.together = max(self.together, self._open[partition])
        self.at_once = max(self.at_once, self._open.total())
        try:
            return await self._answer(request, body)
        finally:
            self._open[partition] -= 1

    async def _answer(self, request: Request, body: bytes) -> Response:
        event = self._verified(body, dict(request.headers))
        if event is None:
            self.unsigned += 1
            return Response(status_code=401)
        assert request.headers["webhook-id"] == event["id"]
        assert request.headers["content-type"] == "application/cloudevents+json"
        self.signatures = len(request.headers["webhook-signature"].split())
        if self.fault is not None and (answer := self.fault(event)) is not None:
            return answer
        if event["type"] == VERIFICATION:
            return JSONResponse({"challenge": event["data"]["challenge"] if self.answers_challenge else "guessed"})
        self.accepted.append(event)
        return Response(status_code=204)

    def _verified(self, body: bytes, headers: dict[str, str]) -> dict[str, Any] | None:
        if not self.secrets:  # the first one is only known when the subscription has been answered
            return dict(json.loads(body))
        for secret in self.secrets:
            try:
                if self.any_time:
                    return _signed(Webhook(secret), body, headers)
                return dict(Webhook(secret).verify(body, headers))
            except WebhookVerificationError:
                continue
        return None


def _signed(webhook: Webhook, body: bytes, headers: Mapping[str, str]) -> dict[str, Any]:
    moment = datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC)
    if webhook.sign(headers["webhook-id"], moment, body.decode()) not in headers["webhook-signature"].split():
        raise WebhookVerificationError
    return dict(json.loads(body))


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """A receiver, for the time of a block."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    receiver = Receiver(port)
    await receiver.start()
    try:
        yield receiver
    finally:
        await receiver.stop()
