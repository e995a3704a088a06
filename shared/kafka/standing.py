"""Knows, in every HTTP process, who may no longer act, or no longer in that role, although the token has not expired.

Read from `volunteer-registered`, from its beginning, into memory: no group and no position, since every process needs
all of it and a late or repeated event does no harm (the highest revision of a volunteer wins).
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from uuid import UUID

import msgspec
from aiokafka.structs import ConsumerRecord

from shared.contracts.events import VolunteerStatus
from shared.contracts.topics import VOLUNTEER_REGISTERED
from shared.kafka.settings import KafkaSettings
from shared.kafka.watched import WatchedConsumer
from shared.observability.logs import log

RETRY_SECONDS = 2.0
"""Kafka may be away when a process starts. The process serves meanwhile; the short life of tokens is the bound until
then."""

FETCH_BYTES = 128 * 1024
"""Of each partition at once, some 400 events: a process that begins reads a country's million of them, and must not
hold what 24 partitions could give at a time."""

AT_ONCE = 500
"""Records, some 5 ms of work: requests are answered in between."""
WAIT_MILLISECONDS = 10_000
"""Until something comes; it is given at once then."""

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
        self._settings = settings
        self._reading: asyncio.Task[None] | None = None

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
        self._reading = asyncio.create_task(self._read())

    async def stop(self) -> None:
        """Ends reading."""
        if self._reading is not None:
            self._reading.cancel()
            with suppress(asyncio.CancelledError):
                await self._reading

    async def _read(self) -> None:
        while True:
            try:
                await self._follow()
            except Exception as error:  # whatever the cause, this process serves without the list and tries again
                _log.warning("barred_volunteers_unknown", cause=type(error).__name__)
            await asyncio.sleep(RETRY_SECONDS)

    async def _follow(self) -> None:
        """Reads from the beginning until something fails. aiokafka itself waits for a broker that was once there."""
        consumer = WatchedConsumer(
            VOLUNTEER_REGISTERED.name,
            **self._settings.for_aiokafka(),
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            max_partition_fetch_bytes=FETCH_BYTES,
        )
        try:
            await consumer.start()
            while True:
                for records in (await consumer.getmany(timeout_ms=WAIT_MILLISECONDS, max_records=AT_ONCE)).values():
                    for record in records:
                        self.take(record)
                await asyncio.sleep(0)  # what is fetched already would come without anybody else having a turn
        finally:
            await consumer.stop()

    def take(self, record: ConsumerRecord) -> None:
        """Takes notice of one record; what cannot be read is passed over."""
        if record.value is None:
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
