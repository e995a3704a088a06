"""Services reach Kafka and PostgreSQL by TLS, and only those whose names the authority vouches for."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import ssl
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from deploy.catalogue import FACILITIES
from deploy.databases import Databases
from deploy.local.certificates import Certificates
from deploy.local.home import Home
from deploy.local.kafka import Kafka
from deploy.local.postgres import Postgres
from deploy.local.stack import Stack
from deploy.trouble import Trouble
from shared.contracts.topics import VOLUNTEER_REGISTERED
from shared.kafka.producer import create_producer
from shared.kafka.settings import KafkaSettings
from shared.kafka.standing import BarredVolunteers
from shared.postgres.pool import open_pool
from shared.postgres.settings import PostgresSettings
from tests.integration.deploy import encrypting
from tests.runtime import running

CERTIFIED = "127.0.0.1"
NOT_CERTIFIED = "127.0.0.2"
"""This machine too, by a name that the certificates do not hold."""
TWICE = replace(FACILITIES, name="twice")
TWICE_PASSWORD = "of a service that no stack has"


class _Kafka(Kafka):
    """Its encrypted listener takes the services too, and answers by a name that it cannot prove as well."""

    def _settings(self) -> str:
        encrypted = "listener.name.external."
        return (
            super()
            ._settings()
            .replace(
                f"EXTERNAL://{CERTIFIED}:{self.external_port},CONTROLLER",
                f"EXTERNAL://:{self.external_port},CONTROLLER",
                1,
            )
            .replace(f"{encrypted}sasl.enabled.mechanisms=", f"{encrypted}sasl.enabled.mechanisms=SCRAM-SHA-256,")
            + f"{encrypted}scram-sha-256.sasl.jaas.config="
            "org.apache.kafka.common.security.scram.ScramLoginModule required;\n"
        )


class _Postgres(Postgres):
    """Encrypted, with the certificate that subscribers know Kafka by."""

    def command(self, data: Path | None = None) -> list[str]:
        certificates = Certificates(self._secrets.folder)
        certificates.prepare()
        keystore = self.folder / "certificate.pem"
        shutil.copyfile(certificates.keystore, keystore)
        keystore.chmod(0o600)
        self._give(keystore)
        settings = {
            "ssl": "on",
            "ssl_cert_file": str(keystore),
            "ssl_key_file": str(keystore),
            "listen_addresses": f"{CERTIFIED},{NOT_CERTIFIED}",
            "fsync": "off",
        }
        return [
            *super().command(data),
            *(word for name, value in settings.items() for word in ("-c", f"{name}={value}")),
        ]

    @property
    def databases(self) -> Databases:
        return Databases(self.settings("postgres", "postgres"), self.tools.dbmate, self._password)

    def _password(self, role: str) -> str:
        return TWICE_PASSWORD if role == TWICE.name else self._secrets.postgres_password(role)

    def settings(self, role: str, database: str, **other: Any) -> PostgresSettings:
        told: dict[str, Any] = {
            "host": CERTIFIED,
            "password_file": self._secrets.postgres_password_file(role),
            "authority_file": Certificates(self._secrets.folder).authority,
        }
        return PostgresSettings(port=self.port, database=database, user=role, **told | other)


class _Encrypted(Stack):
    def __init__(self, home: Home, port_base: int) -> None:
        super().__init__(home, port_base)
        self.kafka = _Kafka(home.state / "kafka", self.tools, self.secrets, port_base)
        self.brokers = {"kafka": self.kafka}
        tools = encrypting.EncryptingTools(self.tools.root)
        self.postgres: _Postgres = _Postgres(home.state / "postgres", tools, self.secrets, port_base)

    def kafka_settings(self, **other: Any) -> KafkaSettings:
        told: dict[str, Any] = {
            "bootstrap": self.kafka.external_bootstrap,
            "authority_file": self.kafka.certificates.authority,
        }
        return KafkaSettings(
            username="registration", password_file=self.secrets.kafka_password_file("registration"), **told | other
        )

    def environment(self, process: str) -> dict[str, str]:
        authority = str(self.kafka.certificates.authority)
        return super().environment(process) | {
            "JITASA_KAFKA_BOOTSTRAP": self.kafka.external_bootstrap,
            "JITASA_KAFKA_AUTHORITY_FILE": authority,
            "JITASA_POSTGRES_HOST": CERTIFIED,
            "JITASA_POSTGRES_AUTHORITY_FILE": authority,
        }


@pytest.fixture(scope="module")
def encrypted() -> Iterator[_Encrypted]:
    """Without a network PostgreSQL with TLS may be missing, but not in CI."""
    try:
        encrypting.prepare(Home.from_environment().tools)
    except Trouble:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip("PostgreSQL with TLS is not here, and cannot be fetched")
    with running(_Encrypted, ("registration-relay",)) as stack:
        yield stack


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The certificate of an authority that vouches for neither."""
    other = Certificates(tmp_path_factory.mktemp("other"))
    other.prepare()
    return other.authority


