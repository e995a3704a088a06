"""One viewer's answer: server-sent events until the viewer leaves, is too slow, or the process stops."""

import asyncio
from typing import Final

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from services.reporting.live import LiveStream
from services.reporting.settings import LiveSettings
from services.reporting.viewer import StreamEnded, Viewer
from shared.observability.logs import log

HEARTBEAT: Final = b": \n\n"
"""A comment, which clients pass over."""

OPENING: Final = b"retry: 2000\n\n"
"""Milliseconds after which a browser comes back when the stream ends."""

_log = log(__name__)


class EventStream(Response):
    """Writes what a viewer's queue gives."""

    media_type = "text/event-stream"

    def __init__(self, stream: LiveStream, viewer: Viewer, settings: LiveSettings) -> None:
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._stream = stream
        self._viewer = viewer
        self._heartbeat_seconds = settings.heartbeat_seconds
        self._send_seconds = settings.send_seconds

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
        while True:
            try:
                item = await self._viewer.next(self._heartbeat_seconds)
            except StreamEnded:
                await self._send(send, b"", more=False)
                return
            await self._send(send, HEARTBEAT if item is None else item)

    async def _send(self, send: Send, body: bytes, *, more: bool = True) -> None:
        async with asyncio.timeout(self._send_seconds):
            await send({"type": "http.response.body", "body": body, "more_body": more})

    async def _leave_at_disconnect(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._viewer.close()
