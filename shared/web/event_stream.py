"""One viewer's answer: server-sent events until the viewer leaves, is too slow, or the process stops."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from shared.observability.logs import log
from shared.web.problems import Message, Problem
from shared.web.viewer import StreamEnded, Viewer

HEARTBEAT: Final = b": \n\n"
"""A comment, which clients pass over."""

OPENING: Final = b"retry: 2000\n\n"
"""Milliseconds after which a browser comes back when the stream ends."""

_log = log(__name__)


def too_many_viewers() -> Problem:
    """What is answered to one more than there is room for."""
    return Problem(
        503,
        "too_many_viewers",
        detail=Message("มีผู้ชมมากเกินไป โปรดรอสักครู่", "Too many people are watching, please wait a moment"),
        headers={"Retry-After": "10"},
    )


class Stream(Protocol):
    """Whom a viewer belongs to."""

    def leave(self, viewer: Viewer) -> None:
        """The viewer's stream is over. May be called again."""


class EventStream(Response):
    """Writes what a viewer's queue gives."""

    media_type = "text/event-stream"

    def __init__(
        self,
        stream: Stream,
        viewer: Viewer,
        *,
        heartbeat_seconds: float,
        send_seconds: float,
        may_go_on: Callable[[], Awaitable[bool]] | None = None,
    ) -> None:
        """heartbeat_seconds: silence after which a comment is sent; send_seconds: how long a client may take nothing.
        may_go_on: asked at each heartbeat where not everybody may watch."""
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._stream = stream
        self._viewer = viewer
        self._heartbeat_seconds = heartbeat_seconds
        self._send_seconds = send_seconds
        self._may_go_on = may_go_on

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Ends the answer in order when the process stops or the viewer is slow, so that the client comes back at
        once."""
        leaving = asyncio.create_task(self._leave_at_disconnect(receive))
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            await self._write(send)
        except TimeoutError:
            # The client takes nothing. Returning without an end of the answer makes the server drop the connection.
            _log.info("live_viewer_stuck")
        finally:
            leaving.cancel()
            self._stream.leave(self._viewer)

    async def _write(self, send: Send) -> None:
        await self._send(send, OPENING)
        clock = asyncio.get_running_loop().time
        asked = clock()
        while True:
            try:
                item = await self._viewer.next(self._heartbeat_seconds)
            except StreamEnded:
                break
            if self._may_go_on is not None and clock() - asked >= self._heartbeat_seconds:
                if not await self._may_go_on():
                    break
                asked = clock()
            await self._send(send, HEARTBEAT if item is None else item)
        await self._send(send, b"", more=False)

    async def _send(self, send: Send, body: bytes, *, more: bool = True) -> None:
        async with asyncio.timeout(self._send_seconds):
            await send({"type": "http.response.body", "body": body, "more_body": more})

    async def _leave_at_disconnect(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._viewer.close()