def test_a_process_works_by_tls_alone(encrypted: _Encrypted) -> None:
    """It was ready at the start: in its database, and at Kafka."""
    assert encrypted.process("registration-relay").ready


async def test_the_database_is_reached_by_tls(encrypted: _Encrypted) -> None:
    pool = await open_pool(encrypted.postgres.settings("postgres", "survey"), application="test")
    async with pool:
        assert await pool.fetchval("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")


async def test_a_database_without_its_name_or_of_another_authority_is_refused(
    encrypted: _Encrypted, stranger: Path
) -> None:
    for settings in (
        encrypted.postgres.settings("postgres", "survey", host=NOT_CERTIFIED),
        encrypted.postgres.settings("postgres", "survey", authority_file=stranger),
    ):
        with pytest.raises(ssl.SSLCertVerificationError):
            await asyncpg.connect(**settings.for_asyncpg(), timeout=5)


async def test_kafka_is_reached_by_tls_by_both_clients(encrypted: _Encrypted) -> None:
    producer = create_producer(encrypted.kafka_settings())
    await producer.start()
    try:
        sent = await producer.send_and_wait(VOLUNTEER_REGISTERED.name, b"{}", partition=0)
        assert sent.topic == VOLUNTEER_REGISTERED.name
    finally:
        await producer.stop()
    client = AdminClient({**encrypted.kafka_settings().for_librdkafka(), "log_level": 0})
    assert VOLUNTEER_REGISTERED.name in client.list_topics(timeout=10).topics


async def test_who_may_no_longer_act_is_heard_of_by_tls(encrypted: _Encrypted) -> None:
    settings, person = encrypted.kafka_settings(), uuid4()
    told = {"volunteer_id": str(person), "status": "suspended", "revision": 2, "role": "volunteer", "area": "100101"}
    barred = BarredVolunteers(settings)
    await barred.start()
    producer = create_producer(settings)
    await producer.start()
    try:
        await producer.send_and_wait(VOLUNTEER_REGISTERED.name, json.dumps(told).encode(), partition=0)
        async with asyncio.timeout(30):
            while not barred.is_barred(person):
                await asyncio.sleep(0.02)
    finally:
        await producer.stop()
        await barred.stop()


@pytest.mark.parametrize("which", ["name", "authority"])
async def test_a_kafka_without_its_name_or_of_another_authority_is_refused(
    encrypted: _Encrypted, stranger: Path, which: str
) -> None:
    settings = (
        encrypted.kafka_settings(bootstrap=f"{NOT_CERTIFIED}:{encrypted.kafka.external_port}")
        if which == "name"
        else encrypted.kafka_settings(authority_file=stranger)
    )
    producer = AIOKafkaProducer(**settings.for_aiokafka())
    with pytest.raises(KafkaConnectionError):
        await producer.start()
    await producer.stop()
    complaints: list[str] = []
    told: dict[str, Any] = {"log_level": 0, "error_cb": lambda error: complaints.append(error.str())}
    client = AdminClient(settings.for_librdkafka() | told)
    with pytest.raises(KafkaException):
        client.list_topics(timeout=2)
    client.poll(0)  # tells what was complained of
    assert any("verif" in complaint for complaint in complaints), complaints


def test_of_two_who_provision_at_once_one_waits_for_the_other(encrypted: _Encrypted) -> None:
    failures: list[BaseException] = []

    def provision() -> None:
        try:
            encrypted.postgres.databases.provision([TWICE])
        except BaseException as error:
            failures.append(error)

    threads = [Thread(target=provision) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
