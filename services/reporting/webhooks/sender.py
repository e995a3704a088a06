"""One subscription at work: the challenge, or event after event until one fails, each in its turn.

1. Read a few events of a stream with the replay's reader, and write them down, each with the position behind it: read
   again, they might come in another order and with other numbers.
2. Send them, those of one partition one after another, so that all events of an entity come in their order; of
   several partitions at once where the subscriber wants it, since each answer takes a way there and back.
3. Write down, twice a second and at the end, what was delivered and the position behind it in one transaction. Killed
   before it, these events are sent again, with the same ids and the same bodies.
4. After a failure let the subscription go: it is due again at the time that was written down.
"""

import asyncio
import hmac
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import random
from typing import Final

import msgspec

from services.reporting.streams.cursors import Seal
from services.reporting.streams.extents import Extents
from services.reporting.streams.feed import Feed, Gap, Item
from services.reporting.streams.position import Position, unpack
from services.reporting.streams.readers import Readers
from services.reporting.streams.replay import Replay
from services.reporting.streams.written import notice
from services.reporting.webhooks.domain import (
    DISABLED_AFTER,
    VERIFICATIONS,
    Cause,
    Reason,
    State,
    asked_to_wait,
    retry_in,
)
from services.reporting.webhooks.endpoint import Answered, Endpoint
from services.reporting.webhooks.leases import Failed, Lease, Message
from services.reporting.webhooks.pieces import Piece
from services.reporting.webhooks.signing import signed_headers
from services.reporting.webhooks.store import Held
from shared.contracts.topics import Topic
from shared.observability.clock import Clock
from shared.observability.logs import log
from shared.observability.metrics import WEBHOOK_DELIVERIES

PIECE_EVENTS: Final = 100
"""Of a stream, before it is the turn of the subscription's next one; held in memory meanwhile, some 100 kB."""
WRITTEN_SECONDS: Final = 0.5
"""What was delivered in this time comes twice when a process is killed. To write it takes as long as an event."""
LOOK_SECONDS: Final = 0.2
"""Between two looks at streams that are at their end: all subscriptions share them."""
NOTED_EVERY: Final = timedelta(seconds=5)
"""So much goes into one row of the transfer log, as with connections that stay open."""
VERIFICATION: Final = "care.jitasa.webhook.verification.v1"
SOURCE: Final = "/jitasa/reporting/webhooks"
_GONE: Final = 410

_log = log(__name__)


class _Identified(msgspec.Struct):
    id: str


class _Challenged(msgspec.Struct):
    challenge: str


_read_id: Final = msgspec.json.Decoder(_Identified).decode
_read_challenge: Final = msgspec.json.Decoder(_Challenged).decode


@dataclass(frozen=True, slots=True)
class Sources:
    """What all senders of a process read from. standing: why an account may get nothing more, or None."""

    topics: tuple[Topic, ...]
    extents: Extents
    readers: Readers
    seal: Seal
    standing: Callable[["Lease"], Reason | None]


