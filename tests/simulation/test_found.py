"""What the simulation once found, told directly: a seed's schedule changes with the code, these stay."""

import asyncio
from collections.abc import Sequence
from typing import Any

from aiokafka import TopicPartition

from services.reporting.projector import FiguresProjection
from shared.contracts.topics import SURVEY_SUBMITTED
from shared.kafka.consumer import PositionedConsumer
from shared.kafka.projection import ProjectionHandler
from tests.simulation.database import Database, Pool
from tests.simulation.kafka import Batch, Cluster, Consumer, Identities
from tests.simulation.processes import SETTINGS
from tests.simulation.scheduler import Process, World


def test_records_taken_by_the_owner_before_are_not_missing() -> None:
    """While a process takes a partition over, its owner of before takes one more record, which has just come.

    The end of the partition was asked for before the take-over: the position then lay beyond it, and the process gave
    up with RecordsMissing.
    """
    world = World(1)
    cluster, database, process = Cluster(world), Database(world, "reporting"), Process(world, "projector")
    cluster.create(SURVEY_SUBMITTED.name, 1)
    place = (SURVEY_SUBMITTED.name, 0)

    class OvertakenConsumer(Consumer):
        """Its answers are old when they arrive."""

        async def end_offsets(self, places: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
            ends = await super().end_offsets(places)
            if not cluster.topics[SURVEY_SUBMITTED.name].logs[0]:
                batch = Batch(1)
                batch.append(key=b"", value=b"", timestamp=0, headers=[])
                cluster.append(*place, batch, "somebody")
                row = database.tables["consumer_position"].get(place)
                if row is not None:
                    database.tables["consumer_position"][place] = {**row, "next_offset": 1}
            return ends

    columns: dict[str, Any] = {"topic": place[0], "partition": 0, "topic_id": cluster.topics[place[0]].topic_id}
    columns |= {"topic_epoch": 1, "owner_epoch": 1, "next_offset": 0, "last_sequence": None, "published": 0}
    database.tables["consumer_position"][place] = {**columns, "published_topic_id": None}
    consumer = PositionedConsumer(
        SETTINGS,
        Pool(database, process),  # type: ignore[arg-type]  # as much of a pool as is needed
        group="reporting",
        topics=[SURVEY_SUBMITTED],
        handler=ProjectionHandler(FiguresProjection([SURVEY_SUBMITTED]), [SURVEY_SUBMITTED]),
        identities=Identities(cluster, process),  # type: ignore[arg-type]
        open_consumer=lambda **given: OvertakenConsumer(cluster, process, given["group_id"]),
    )
    running = process.create_task(consumer.run(asyncio.Event()))
    try:
        world.run(lambda: world.now > 2 or running.done(), 10_000)
        assert not running.done(), running.exception()
        assert database.tables["consumer_position"][place]["owner_epoch"] > 1
    finally:
        world.end()
