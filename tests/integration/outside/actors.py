"""Everybody who might try Kafka, and everything that one might try; each attempt says what became of it."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import ClusterAuthorizationFailedError, NoError, for_code
from aiokafka.helpers import create_ssl_context
from aiokafka.protocol.admin import DescribeAclsRequest
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.protocol.transaction import InitProducerIdRequest
from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from shared.contracts.topics import ALL
from shared.kafka.users import Users
from tests.runtime import Runtime

SECONDS: Final = 15.0
TOPICS: Final = tuple(topic.name for topic in ALL)
GUESSED: Final = f"guessed-{uuid4()}"
"""The name of a topic that does not exist."""

Settings = Mapping[str, Any]


def outside(runtime: Runtime, user: str, password: str, **other: Any) -> dict[str, Any]:
    """How a subscriber connects."""
    return {
        "bootstrap.servers": runtime.stack.kafka.external_bootstrap,
        "security.protocol": "SASL_SSL",
        "ssl.ca.location": str(runtime.stack.kafka.certificates.authority),
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": user,
        "sasl.password": password,
        "log_level": 0,
    } | other


def inside(runtime: Runtime, user: str, password: str | None = None, **other: Any) -> dict[str, Any]:
    """How a service connects."""
    settings = runtime.kafka_settings(user if password is None else "admin").for_librdkafka()
    given = {} if password is None else {"sasl.username": user, "sasl.password": password}
    return {**settings, **given, "log_level": 0} | other


def for_aiokafka(settings: Settings) -> dict[str, Any]:
    """The same for aiokafka."""
    authority = settings.get("ssl.ca.location")
    return {
        "bootstrap_servers": settings["bootstrap.servers"],
        "security_protocol": settings["security.protocol"],
        "sasl_mechanism": settings["sasl.mechanism"],
        "sasl_plain_username": settings["sasl.username"],
        "sasl_plain_password": settings["sasl.password"],
        "ssl_context": None if authority is None else create_ssl_context(cafile=authority),
    }


def gets_in(settings: Settings, *, hung_up: bool = False) -> bool:
    """Whether Kafka talks to somebody at all; a no is one that it said: neither is a failure. hung_up: it says none to
    whoever does not speak its protocol, and ends the connection."""
    noes = {KafkaError._ALL_BROKERS_DOWN} if hung_up else {KafkaError._AUTHENTICATION, KafkaError._SSL}
    heard: list[KafkaError] = []
    listening: dict[str, Any] = {**settings, "error_cb": heard.append}
    client = AdminClient(listening)
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        try:
            client.list_topics(timeout=0.5)
            return True
        except KafkaException:
            client.poll(0.1)
        if {error.code() for error in heard} & noes:
            return False
    raise AssertionError(f"neither let in nor refused: {set(map(str, heard))}")


@dataclass(frozen=True)
class Attempts:
    """Tries everything as one user."""

    settings: Settings
    group: str
    """A group's name that it may use, if any."""

    @property
    def admin(self) -> AdminClient:
        """Its administrator's client; whoever can sign in may open one."""
        return AdminClient(dict(self.settings))

    def visible(self) -> set[str]:
        """The topics that it is shown when it asks for all."""
        return set(self.admin.list_topics(timeout=SECONDS).topics)

    def readable(self, topics: Sequence[str] = TOPICS) -> set[str]:
        """The topics of which it is given records. It asks for them without looking around first, as no client library
        does, and as somebody who knows the names would."""
        return {topic for topic, code in asyncio.run(self._fetched(topics)).items() if code == 0}

    @asynccontextmanager
    async def _client(self) -> AsyncIterator[AIOKafkaClient]:
        client = AIOKafkaClient(**for_aiokafka(self.settings))
        try:
            await client.bootstrap()
            yield client
        finally:
            await client.close()

    async def _fetched(self, topics: Sequence[str]) -> Mapping[str, int]:
        asked = [(topic, [(0, 0, 2**20)]) for topic in topics]
        async with self._client() as client:
            answer = await client.send(client.get_random_node(), FetchRequest(500, 1, 2**24, 0, asked))
        found: dict[str, int] = {}
        for topic, ((_partition, code, *_others, records),) in answer.topics:
            assert code in (0, KafkaError.TOPIC_AUTHORIZATION_FAILED)
            assert bool(records) == (code == 0), topic
            found[topic] = code
        assert found.keys() == set(topics)
        return found

    def writable(self, topics: Sequence[str] = TOPICS, *, idempotent: bool = False) -> set[str]:
        """The topics that take a record from it."""
        producer = Producer(
            {**self.settings, "message.timeout.ms": int(SECONDS * 1000), "enable.idempotence": idempotent}
        )
        outcomes: dict[str, KafkaError | None] = {}

        def note(topic: str) -> Callable[[KafkaError | None, Any], None]:
            return lambda error, _record: outcomes.__setitem__(topic, error)

        for topic in topics:
            producer.produce(topic, b"{}", partition=0, on_delivery=note(topic))
        producer.flush(SECONDS)
        assert len(outcomes) == len(topics), f"neither taken nor refused: {set(topics) - outcomes.keys()}"
        assert {error.code() for error in outcomes.values() if error} <= {KafkaError.TOPIC_AUTHORIZATION_FAILED}
        return {topic for topic, error in outcomes.items() if error is None}

    def joins(self, group: str, topic: str) -> bool:
        """Whether it is given a place in the group, and may note its own there."""
        consumer = Consumer({**self.settings, "group.id": group, "enable.auto.commit": False})
        try:
            consumer.subscribe([topic])
            deadline = time.monotonic() + SECONDS
            while time.monotonic() < deadline:
                record = consumer.poll(0.1)
                if record is not None and (error := record.error()):
                    assert error.code() in _REFUSALS, error
                    return False
                if consumer.assignment():
                    consumer.commit(offsets=[TopicPartition(topic, 0, 0)], asynchronous=False)
                    return True
        finally:
            consumer.close()
        raise AssertionError("neither allowed nor refused")

    def possible(self, victim: str) -> set[str]:
        """What else it can do: to topics, to the group `victim` of somebody else, and to Kafka itself."""
        return {name for name, attempt in self._others(victim).items() if _allowed(attempt)}

    def _others(self, victim: str) -> Mapping[str, Callable[[], object]]:
        admin = self.admin
        topics = [*TOPICS]
        return {
            "create a topic": lambda: _each(admin.create_topics([NewTopic(GUESSED, 1, 1)], validate_only=True)),
            "add partitions": lambda: _each(
                admin.create_partitions([NewPartitions(topic, 48) for topic in topics], validate_only=True)
            ),
            "read settings of topics": lambda: _each(
                admin.describe_configs([ConfigResource(ConfigResource.Type.TOPIC, topic) for topic in topics])
            ),
            "change settings of topics": lambda: _each(
                admin.incremental_alter_configs(
                    [_change(ConfigResource.Type.TOPIC, topic, "retention.ms") for topic in topics], validate_only=True
                )
            ),
            "delete records": lambda: _each(admin.delete_records([TopicPartition(topic, 23, 0) for topic in topics])),
            "change settings of the broker": lambda: _each(
                admin.incremental_alter_configs(
                    [_change(ConfigResource.Type.BROKER, "1", "log.cleaner.threads")], validate_only=True
                )
            ),
            "read rights": lambda: asyncio.run(self._ask(DescribeAclsRequest(1, None, 1, None, None, 1, 1))),
            "give itself rights": lambda: _each(admin.create_acls([_right(str(self.settings["sasl.username"]))])),
            "set passwords": lambda: _each(
                admin.alter_user_scram_credentials(
                    [
                        UserScramCredentialUpsertion(
                            f"ext-{GUESSED}", ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096), b"guessed"
                        )
                    ]
                )
            ),
            "read who has passwords": lambda: asyncio.run(self._credentials()),
            "set quotas": lambda: asyncio.run(self._set_quotas()),
            "look at another's group": lambda: _each(admin.describe_consumer_groups([victim])),
            "read another's place": lambda: _each(
                admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(victim)])
            ),
            "move another's place": lambda: _moved(
                admin.alter_consumer_group_offsets(
                    [ConsumerGroupTopicPartitions(victim, [TopicPartition(TOPICS[0], 0, 0)])]
                )
            ),
            "delete another's group": lambda: _each(admin.delete_consumer_groups([victim])),
            "see another's group in the list": lambda: _present(
                victim, (each.group_id for each in admin.list_consumer_groups().result(SECONDS).valid)
            ),
            "take a producer's number": lambda: asyncio.run(self._ask(InitProducerIdRequest(None, 1000))),
            "begin a transaction": self._begin,
        }

    async def _credentials(self) -> None:
        async with self._client() as client:
            await Users(client).credentials(str(self.settings["sasl.username"]))

    async def _ask(self, request: Any) -> None:
        """A question whose refusal librdkafka keeps to itself."""
        async with self._client() as client:
            error = for_code((await client.send(client.get_random_node(), request)).error_code)
        if error is not NoError:
            raise error

    async def _set_quotas(self) -> None:
        async with self._client() as client:
            await Users(client).set_quotas({f"ext-{GUESSED}": {"consumer_byte_rate": 1e9}})

    def _begin(self) -> None:
        producer = Producer({**self.settings, "transactional.id": "ext-any"})
        producer.init_transactions(SECONDS)

    def deletes(self, topic: str) -> bool:
        """Whether it can delete a topic; the topic is gone then."""
        admin = self.admin  # it must outlive the answer
        return _allowed(lambda: _each(admin.delete_topics([topic])))


