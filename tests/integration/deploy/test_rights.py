"""Kafka and PostgreSQL really refuse what the catalogue does not grant."""

from __future__ import annotations

import time

import asyncpg
import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from deploy.catalogue import SERVICES, Service
from shared.contracts.topics import ALL, SURVEY_INTAKE, SURVEY_SUBMITTED, VOLUNTEER_REGISTERED, Topic
from tests.runtime import Runtime

SECONDS = 10


def _write(runtime: Runtime, user: str, topic: Topic) -> int | None:
    """Produce one record; the error's code, or None when it was accepted."""
    producer = Producer({**runtime.kafka_settings(user).for_librdkafka(), "log_level": 0})
    outcomes: list[KafkaError | None] = []
    producer.produce(topic.name, b"{}", on_delivery=lambda error, _record: outcomes.append(error))
    producer.flush(SECONDS)
    assert outcomes, "neither accepted nor refused"
    return None if outcomes[0] is None else outcomes[0].code()


def _read(runtime: Runtime, user: str, topic: Topic, group: str) -> int | None:
    """Join a group and be given a place in it; the error's code, or None when all of it was allowed."""
    settings = {**runtime.kafka_settings(user).for_librdkafka(), "log_level": 0, "enable.auto.commit": False}
    consumer = Consumer({**settings, "group.id": group, "auto.offset.reset": "earliest"})
    try:
        consumer.subscribe([topic.name])
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            record = consumer.poll(0.1)
            if record is not None and (error := record.error()):
                return error.code()
            if consumer.assignment():
                consumer.commit(offsets=[TopicPartition(topic.name, 0, 0)], asynchronous=False)
                return None
    finally:
        consumer.close()
    raise AssertionError("neither allowed nor refused")


@pytest.mark.parametrize(
    ("user", "topic"),
    [
        ("registration", SURVEY_SUBMITTED),
        ("registration", SURVEY_INTAKE),
        ("facilities", VOLUNTEER_REGISTERED),
        ("survey", VOLUNTEER_REGISTERED),
        *(("reporting", topic) for topic in ALL),
    ],
    ids=lambda value: value if isinstance(value, str) else value.name,
)
def test_a_service_cannot_write_anothers_topic(runtime: Runtime, user: str, topic: Topic) -> None:
    assert _write(runtime, user, topic) == KafkaError.TOPIC_AUTHORIZATION_FAILED


@pytest.mark.parametrize("user", ["registration", "facilities", "reporting"])
def test_only_survey_reads_the_private_topic(runtime: Runtime, user: str) -> None:
    assert _read(runtime, user, SURVEY_INTAKE, f"{user}-test") == KafkaError.TOPIC_AUTHORIZATION_FAILED


def test_what_a_service_needs_is_allowed(runtime: Runtime) -> None:
    assert _write(runtime, "survey", SURVEY_INTAKE) is None
    assert _read(runtime, "survey", SURVEY_INTAKE, "survey-test") is None
    assert _read(runtime, "reporting", SURVEY_SUBMITTED, "reporting-test") is None


def test_a_service_cannot_consume_in_anothers_group(runtime: Runtime) -> None:
    code = _read(runtime, "reporting", SURVEY_SUBMITTED, "survey-recorder")
    assert code == KafkaError.GROUP_AUTHORIZATION_FAILED


def test_a_service_cannot_delete_a_topic(runtime: Runtime) -> None:
    admin = AdminClient({**runtime.kafka_settings("survey").for_librdkafka(), "log_level": 0})
    (answer,) = admin.delete_topics([SURVEY_INTAKE.name], request_timeout=SECONDS).values()
    with pytest.raises(KafkaException) as refused:
        answer.result(SECONDS)
    assert refused.value.args[0].code() == KafkaError.TOPIC_AUTHORIZATION_FAILED


def test_without_the_password_nobody_gets_in(runtime: Runtime) -> None:
    wrong = {**runtime.kafka_settings("survey").for_librdkafka(), "sasl.password": "guessed", "log_level": 0}
    with pytest.raises(KafkaException):
        AdminClient(wrong).list_topics(timeout=2)


async def _connect(runtime: Runtime, role: str, database: str, **other: object) -> None:
    arguments = runtime.stack.postgres.connection(role, database) | other
    await (await asyncpg.connect(**arguments, timeout=SECONDS)).close()


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
async def test_a_role_connects_to_its_own_database_only(runtime: Runtime, service: Service) -> None:
    await _connect(runtime, service.name, service.name)
    for other in (*(each.name for each in SERVICES if each is not service), "postgres"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await _connect(runtime, service.name, other)


@pytest.mark.parametrize("by", ["socket", "tcp"])
async def test_the_database_asks_for_the_password(runtime: Runtime, by: str) -> None:
    other = {"password": "guessed"} | ({"host": "127.0.0.1"} if by == "tcp" else {})
    with pytest.raises(asyncpg.InvalidPasswordError):
        await _connect(runtime, "survey", "survey", **other)
