"""The lister beside what is none of the recorder's."""

import random

from aiokafka import AIOKafkaProducer

from tests.integration.survey.conftest import Survey
from tests.integration.survey.test_follow_ups import reached, wanting


async def test_a_record_that_names_no_household_is_passed_over(survey: Survey) -> None:
    async with AIOKafkaProducer(**survey.kafka.for_aiokafka()) as producer:
        for partition in range(survey.submitted_topic.partitions):
            for key in (b"poison", b"\xff", None):
                await producer.send_and_wait(survey.submitted_topic.name, b"{}", key=key, partition=partition)
    async with survey.recorder():
        await survey.accept(wanting(random.Random(1), "1"))
        await survey.until_listed(1)
        household, _ = await reached(survey)
    assert household == await survey.pool.fetchval("SELECT household_id FROM household")
