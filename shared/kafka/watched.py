"""aiokafka's consumer, which says so when it fetches no more."""

from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.structs import ConsumerRecord


class WatchedConsumer(AIOKafkaConsumer):  # type: ignore[misc]  # aiokafka has no types
    """A consumer that is noticed to have fallen silent.

    aiokafka fetches in a task of its own, and `getmany` does not look whether that has ended: it goes on answering that
    nothing has come, and heartbeats keep the partitions (aiokafka#983). By the code of 0.14 that can happen when two
    requests run into their time-out together and the second finds the connection gone; it was not seen here.
    """

    async def getmany(
        self, *partitions: TopicPartition, timeout_ms: int = 0, max_records: int | None = None
    ) -> dict[TopicPartition, list[ConsumerRecord]]:
        """As aiokafka's; raises `KafkaError` when nothing is fetched any more: this consumer is of no use then."""
        if self._fetcher.error_future.done():
            raise KafkaError("aiokafka's fetching has ended")
        fetched: dict[Any, Any] = await super().getmany(*partitions, timeout_ms=timeout_ms, max_records=max_records)
        return fetched