class Sender:
    """Works on one subscription, under a lease."""

    def __init__(self, lease: Lease, endpoint: Endpoint, sources: Sources, clock: Clock, lease_seconds: float) -> None:
        self._lease = lease
        self._endpoint = endpoint
        self._sources = sources
        self._clock = clock
        self._renew_after = lease_seconds / 3
        self._loop_time = asyncio.get_running_loop().time
        self._renewed = self._written = self._loop_time()
        self._writing = asyncio.Lock()
        self._someone_there = False
        """Nobody is asked for much at once before he has answered well."""
        self._attempts = lease.subscription.attempts
        self._failing_since = lease.subscription.failing_since

    async def run(self, stopping: asyncio.Event) -> None:
        """Until it fails, the subscription is another's, or `stopping` is set. Raises `Lost`, and what reading and the
        database raise."""
        if not await self._may_go_on():
            return
        if self._lease.subscription.state is State.VERIFYING:
            await self._verify()
            return
        kept = await self._lease.positions()
        streams = [
            _Stream(
                topic,
                kept[topic.name],
                await self._lease.planned(topic.name),
                self._sources,
                self._lease,
                self._clock,
            )
            for topic in self._lease.subscription.topics(self._sources.topics)
            if topic.name in kept
        ]
        try:
            while not stopping.is_set() and await self._may_go_on():
                met = False
                for stream in streams:
                    if not await stream.goes_on():
                        continue
                    met = True
                    if not await self._hand_on(stream, stopping):
                        return
                if not met:
                    await asyncio.wait([waiting := asyncio.ensure_future(stopping.wait())], timeout=LOOK_SECONDS)
                    waiting.cancel()
                await self._renew()
        finally:
            for stream in streams:
                stream.close()

    async def _hand_on(self, stream: "_Stream", stopping: asyncio.Event) -> bool:
        """Sends a piece of a stream; False: not all of it."""
        piece = await stream.piece()
        failures: list[tuple[Message, Answered | Cause]] = []

        async def send(message: Message) -> bool:
            if stopping.is_set() or self._sources.standing(self._lease) is not None:
                return False
            await self._renew()
            now = self._clock.now()
            headers = signed_headers(message.event_id, message.body, now, self._lease.secrets(now))
            answered = await self._endpoint.post(headers, message.body)
            if not isinstance(answered, Answered) or not _succeeded(answered):
                failures.append((message, answered))
                return False
            WEBHOOK_DELIVERIES.labels("delivered").inc()
            piece.has_arrived(message)
            if self._loop_time() - self._written >= WRITTEN_SECONDS and not self._writing.locked():
                await self._write(stream, piece)
            return True

        await piece.send(send, self._lease.subscription.at_once, alone=not self._someone_there)
        await self._write(stream, piece)
        if failures:
            failures.sort(key=lambda failure: failure[0].place)
            await self._failed([(m.event_id, answered) for m, answered in failures], stream.topic.name, stream.held)
            return False
        if not piece.arrived:
            return False
        if stream.passed_over():
            held = stream.held.behind(stream.packed(), 0, None)
            stream.held = await self._lease.moved(stream.topic.name, held, self._clock.now(), None, noted=piece.at_end)
        return True

    async def _write(self, stream: "_Stream", piece: Piece) -> None:
        """What was delivered and is not written down."""
        async with self._writing:
            step, now = piece.step(), self._clock.now()
            if step is None:
                return
            held = stream.held
            if step.last is not None:
                held = held.behind(step.last.packed, step.events, now)
            noted = piece.at_end and piece.arrived
            noted = noted or (held.began_at is not None and now - held.began_at >= NOTED_EVERY)
            stream.held = await self._lease.moved(stream.topic.name, held, now, step.delivered, noted=noted)
            self._renewed = self._written = self._loop_time()
            self._attempts, self._failing_since, self._someone_there = 0, None, True

    async def _verify(self) -> None:
        subscription, now = self._lease.subscription, self._clock.now()
        challenge, event_id = secrets.token_urlsafe(24), f"verification-{secrets.token_hex(16)}"
        body = msgspec.json.encode(
            {
                "specversion": "1.0",
                "type": VERIFICATION,
                "source": SOURCE,
                "id": event_id,
                "time": now,
                "datacontenttype": "application/json",
                "data": {"subscription_id": subscription.subscription_id, "challenge": challenge},
            }
        )
        answered = await self._endpoint.post(signed_headers(event_id, body, now, self._lease.secrets(now)), body)
        if isinstance(answered, Answered) and _succeeded(answered):
            if is_answer(answered.body, challenge):
                await self._lease.turn(State.ACTIVE, None, self._clock.now())
                _log.info("webhook_verified", subscription=str(subscription.subscription_id))
                return
            await self._failed([(event_id, Cause.CHALLENGE)], None, None, answered.status)
            return
        await self._failed([(event_id, answered)], None, None)

    async def _failed(
        self,
        failures: Sequence[tuple[str, Answered | Cause]],
        stream: str | None,
        held: Held | None,
        status: int | None = None,
    ) -> None:
        """Writes down failures by the events' ids. status: of the answer that was no right one to a challenge."""
        now = self._clock.now()
        since = self._failing_since or now
        attempts = self._attempts + 1
        wait = retry_in(attempts, random())  # noqa: S311 - so that not all come back at once
        causes: list[tuple[str, Cause, int | None]] = []
        for event_id, answered in failures:
            if isinstance(answered, Answered):
                wait = max(wait, asked_to_wait(answered.retry_after, now))
                cause = Cause.REDIRECT if 300 <= answered.status < 400 else Cause.STATUS
                causes.append((event_id, cause, answered.status))
            else:
                causes.append((event_id, answered, status))
        statuses = [status for *_, status in causes]
        turn = self._turn(_GONE in statuses, attempts, since, now, verifying=stream is None)
        again = None if turn else now + wait
        for _, cause, _ in causes:
            WEBHOOK_DELIVERIES.labels(str(cause)).inc()
        failed = [Failed(stream, event_id, cause, status, now, again) for event_id, cause, status in causes]
        await self._lease.failed(attempts, since, failed, held)
        if turn is not None:
            await self._turn_to(*turn, now)

    @staticmethod
    def _turn(
        gone: bool, attempts: int, since: datetime, now: datetime, *, verifying: bool
    ) -> tuple[State, Reason] | None:
        if verifying:
            return (State.UNVERIFIED, Reason.CHALLENGE_NOT_ANSWERED) if attempts >= VERIFICATIONS else None
        if gone:
            return State.ENDED, Reason.GONE
        return (State.DISABLED, Reason.FAILED_TOO_LONG) if now - since >= DISABLED_AFTER else None

    async def _turn_to(self, state: State, reason: Reason, now: datetime) -> None:
        await self._lease.turn(state, reason, now)
        _log.warning("webhook_" + state, subscription=str(self._lease.subscription.subscription_id), reason=str(reason))

    async def _may_go_on(self) -> bool:
        reason = self._sources.standing(self._lease)
        if reason is not None:
            await self._turn_to(State.DISABLED, reason, self._clock.now())
        return reason is None

    async def _renew(self) -> None:
        if self._loop_time() - self._renewed >= self._renew_after:
            await self._lease.renew()
            self._renewed = self._loop_time()


