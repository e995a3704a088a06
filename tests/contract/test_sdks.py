"""The golden events, on a real broker in binary mode, as the CloudEvents SDKs of three languages understand them."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary_event

from deploy.local.home import CHECKOUT
from deploy.local.tools import Tools
from shared.contracts.envelope import to_headers
from shared.contracts.golden import Example, examples
from shared.contracts.topics import PUBLIC, Topic
from shared.kafka.producer import create_producer
from tests.contract.conftest import READERS
from tests.runtime import Runtime

GOLDEN: Final = list(examples())
PATIENCE_SECONDS: Final = 90.0
"""Java and Node.js begin in some seconds, and a consumer group of kafkajs waits for 3 s for others."""


@dataclass(frozen=True)
class Published:
    """The golden events on topics of their own, by the name of each."""

    runtime: Runtime
    topics: dict[str, Topic]

    @property
    def names(self) -> list[str]:
        """The topics' names on the broker."""
        return [topic.name for topic in self.topics.values()]

    def question(self) -> dict[str, Any]:
        """What a reader outside this process is asked."""
        settings = self.runtime.kafka_settings()
        return {
            "bootstrap": settings.bootstrap,
            "mechanism": settings.for_librdkafka()["sasl.mechanism"],
            "username": settings.username,
            "password": settings.password_file.read_text().strip(),
            "topics": self.names,
            "count": len(GOLDEN),
        }

    def expected(self) -> dict[tuple[str, int, int], dict[str, Any]]:
        """The events in CloudEvents' own terms, by topic, partition and sequence."""
        return {
            (
                self.topics[each.topic.name].name,
                each.partition,
                each.envelope.sequence,
            ): _in_order(each.as_cloudevent())
            for each in GOLDEN
        }


@pytest.fixture(scope="module")
async def published(runtime: Runtime) -> AsyncIterator[Published]:
    """The golden events, published as the services publish, packed by zstd."""
    topics = {topic.name: runtime.create_topic(topic) for topic in PUBLIC}
    producer = create_producer(runtime.kafka_settings())
    await producer.start()
    try:
        for example in GOLDEN:
            await producer.send_and_wait(
                topics[example.topic.name].name,
                example.event.model_dump_json().encode(),
                key=example.key.encode(),
                partition=example.partition,
                headers=to_headers(example.envelope),
            )
    finally:
        await producer.stop()
    yield Published(runtime, topics)
    for topic in topics.values():
        runtime.delete_topic(topic)


def _in_order(event: dict[str, Any]) -> dict[str, Any]:
    """Comparable: SDKs write times each in its own way."""
    return event | {"time": datetime.fromisoformat(str(event["time"]).replace("Z", "+00:00"))}


def understood(answers: Sequence[dict[str, Any]]) -> dict[tuple[str, int, int], dict[str, Any]]:
    """A reader's answers by topic, partition and sequence, and each with the attributes that the contract names."""
    names = GOLDEN[0].as_cloudevent().keys()
    return {
        (each["topic"], each["partition"], int(each["sequence"])): _in_order({name: each[name] for name in names})
        for each in answers
    }


async def answered(command: Sequence[str], question: dict[str, Any], **environment: str) -> list[dict[str, Any]]:
    """What a reader in a process of its own has to say."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=CHECKOUT,
        env={**os.environ, **environment},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        answer, errors = await asyncio.wait_for(process.communicate(json.dumps(question).encode()), PATIENCE_SECONDS)
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode == 0, errors.decode()
    found: list[dict[str, Any]] = json.loads(answer)
    return found


def test_some_events_are_in_thai() -> None:
    def thai(example: Example) -> bool:
        return any("\u0e00" < letter < "\u0e7f" for letter in example.event.model_dump_json())

    assert {example.topic.name for example in GOLDEN if thai(example)} == {
        "facility-updated",
        "further-facility-updated",
    }


async def test_python_understands_every_golden_event(published: Published) -> None:
    consumer = AIOKafkaConsumer(**published.runtime.kafka_settings().for_aiokafka(), enable_auto_commit=False)
    await consumer.start()
    answers: list[dict[str, Any]] = []
    try:
        consumer.assign(
            [TopicPartition(topic.name, n) for topic in published.topics.values() for n in range(topic.partitions)]
        )
        await consumer.seek_to_beginning()
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(answers) < len(GOLDEN):
                record = await consumer.getone()
                event = from_binary_event(KafkaMessage(dict(record.headers), record.key, record.value))
                attributes = {**event.get_attributes(), "time": str(event.get_time())}
                answers.append(
                    {**attributes, "topic": record.topic, "partition": record.partition, "data": event.get_data()}
                )
    finally:
        await consumer.stop()
    assert understood(answers) == published.expected()


async def test_java_understands_every_golden_event(published: Published, java_reader: Path) -> None:
    kafka = Tools(published.runtime.stack.home.tools).jars
    command = [sys.executable, "-m", "tests.contract.readers.java", str(kafka), str(java_reader)]
    assert understood(await answered(command, published.question())) == published.expected()


async def test_javascript_understands_every_golden_event(published: Published, node_readers: Path) -> None:
    command = [str(Path(sys.executable).with_name("node")), str(READERS / "events.cjs")]
    question = published.question() | {"group": "golden-events-javascript"}
    answers = await answered(command, question, NODE_PATH=str(node_readers))
    assert understood(answers) == published.expected()
