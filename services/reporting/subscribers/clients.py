"""What a subscriber's programs are configured with: for librdkafka, Java and Python, each ready to be used."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from services.reporting.settings import SubscriberSettings
from services.reporting.subscribers.domain import Subscriber, group_prefix
from shared.security.sealing import KeyRing

MECHANISM: Final = "SCRAM-SHA-512"
PROTOCOL: Final = "SASL_SSL"
AUTHORITY_FILE: Final = "jitasa-kafka-authority.pem"
LIBRDKAFKA_FILE: Final = "jitasa-librdkafka.properties"
JAVA_FILE: Final = "jitasa-java.properties"
PYTHON_FILE: Final = "jitasa_consumer.py"
FIRST_GROUP: Final = "1"
"""What follows the prefix in the group of the examples."""

_LIBRDKAFKA: Final = """\
# librdkafka 2.6.1 or newer (kcat, confluent-kafka, rdkafka): older ones are refused with the right password.
bootstrap.servers={bootstrap}
security.protocol={protocol}
ssl.ca.location={authority}
sasl.mechanism={mechanism}
sasl.username={user}
sasl.password={password}
# Groups have to begin with {prefix}
group.id={group}
auto.offset.reset=earliest
enable.auto.commit=false
"""

_JAVA: Final = """\
# Java, kafka-clients 3.0 or newer.
bootstrap.servers={bootstrap}
security.protocol={protocol}
ssl.truststore.type=PEM
ssl.truststore.location={authority}
sasl.mechanism={mechanism}
sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required username="{user}" \
password="{password}";
# Groups have to begin with {prefix}
group.id={group}
auto.offset.reset=earliest
enable.auto.commit=false
"""

_PYTHON: Final = """\
\"\"\"Prints every event: topic, partition, offset, type and body. Needs aiokafka 0.10 or newer.\"\"\"

import asyncio

from aiokafka import AIOKafkaConsumer
from aiokafka.helpers import create_ssl_context

SETTINGS = {{
    "bootstrap_servers": "{bootstrap}",
    "security_protocol": "{protocol}",
    "sasl_mechanism": "{mechanism}",
    "sasl_plain_username": "{user}",
    "sasl_plain_password": "{password}",
    "group_id": "{group}",  # has to begin with {prefix}
    "auto_offset_reset": "earliest",
    "enable_auto_commit": False,
}}
STREAMS = {streams}


async def main() -> None:
    consumer = AIOKafkaConsumer(*STREAMS, ssl_context=create_ssl_context(cafile="{authority}"), **SETTINGS)
    await consumer.start()
    try:
        async for record in consumer:
            kind = dict(record.headers).get("ce_type", b"").decode()
            print(record.topic, record.partition, record.offset, kind, record.value.decode(), flush=True)
    finally:
        await consumer.stop()


if __name__ == "__main__":
    asyncio.run(main())
"""


@dataclass(frozen=True, slots=True)
class Outside:
    """Where subscribers find Kafka. authority: the certificate by which they know it, as PEM."""

    bootstrap: str
    authority: str


@dataclass(frozen=True, slots=True)
class Configuration:
    """Contents of the files that a subscriber's programs read: the authority's certificate, and configurations for
    three kinds of client, which hold the password."""

    authority: str
    librdkafka: str
    java: str
    python: str

    def files(self) -> Mapping[str, str]:
        """By name; they name each other so."""
        return {
            AUTHORITY_FILE: self.authority,
            LIBRDKAFKA_FILE: self.librdkafka,
            JAVA_FILE: self.java,
            PYTHON_FILE: self.python,
        }


@dataclass(frozen=True, slots=True)
class Entrance:
    """What a process needs to let somebody in: where that is, and the ring under which passwords wait for Kafka."""

    bootstrap: str
    authority_file: Path
    ring: KeyRing

    @property
    def outside(self) -> Outside:
        """As subscribers are told, read anew at each use: the authority is renewed meanwhile. Raises `OSError`."""
        return Outside(self.bootstrap, self.authority_file.read_text())


def entrance_of(settings: SubscriberSettings, ring: KeyRing | None) -> Entrance | None:
    """From the environment. None where there is no listener for subscribers."""
    if not settings.bootstrap or settings.authority_file is None or ring is None:
        return None
    return Entrance(settings.bootstrap, settings.authority_file, ring)


def configuration(subscriber: Subscriber, password: str, outside: Outside) -> Configuration:
    """The files of a subscriber whose password is this one."""
    prefix = group_prefix(subscriber.name)
    values = {
        "bootstrap": outside.bootstrap,
        "protocol": PROTOCOL,
        "mechanism": MECHANISM,
        "authority": AUTHORITY_FILE,
        "user": subscriber.user,
        "password": password,
        "prefix": prefix,
        "group": prefix + FIRST_GROUP,
        "streams": _tuple(subscriber.grant.streams),
    }
    return Configuration(
        outside.authority, _LIBRDKAFKA.format(**values), _JAVA.format(**values), _PYTHON.format(**values)
    )


def _tuple(names: Sequence[str]) -> str:
    return "(" + "".join(f'"{name}", ' for name in names).rstrip() + ")"
