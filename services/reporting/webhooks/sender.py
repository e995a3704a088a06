"""One subscription at work: the challenge, or event after event until one fails, each in its turn.

1. Read a few events of a stream with the replay's reader, and write them down, each with the position behind it: read
   again, they might come in another order and with other numbers.
2. Send one, and wait for the answer: nothing else of the subscription is on its way meanwhile, so that all events of an
   entity come in their order.
3. Write down the outcome and the position behind it in one transaction. Killed before it, the event is sent again, with
   the same id and the same body.
4. After a failure let the subscription go: it is due again at the time that was written down.
"""

import asyncio
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import random
from typing import Final

import msgspec

from services.reporting.streams.cursors import Seal
from services.reporting.streams.extents import Extents
from services.reporting.streams.feed import Feed, Gap, Item
from services.reporting.streams.position import Place, Position, unpack
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
from services.reporting.webhooks.signing import signed_headers
from services.reporting.webhooks.store import Held
from shared.contracts.topics import Topic
from shared.observability.clock import Clock
from shared.observability.logs import log
from shared.observability.metrics import WEBHOOK_DELIVERIES

PIECE_EVENTS: Final = 50
"""Of a stream, before it is the turn of the subscription's next one; held in memory meanwhile, some 50 kB."""
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
        self._renewed = self._loop_time()
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
        found, at_end = await stream.piece()
        for each in found:
            if stopping.is_set() or not await self._may_go_on():
                return False
            await self._renew()
            now = self._clock.now()
            headers = signed_headers(each.event_id, each.body, now, self._lease.secrets(now))
            answered = await self._endpoint.post(headers, each.body)
            now = self._clock.now()
            if not isinstance(answered, Answered) or not _succeeded(answered):
                await self._failed(answered, stream.topic.name, each.event_id, stream.held)
                return False
            WEBHOOK_DELIVERIES.labels("delivered").inc()
            held = stream.held.behind(each.packed, int(each.is_event), now)
            last = at_end and each is found[-1]
            noted = last or (held.began_at is not None and now - held.began_at >= NOTED_EVERY)
            stream.held = await self._lease.moved(stream.topic.name, held, now, each, noted=noted)
            self._renewed = self._loop_time()
            self._attempts, self._failing_since = 0, None
        if stream.passed_over():
            held = stream.held.behind(stream.packed(), 0, None)
            stream.held = await self._lease.moved(stream.topic.name, held, self._clock.now(), None, noted=at_end)
        return True

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
            await self._failed(Cause.CHALLENGE, None, event_id, None, status=answered.status)
            return
        await self._failed(answered, None, event_id, None)

    async def _failed(
        self,
        answered: Answered | Cause,
        stream: str | None,
        event_id: str,
        held: Held | None,
        status: int | None = None,
    ) -> None:
        now = self._clock.now()
        since = self._failing_since or now
        attempts = self._attempts + 1
        wait, cause = retry_in(attempts, random()), answered  # noqa: S311 - so that not all come back at once
        if isinstance(answered, Answered):
            status = answered.status
            cause = Cause.REDIRECT if 300 <= status < 400 else Cause.STATUS
            wait = max(wait, asked_to_wait(answered.retry_after, now))
        WEBHOOK_DELIVERIES.labels(str(cause)).inc()
        turn = self._turn(status, attempts, since, now, verifying=stream is None)
        again = None if turn else now + wait
        assert isinstance(cause, Cause)  # noqa: S101 - an answer was turned into one
        await self._lease.failed(attempts, since, Failed(stream, event_id, cause, status, now, again), held)
        if turn is not None:
            await self._turn_to(*turn, now)

    @staticmethod
    def _turn(
        status: int | None, attempts: int, since: datetime, now: datetime, *, verifying: bool
    ) -> tuple[State, Reason] | None:
        if verifying:
            return (State.UNVERIFIED, Reason.CHALLENGE_NOT_ANSWERED) if attempts >= VERIFICATIONS else None
        if status == _GONE:
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
        position.places.extend(Place() for _ in range(topic.partitions - len(position.places)))
        position.rebase()
        self._packed = position.pack()
        self._replay = Replay(Feed(topic, position), sources.extents, sources.readers)
        self._found: list[Message] = []

    async def goes_on(self) -> bool:
        """Whether there is something to read."""
        return bool(self._planned) or await self._replay.goes_on(0)

    async def piece(self) -> tuple[list[Message], bool]:
        """Some messages, written down, and whether these are all that there are now."""
        if self._planned:
            planned, self._planned = self._planned, []
            return planned, False
        self._found = []
        piece = await self._replay.piece(PIECE_EVENTS, self._take)
        if self._found:
            await self._lease.plan(self.topic.name, self._found)
        return self._found, piece.at_end

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
