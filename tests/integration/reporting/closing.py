"""The command that closes January 2565, in a process of its own that kills itself at a given step; or a projector.

python -m tests.integration.reporting.closing STEP
python -m tests.integration.reporting.closing projector TOPICS
    STEP: counting, noting, keeping, closed, or none. TOPICS: JSON, names and partitions in the order of `TOPICS`.
"""

import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import uuid4

from services.reporting.months import admin, closing
from services.reporting.months.closing import Months
from services.reporting.projector import TOPICS, FiguresProjection
from shared.contracts.topics import Topic
from shared.kafka.consumer import PositionedConsumer
from shared.kafka.projection import ProjectionHandler
from shared.kafka.settings import KafkaSettings
from shared.postgres.pool import open_pool
from shared.postgres.settings import PostgresSettings
from tests.integration.reporting.rebuilding import killed_after

STEPS: dict[str, tuple[Any, str]] = {
    "counting": (closing, "count"),
    "noting": (Months, "_put"),
    "keeping": (closing, "closings"),
    "closed": (Months, "close"),
}
"""Where each function is looked up whose end the process does not outlive."""


def topics_of(named: str) -> Sequence[Topic]:
    """The topics that a test made."""
    return [
        replace(topic, name=name, partitions=partitions)
        for topic, (name, partitions) in zip(TOPICS, json.loads(named), strict=True)
    ]


async def project(topics: Sequence[Topic]) -> None:
    """Applies what comes, until it is killed."""
    pool = await open_pool(PostgresSettings(), application="test-projector")
    handler = ProjectionHandler(FiguresProjection(topics), topics)
    group = f"closing-{uuid4()}"
    await PositionedConsumer(KafkaSettings(), pool, group=group, topics=topics, handler=handler).run(asyncio.Event())


if __name__ == "__main__":
    if sys.argv[1] == "projector":
        asyncio.run(project(topics_of(sys.argv[2])))
    if sys.argv[1] in STEPS:
        where, name = STEPS[sys.argv[1]]
        setattr(where, name, killed_after(1, getattr(where, name)))
    sys.exit(admin.main(["close-month", "2022-01"]))
