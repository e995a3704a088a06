"""New passwords for a service while phones send."""

import asyncio
import os

import asyncpg
import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from deploy.catalogue import SURVEY
from deploy.local import passwords
from deploy.local.stack import Stack
from tests.faults import ledger
from tests.faults.play import phones_of
from tests.runtime import Runtime

VISITS = 40


async def test_a_service_takes_new_passwords_up_and_loses_nothing(stack: Stack) -> None:
    runtime = Runtime(stack)
    files = [stack.secrets.postgres_password_file("survey"), stack.secrets.kafka_password_file("survey")]
    former = {file: file.read_text() for file in files}
    old: dict[str, str | int | float | bool] = {
        "bootstrap.servers": stack.kafka.bootstrap,
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": "SCRAM-SHA-256",
        "sasl.username": "survey",
        "sasl.password": stack.secrets.kafka_password("survey"),
    }
    assert AdminClient(old).list_topics(timeout=10).topics

    counted = await ledger.value(runtime, "reporting", ledger.VISITS)
    phones = phones_of(stack, f"passwords {os.getpid()}")
    told: list[str] = []
    async with asyncio.TaskGroup() as group:
        group.create_task(phones.run())
        await phones.progress(VISITS)
        await asyncio.to_thread(passwords.rotate, stack, [SURVEY], told.append)
        await phones.progress(VISITS)
        phones.finish()
    assert len(told) == 1
    wanted = counted + len(phones.accepted)
    assert await ledger.settled(runtime, "reporting", ledger.VISITS, wanted) == wanted

    for file, text in former.items():
        assert file.read_text() != text
        assert file.stat().st_mode & 0o777 == 0o600
    with pytest.raises(KafkaException):
        AdminClient({**old, "log_level": 0}).list_topics(timeout=5)
    connection = stack.postgres.connection(database="survey") | {"user": "survey"}
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(**connection | {"password": former[files[0]].strip()})
