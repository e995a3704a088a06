"""One answer: pieces of a feed until its limit, the stream's end, the subscriber's or this process's.

No cursor is given out before it is written down who got what lies before it; in server-sent events, where every event
has one, it is written down every few seconds instead.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from aiokafka.errors import KafkaError
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from services.reporting.streams.cursors import Seal
from services.reporting.streams.feed import Feed
from services.reporting.streams.forms import OPENING, Form, Pen
from services.reporting.streams.gate import busy
from services.reporting.streams.parts import Streams
from services.reporting.streams.readers import NoReader
from services.reporting.streams.replay import Piece, Replay
from services.reporting.streams.transfers import Revoked, Sending
from shared.observability.logs import log
from shared.postgres.pool import UNREACHABLE, acquire
from shared.security.principal import Principal
from shared.web.problems import Message, Problem

STRETCH_EVENTS: Final = 5_000
STRETCH_SECONDS: Final = 1.0
"""So much at the most lies between two cursors of an answer in lines, and goes into one row of the transfer log."""
NOTED_EVERY_SECONDS: Final = 5.0
"""A connection that stays open is written down so often: a row for each event would be more than what it tells of."""
BATCH_BYTES: Final = 16 * 1024 * 1024
"""Of one array, which is held until it is whole; it ends with a cursor all the same."""
LOOK_SECONDS: Final = 1.0
"""Who was suspended, or this process's stop, is noticed within this time by an answer that waits."""
FAILURES: Final = (NoReader, Revoked, KafkaError, LookupError, *UNREACHABLE)
"""What keeps an answer from going on."""

_log = log(__name__)


def failed(error: BaseException) -> Problem:
    """What is answered for one of `FAILURES`."""
    if isinstance(error, NoReader):
        return busy()
    if isinstance(error, Revoked):
        return revoked()
    _log.warning("stream_not_readable", cause=type(error).__name__)
    detail = Message("ยังอ่านข้อมูลไม่ได้ โปรดลองอีกครั้ง", "The stream cannot be read now, please try again")
    return Problem(503, detail=detail, headers={"Retry-After": "2"})


def revoked() -> Problem:
    """What is answered to an account that receives nothing any more."""
    detail = Message("ส่วนกลางเพิกถอนการรับข้อมูลของบัญชีนี้แล้ว", "The centre has ended what this account receives")
    return Problem(403, "receiver_revoked", detail=detail)


@dataclass(frozen=True, slots=True)
class Asked:
    """What an answer is to be. limit: events at most; wait: seconds for the first of them; may_go_on: whether the
    subscriber still may."""

    form: Form
    limit: int
    wait: float
    may_go_on: Callable[[], bool]