_REFUSALS: Final = {
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.GROUP_AUTHORIZATION_FAILED,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED,
    KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
    KafkaError._NOENT,  # who is shown no topic does not find where to send it
}


class _NotThere(Exception):
    """It is not shown."""


def _allowed(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except (_NotThere, ClusterAuthorizationFailedError):
        return False
    except KafkaException as error:
        if error.args[0].code() not in _REFUSALS:
            raise
        return False
    return True


def _each(answers: Mapping[Any, Future[Any]]) -> None:
    """All of them refused is a refusal; a single one allowed is none."""
    refused: list[KafkaException] = []
    for answer in answers.values():
        try:
            answer.result(SECONDS)
        except KafkaException as error:
            refused.append(error)
    if len(refused) == len(answers):
        raise refused[0]


def _moved(answers: Mapping[Any, Future[Any]]) -> None:
    """Who may see a group and not use it is refused by the partition, in an answer that raises nothing."""
    for answer in answers.values():
        for place in answer.result(SECONDS).topic_partitions:
            if place.error is not None:
                raise KafkaException(place.error)


def _present(wanted: str, found: Iterable[str]) -> None:
    if wanted not in found:
        raise _NotThere


def _change(kind: Any, name: str, setting: str) -> ConfigResource:
    entry = ConfigEntry(setting, "1", incremental_operation=AlterConfigOpType.SET)
    return ConfigResource(kind, name, incremental_configs=[entry])


def _right(user: str) -> AclBinding:
    """On a topic that does not exist: whoever really gets it has gained nothing."""
    return AclBinding(
        ResourceType.TOPIC,
        GUESSED,
        ResourcePatternType.LITERAL,
        f"User:{user}",
        "*",
        AclOperation.READ,
        AclPermissionType.ALLOW,
    )
