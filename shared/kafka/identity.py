"""A topic's identity: Kafka gives every topic an id at its creation, which tells a recreated topic from the former
one. And how many partitions it has by now."""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from confluent_kafka import TopicCollection
from confluent_kafka.admin import AdminClient

from shared.kafka.administration import Admin
from shared.kafka.settings import REQUEST_MILLISECONDS, KafkaSettings


class Described(NamedTuple):
    """What Kafka says of a topic."""

    topic_id: str
    partitions: int


class TopicIdentities:
    """Asks Kafka for the ids of topics. aiokafka speaks a metadata version from before topic ids, hence librdkafka's
    admin client."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._admin = Admin(settings)

    async def of(self, names: Sequence[str]) -> dict[str, str]:
        """The id of each topic; raises TimeoutError when Kafka does not answer, LookupError when a topic does not
        exist."""
        return {name: told.topic_id for name, told in (await self.described(names)).items()}

    async def partitions(self, names: Sequence[str]) -> dict[str, int]:
        """How many partitions each topic has now; raises as `of` does."""
        return {name: told.partitions for name, told in (await self.described(names)).items()}

    async def described(self, names: Sequence[str]) -> dict[str, Described]:
        """Both of each topic; raises as `of` does."""
        return await asyncio.to_thread(self._admin.ask, partial(_describe, list(names)))


def _describe(names: list[str], admin: AdminClient) -> dict[str, Described]:
    seconds = REQUEST_MILLISECONDS / 1000
    futures = admin.describe_topics(TopicCollection(names), request_timeout=seconds)
    described = {}
    for name, future in futures.items():
        try:
            told = future.result(timeout=seconds + 1)
            described[name] = Described(str(told.topic_id), len(told.partitions))
        except TimeoutError:
            raise
        except Exception as error:
            code = getattr(error.args[0], "name", lambda: "")() if error.args else ""
            if code == "UNKNOWN_TOPIC_OR_PART":
                raise LookupError(f"topic {name} does not exist") from error
            raise TimeoutError(f"Kafka did not tell the identity of {name}: {code or type(error).__name__}") from error
    return described
