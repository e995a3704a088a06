"""A gatekeeper, and subscribers that it has let in."""

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field

import pytest
from confluent_kafka import Producer

from services.reporting.subscribers.domain import Grant, group_prefix, user_of
from services.reporting.subscribers.gate import Admission, Gate
from tests.integration.outside.actors import TOPICS, Attempts, outside
from tests.runtime import Runtime, bare


@dataclass
class Door:
    """Lets subscribers in by name, and keeps in mind who is in."""

    runtime: Runtime
    gate: Gate
    inside: dict[str, Admission] = field(default_factory=dict)

    async def let_in(self, name: str, *streams: str, password: str | None = None, **limits: int) -> Attempts:
        """One more, or one with other rights. Without a password its old one stays."""
        self.inside[name] = Admission(
            user_of(name), group_prefix(name), Grant(streams, **limits), password or f"password of {name}"
        )
        await self.bring()
        return self.attempts(name)

    async def shut_out(self, *names: str) -> None:
        """These may no longer."""
        for name in names:
            self.inside.pop(name, None)
        await self.bring()

    async def bring(self) -> frozenset[str]:
        """As the keeper does."""
        return await self.gate.bring(list(self.inside.values()))

    def attempts(self, name: str) -> Attempts:
        """As that subscriber."""
        return Attempts(outside(self.runtime, user_of(name), f"password of {name}"), f"{group_prefix(name)}1")


@pytest.fixture(scope="package")
def runtime() -> Iterator[Runtime]:
    """A broker of their own: what is tried here leaves junk in the public topics, where others read."""
    with bare() as stack:
        yield Runtime(stack)


@pytest.fixture(scope="module")
async def door(runtime: Runtime) -> AsyncIterator[Door]:
    """Nobody is in at first, nor in the end."""
    found = Door(runtime, Gate(runtime.kafka_settings("gatekeeper")))
    await found.bring()
    yield found
    await found.shut_out(*found.inside)


@pytest.fixture(scope="module")
def filled(runtime: Runtime) -> None:
    """Every topic has a record in its first partition."""
    fill(runtime, TOPICS, 1)


def fill(runtime: Runtime, topics: Sequence[str], count: int, value: bytes = b"{}", partition: int = 0) -> None:
    """Write records as an administrator."""
    producer = Producer({**runtime.kafka_settings().for_librdkafka(), "linger.ms": 5})
    for topic in topics:
        for _ in range(count):
            producer.produce(topic, value, partition=partition)
    assert producer.flush(60) == 0
