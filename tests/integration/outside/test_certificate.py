"""The listener's certificate is renewed while Kafka runs: nobody is cut off, and who comes meets the new one."""

import asyncio
import ssl

from confluent_kafka import Consumer

from shared.contracts.topics import SURVEY_SUBMITTED
from tests.integration.outside.actors import gets_in
from tests.integration.outside.conftest import Door, fill
from tests.runtime import Runtime

S = SURVEY_SUBMITTED.name
PATIENCE_SECONDS = 30.0


async def test_a_new_certificate_is_taken_without_a_restart(runtime: Runtime, door: Door) -> None:
    kafka = runtime.stack.kafka
    attempts = await door.let_in("renewed", S)
    host, _, port = kafka.external_bootstrap.partition(":")

    def shown() -> str:
        return ssl.get_server_certificate((host, int(port)), timeout=PATIENCE_SECONDS)

    def read(consumer: Consumer) -> bytes:
        fill(runtime, [S], 1, b'{"renewed": true}')
        while True:
            record = consumer.poll(PATIENCE_SECONDS)
            assert record is not None
            assert record.error() is None, record.error()
            if record.value() == b'{"renewed": true}':
                return record.value() or b""

    def renew() -> None:
        before, pid = shown(), runtime.stack.process("kafka").pid
        consumer = Consumer({**attempts.settings, "group.id": attempts.group, "auto.offset.reset": "earliest"})
        consumer.subscribe([S])
        try:
            assert read(consumer)
            assert not kafka.renew()  # it is not due
            assert shown() == before
            kafka.certificates.keystore.unlink()  # as when it is due: another is made
            assert kafka.renew()
            assert shown() != before
            assert not kafka.renew()
            assert read(consumer)  # over the connections that it has
        finally:
            consumer.close()
        assert gets_in(attempts.settings)  # by the authority that it was given
        assert runtime.stack.process("kafka").pid == pid

    await asyncio.to_thread(renew)
