"""Knows, in every HTTP process, who may no longer act, or no longer in that role, although the token has not expired.

Read from `volunteer-registered`, from its beginning, into memory: no group and no position, since every process needs
all of it and a late or repeated event does no harm (the highest revision of a volunteer wins).
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from aiokafka.structs import ConsumerRecord
from faststream import AckPolicy
from faststream.kafka import KafkaBroker, KafkaMessage
from faststream.kafka.message import FAKE_CONSUMER
from faststream.message import StreamMessage
from faststream.security import SASLScram256

from shared.contracts.events import VolunteerStatus
from shared.contracts.topics import VOLUNTEER_REGISTERED
from shared.kafka.settings import KafkaSettings
from shared.observability.logs import log

RETRY_SECONDS = 2.0
"""Kafka may be away when a process starts. The process serves meanwhile; the short life of tokens is the bound until
then."""

TOKENS_OUTLIVED_SECONDS = 20 * 60.0
"""A token of a role that was left lives for 15 minutes from before the change; after this time there is none."""
MOST_LEFT = 100_000
"""Roles left within that time, 30 MB of them. More people than coordinators there are do not change roles at once; were
it so, the oldest are forgotten, and their tokens bounded by their short life alone."""

BARRED = (VolunteerStatus.SUSPENDED, VolunteerStatus.WITHDRAWN)
_log = log(__name__)


class _Held(msgspec.Struct, frozen=True):
    role: str  # also one that is only known to newer services: the rest has to be read all the same
    area: str


class _Standing(msgspec.Struct):
    """The part of `VolunteerRegistered` that is needed here."""

    volunteer_id: UUID
    status: VolunteerStatus
    revision: int
    role: str
    area: str
    before: _Held | None = None


class BarredVolunteers:
    """The suspended and withdrawn volunteers, and the roles that were left lately, kept up to date from the stream."""

    def __init__(self, settings: KafkaSettings, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._left: OrderedDict[tuple[UUID, str, str], float] = OrderedDict()
        self._moved: dict[UUID, float] = {}
        self._decoder = msgspec.json.Decoder(_Standing)
        self._revisions: dict[UUID, int] = {}
        self._barred: set[UUID] = set()
        self._starting: asyncio.Task[None] | None = None
        self._broker = KafkaBroker(
            settings.bootstrap,
            security=SASLScram256(username=settings.username, password=settings.password, use_ssl=False),
            allow_auto_create_topics=False,
            logger=None,
        )
        subscriber = self._broker.subscriber(
            VOLUNTEER_REGISTERED.name,
            group_id=None,
            auto_offset_reset="earliest",
            # Without a group there is nothing to acknowledge; a record that cannot be read is passed over by `_take`.
            ack_policy=AckPolicy.MANUAL,
            parser=_parse,
            decoder=_undecoded,
        )
        subscriber(self._take)

    def is_barred(self, subject: UUID) -> bool:
        """True for suspended and withdrawn volunteers."""
        return subject in self._barred

    def has_left(self, subject: UUID, role: str, area: str) -> bool:
        """True for a role in an area that somebody held until a moment ago, and holds no more."""
        return self._left.get((subject, role, area), 0.0) > self._now()

    def moved_since(self, subject: UUID, moment: datetime) -> bool:
        """True for somebody whose role or area changed after `moment`, however long ago that is."""
        return self._moved.get(subject, 0.0) > moment.timestamp()

    async def start(self) -> None:
        """Begins to read; when Kafka is away it is tried again in the background."""
        self._starting = asyncio.create_task(self._start())

    async def stop(self) -> None:
        """Ends reading."""
        if self._starting is not None:
            self._starting.cancel()
        await self._broker.stop()

    async def _start(self) -> None:
        while True:
            try:
                await self._broker.start()
            except Exception as error:  # whatever the cause, this process serves without the list and tries again
                _log.warning("barred_volunteers_unknown", cause=type(error).__name__)
                await asyncio.sleep(RETRY_SECONDS)
            else:
                return

    async def _take(self, body: Any, message: KafkaMessage) -> None:
        record = message.raw_message
        if not isinstance(record, ConsumerRecord) or record.value is None:
            return
        try:
            standing = self._decoder.decode(record.value)
        except (ValueError, RecursionError):
            return  # poison is put aside by the projector, which reports it
        if standing.revision <= self._revisions.get(standing.volunteer_id, 0):
            return
        self._revisions[standing.volunteer_id] = standing.revision
        if standing.status in BARRED:
            self._barred.add(standing.volunteer_id)
        elif standing.status is VolunteerStatus.APPROVED:
            # Somebody who withdrew and signed up again waits: a token from before is good again once he is approved.
            self._barred.discard(standing.volunteer_id)
        self._note_left(standing, record.timestamp / 1_000)  # the event's own time (shared/kafka/relay.py)

    def _note_left(self, standing: _Standing, changed_at: float) -> None:
        self._left.pop((standing.volunteer_id, standing.role, standing.area), None)
        before, outlived_at = standing.before, changed_at + TOKENS_OUTLIVED_SECONDS
        if before is None or (before.role, before.area) == (standing.role, standing.area):
            return
        self._moved[standing.volunteer_id] = changed_at
        if outlived_at <= self._now():
            return
        self._left[standing.volunteer_id, before.role, before.area] = outlived_at
        while self._left and (len(self._left) > MOST_LEFT or next(iter(self._left.values())) <= self._now()):
            self._left.popitem(last=False)


async def _parse(record: ConsumerRecord) -> StreamMessage[ConsumerRecord]:
    """FastStream's own parser decodes headers as UTF-8 and drops records whose headers are not (faststream#2458)."""
    return KafkaMessage(body=record.value or b"", raw_message=record, consumer=FAKE_CONSUMER)


async def _undecoded(message: StreamMessage[ConsumerRecord]) -> bytes:
    return message.body