class Answer(Response):
    """Writes a feed for a subscriber."""

    def __init__(self, streams: Streams, principal: Principal, feed: Feed, seal: Seal, asked: Asked) -> None:
        super().__init__(
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no", "Vary": "Accept, Authorization"},
            media_type=asked.form,
        )
        del self.headers["content-length"]
        self._streams = streams
        self._subscriber = principal.subject
        self._asked = asked
        self._replay = Replay(feed, streams.extents, streams.readers)
        self._pen = Pen(asked.form, feed, seal, streams.clock)
        self._sending = Sending(principal, feed.position, asked.form.word)
        self._follows = asked.form is Form.EVENTS
        self._clock = asyncio.get_running_loop().time
        self._began = self._noted = self._spoke = self._clock()
        self._events = 0
        self._whole: list[bytes] = []
        self._size = 0
        self._send: Send | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Raises a problem while nothing has been sent. What fails later drops the connection: the subscriber comes
        back with the last cursor that he got."""
        with self._streams.gate.entered(self._subscriber):
            answering = asyncio.create_task(self._answer(send))
            leaving = asyncio.create_task(_disconnected(receive))
            try:
                await asyncio.wait({answering, leaving}, return_when=asyncio.FIRST_COMPLETED)
                if answering.done():
                    answering.result()
            finally:
                leaving.cancel()
                answering.cancel()
                await asyncio.wait({answering})
                if not answering.cancelled():
                    answering.exception()  # of an answer that nobody reads any more nothing is to be said
                self._replay.close()
                if self._follows and self._sending.events:
                    await asyncio.shield(self._note_rest())

    async def _answer(self, send: Send) -> None:
        try:
            await self._write(send)
        except FAILURES as error:
            problem = failed(error)
            if self._send is None:
                raise problem from None
            # Returning without an end of the answer makes the server drop the connection.

    async def _write(self, send: Send) -> None:
        self._began = self._noted = self._spoke = self._clock()
        behind = True
        while True:
            piece = await self._replay.piece(self._asked.limit - self._events, self._pen.item)
            parts = piece.parts
            self._events += piece.events
            self._sending.add(piece.events, self._streams.clock.now())
            over = self._over(piece)
            if self._follows:
                if piece.at_end and behind:
                    parts.append(self._pen.notice("end"))
                behind = not piece.at_end
                if self._clock() - self._noted >= NOTED_EVERY_SECONDS:
                    await self._note()
            elif over or self._stretched():
                await self._note()
                parts.append(self._pen.notice("end" if over and piece.at_end else "position"))
            await self._put(send, parts)
            if over:
                await self._end(send)
                return
            if piece.at_end:
                await self._wait(send)

    def _over(self, piece: Piece) -> bool:
        asked, settings, open_for = self._asked, self._streams.settings, self._clock() - self._began
        if self._streams.closing.is_set() or not asked.may_go_on() or self._events >= asked.limit:
            return True
        if self._follows:
            return open_for >= settings.connection_seconds
        if piece.at_end:
            return self._events > 0 or open_for >= asked.wait
        return open_for >= settings.request_seconds or self._size >= BATCH_BYTES

    def _stretched(self) -> bool:
        return self._sending.events >= STRETCH_EVENTS or self._clock() - self._noted >= STRETCH_SECONDS

    async def _wait(self, send: Send) -> None:
        """Until there is more, or the answer is over."""
        while not self._streams.closing.is_set() and self._asked.may_go_on():
            if self._asked.form is not Form.BATCH and self._silent_for() >= self._streams.settings.heartbeat_seconds:
                await self._put(send, [self._pen.notice("heartbeat")])
            if self._follows and self._clock() - self._noted >= NOTED_EVERY_SECONDS:
                await self._note()
            seconds = LOOK_SECONDS
            if not self._follows:
                seconds = min(seconds, self._asked.wait - (self._clock() - self._began))
            if seconds <= 0 or await self._replay.goes_on(seconds):
                return

    def _silent_for(self) -> float:
        return self._clock() - self._spoke

    async def _put(self, send: Send, parts: list[bytes]) -> None:
        if self._asked.form is Form.BATCH:
            self._whole += parts
            self._size += sum(map(len, parts))
            return
        if self._send is None:
            await self._start(send)
        if parts:
            await self._put_bytes(b"".join(parts))

    async def _start(self, send: Send) -> None:
        self._send = send
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        if self._follows:
            await self._put_bytes(OPENING)

    async def _put_bytes(self, body: bytes, *, more: bool = True) -> None:
        assert self._send is not None  # noqa: S101 - the answer has begun
        self._spoke = self._clock()
        async with asyncio.timeout(self._streams.settings.send_seconds):
            await self._send({"type": "http.response.body", "body": body, "more_body": more})

    async def _end(self, send: Send) -> None:
        if self._asked.form is Form.BATCH:
            await self._start(send)
        await self._put_bytes(self._pen.whole(self._whole) if self._whole else b"", more=False)

    async def _note(self) -> None:
        self._noted = self._clock()
        if not self._sending.events:
            return
        async with acquire(self._streams.pool) as connection:
            await self._sending.note(connection, self._streams.clock.now())

    async def _note_rest(self) -> None:
        try:
            await self._note()
        except Revoked:
            pass  # it is written down, and over
        except UNREACHABLE as error:
            _log.error("transfer_not_noted", stream=self._replay.feed.topic.name, cause=type(error).__name__)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