class _Stream:
    """A stream of the subscription. `held` is what the database has."""

    def __init__(
        self, topic: Topic, held: Held, planned: list[Message], sources: Sources, lease: Lease, clock: Clock
    ) -> None:
        self.topic = topic
        self.held = held
        self._sources = sources
        self._lease = lease
        self._clock = clock
        self._planned = planned
        position = unpack(planned[-1].packed if planned else held.position)
        position.rebase()
        self._packed = position.pack()
        self._replay = Replay(Feed(topic, position), sources.extents, sources.readers)
        self._found: list[Message] = []

    async def goes_on(self) -> bool:
        """Whether there is something to read."""
        return bool(self._planned) or await self._replay.goes_on(0)

    async def piece(self) -> Piece:
        """Some messages, written down."""
        if self._planned:
            planned, self._planned = self._planned, []
            return Piece(planned, at_end=True)  # perhaps nothing follows with which it would be noted
        self._found = []
        piece = await self._replay.piece(PIECE_EVENTS, self._take)
        if self._found:
            await self._lease.plan(self.topic.name, self._found)
        return Piece(self._found, at_end=piece.at_end)

    def packed(self) -> bytes:
        """The position behind everything that was read."""
        return self._replay.feed.position.pack()

    def passed_over(self) -> bool:
        """Whether something was read, behind the last message, that is not for the subscriber."""
        return self.packed() not in (self.held.position, self._packed)

    def close(self) -> None:
        """Nothing more is read."""
        self._replay.close()

    def _take(self, item: Item) -> bytes:
        position = self._replay.feed.position
        packed, place = position.pack(), len(self._found)
        if isinstance(item, Gap):
            self._found.append(Message(place, *self._told(item, position), packed, is_event=False))
            return b""
        self._found.append(Message(place, _read_id(item).id, item, packed, is_event=True))
        return item

    def _told(self, gap: Gap, position: Position) -> tuple[str, bytes]:
        data = {
            "cursor": self._sources.seal.cursor_of(position),
            "number": f"{position.number:020d}",
            "reason": gap.reason,
            "partition": gap.partition,
        }
        body = notice(self.topic.name, "gap", data, self._clock.now())
        return _read_id(body).id, body


def _succeeded(answered: Answered) -> bool:
    return 200 <= answered.status < 300


def is_answer(body: bytes, challenge: str) -> bool:
    """Whether what an endpoint answered, whatever it is, gives the challenge back."""
    try:
        given = _read_challenge(body).challenge
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False
    return hmac.compare_digest(given.encode(), challenge.encode())
