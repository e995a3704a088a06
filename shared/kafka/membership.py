"""A process's membership of a consumer group: how it joins, hears of rebalances, and leaves."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any, Final, Protocol

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition

from shared.kafka.settings import KafkaSettings
from shared.observability.logs import log

IDLE_MILLISECONDS: Final = 500
"""How long Kafka keeps a fetch that finds nothing: an idle consumer asks twice a second. What else it asks of the same
broker waits as long: where partitions begin and end, when it is given some."""
QUIET_SECONDS: Final = 1.0
"""When nothing has come for so long, there is nothing to gather."""
COLLECTED_BYTES: Final = 1024 * 1024
"""Kafka answers a fetch that collects at once when so much is there: about a thousand submissions, by which the fixed
cost of a batch is spread thin."""
STOP_SECONDS = 15.0
"""Leaving a broker that does not answer takes one request's time-out; whoever stays is put out by Kafka."""

_log = log(__name__)


class Member(Protocol):
    """Who is told which partitions are his."""

    async def revoked(self, partitions: Iterable[TopicPartition]) -> None:
        """These go to another one, who waits until this returns."""

    def assigned(self, partitions: Iterable[TopicPartition]) -> None:
        """These are his now; nothing is read of them until he resumes them."""


def client(
    settings: KafkaSettings, group: str, collect_milliseconds: int, opened: Callable[..., AIOKafkaConsumer]
) -> AIOKafkaConsumer:
    """A client for a member of `group`, not yet joined. collect_milliseconds: how long Kafka lets records gather before
    it answers; 0: it answers with the first that comes. opened: what the client is made by."""
    arguments: dict[str, Any] = settings.for_aiokafka()
    return opened(
        **arguments,
        group_id=group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",  # only until the position is sought; records from elsewhere are not applied
        session_timeout_ms=6_000,  # the shortest that brokers allow: a killed process's partitions move within it
        heartbeat_interval_ms=1_000,
        rebalance_timeout_ms=60_000,
        max_poll_interval_ms=300_000,
        fetch_min_bytes=COLLECTED_BYTES if collect_milliseconds else 1,
        fetch_max_wait_ms=collect_milliseconds or IDLE_MILLISECONDS,
        max_partition_fetch_bytes=1024 * 1024,
    )


class Gathering:
    """Has Kafka answer a fetch with the first record that comes when none has come for a while, and lets records gather
    as long as some come. Without this somebody who gathers for 60 ms would ask 17 times a second for nothing."""

    def __init__(self, collect_milliseconds: int) -> None:
        self._collect_milliseconds = collect_milliseconds
        self._heard_at = -QUIET_SECONDS

    def note(self, consumer: AIOKafkaConsumer, *, came: bool) -> None:
        """came: whether the last look into the buffers found records."""
        if not self._collect_milliseconds:
            return
        now = asyncio.get_running_loop().time()
        if came:
            self._heard_at = now
        gathers = now - self._heard_at < QUIET_SECONDS
        # aiokafka reads both anew for each fetch, and has no other way to change them.
        fetcher = consumer._fetcher
        fetcher._fetch_min_bytes = COLLECTED_BYTES if gathers else 1
        fetcher._fetch_max_wait_ms = self._collect_milliseconds if gathers else IDLE_MILLISECONDS


@asynccontextmanager
async def joined(consumer: AIOKafkaConsumer, topics: Iterable[str], member: Member) -> AsyncIterator[None]:
    """In the group for as long as the block lasts."""
    consumer.subscribe(list(topics), listener=_Listener(member, consumer))
    try:
        await consumer.start()
    except Exception:  # tried again and again while Kafka is away: nothing of it may stay open
        await leave(consumer)
        raise
    try:
        yield
    finally:
        await leave(consumer)


async def leave(consumer: AIOKafkaConsumer, seconds: float = STOP_SECONDS) -> None:
    """Ends a consumer, which leaves its group if it has one, at the latest after so many seconds.

    While Kafka is away, aiokafka lets the cancellation of its own fetch task out of `stop()`. It must not be taken for
    one of ours: a task group holds a cancelled task for a finished one, and this process would do nothing from then on,
    in silence.
    """
    stopped = asyncio.ensure_future(consumer.stop())
    await asyncio.wait([stopped], timeout=seconds)
    if not stopped.done():
        stopped.cancel()
        _log.warning("consumer_not_stopped", seconds=seconds)
    elif not stopped.cancelled() and (error := stopped.exception()) is not None:
        _log.warning("consumer_stopped_badly", cause=type(error).__name__)


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """Tells the member of rebalances. Fetching starts before `on_partitions_assigned` ends (aiokafka#738): pause at
    once."""

    def __init__(self, member: Member, consumer: AIOKafkaConsumer) -> None:
        self._member = member
        self._consumer = consumer

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        await self._member.revoked(revoked)

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        self._consumer.pause(*assigned)
        self._member.assigned(assigned)
