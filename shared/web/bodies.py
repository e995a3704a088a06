"""Bounds on what clients send: judged by the request's head where it tells enough, and while the body arrives."""

from asyncio import timeout
from contextlib import suppress

from starlette.exceptions import HTTPException
from starlette.types import Message, Receive, Scope

MAX_BODY_BYTES = 4 * 1024 * 1024
"""A batch of 500 submissions of 8 KiB, the largest body that any route asks for."""

MAX_HELD_BYTES = 128 * 1024 * 1024
"""Of all bodies in a process at once, so that many large ones cannot take its memory: 32 of the largest."""

DISCARD_BYTES = 32 * 1024 * 1024
DISCARD_SECONDS = 5.0
"""Of a body beyond the limit, so that whoever sent a few megabytes too many is told; a flood is cut off."""


class Head:
    """What the frame and the direct routes need of a request's headers, read in one pass.

    content_length: as declared; None when the body comes in chunks.
    """

    __slots__ = ("accept_language", "authorization", "compressed", "content_length")

    def __init__(self, scope: Scope) -> None:
        self.authorization = ""
        self.accept_language = ""
        self.content_length: int | None = None
        self.compressed = False
        for name, value in scope["headers"]:
            if name == b"content-length":
                self.content_length = int(value)  # the parser lets only a number pass
            elif name == b"authorization":
                self.authorization = value.decode("latin-1")
            elif name == b"accept-language":
                self.accept_language = value.decode("latin-1")
            elif name == b"content-encoding":
                self.compressed = value.lower() != b"identity"

    def refusal(self, max_body_bytes: int) -> int | None:
        """The status for a body that its head condemns: 413, or 415 for a compressed one, since a few kilobytes may
        unpack to any size, and no phone of ours compresses."""
        if self.content_length is not None and self.content_length > max_body_bytes:
            return 413
        return 415 if self.compressed else None


class _Held:
    """The bytes of all bodies in the process."""

    bytes = 0


_held = _Held()


class BoundedReceive:
    """An ASGI `receive` that raises an `HTTPException` when the body, or all bodies together, grow beyond the limits.

    FastAPI turns any other exception of a body's reading into a 400. `release` has to be called in the end.
    """

    __slots__ = ("_max_body_bytes", "_receive", "_received")

    def __init__(self, receive: Receive, max_body_bytes: int) -> None:
        self._receive = receive
        self._max_body_bytes = max_body_bytes
        self._received = 0

    async def __call__(self) -> Message:
        """The next message."""
        message = await self._receive()
        size = len(message.get("body", b""))
        self._received += size
        _held.bytes += size
        if self._received > self._max_body_bytes or _held.bytes > MAX_HELD_BYTES:
            if message.get("more_body", False):
                await discard(self._receive)
            if self._received > self._max_body_bytes:
                raise HTTPException(413, headers={"Connection": "close"})
            raise HTTPException(503, headers={"Connection": "close", "Retry-After": "1"})
        return message

    def release(self) -> None:
        """The body is held no more."""
        _held.bytes -= self._received
        self._received = 0


async def discard(receive: Receive) -> None:
    """Takes in the rest of a refused body, within limits: a client that is still sending when the connection ends
    sees a reset instead of the answer."""
    discarded = 0
    with suppress(TimeoutError):
        async with timeout(DISCARD_SECONDS):
            while discarded < DISCARD_BYTES:
                message = await receive()
                discarded += len(message.get("body", b""))
                if not message.get("more_body", False):
                    return
