"""A keeper's turn at rebuilding, or a projector, in a process of its own that kills itself at a given step.

python -m tests.integration.reporting.rebuilding STEP TOPICS
    STEP: creating, filling, swapping, swapped; projecting. TOPICS: JSON, names and partitions in the order of `TOPICS`.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any
from uuid import uuid4

from services.reporting.projector import TOPICS, FiguresProjection
from services.reporting.rebuild import builder, duty, schema, swap
from shared.kafka.consumer import PositionedConsumer
from shared.kafka.projection import ProjectionHandler
from shared.kafka.settings import KafkaSettings
from shared.observability.clock import SystemClock
from shared.postgres.pool import open_pool
from shared.postgres.settings import PostgresSettings

FEW_RECORDS = 20
"""In one batch, so that there are several."""


def die() -> None:
    """As by an operator's kill -9."""
    os.kill(os.getpid(), signal.SIGKILL)


def killed_after(calls: int, step: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """The step, which the process does not outlive when it has been done so often."""
    left = [calls]

    async def done(*arguments: Any, **named: Any) -> Any:
        result = await step(*arguments, **named)
        left[0] -= 1
        if not left[0]:
            die()
        return result

    return done


STEPS: dict[str, tuple[Any, str, int]] = {
    "creating": (schema, "create", 1),
    "filling": (FiguresProjection, "apply", 2),
    "swapping": (swap, "notify", 1),
    "swapped": (duty, "swap", 1),
    "projecting": (FiguresProjection, "apply", 3),
}
"""Where each function is looked up, and how often it is done before the end."""


def arm(step: str) -> None:
    """Sets the trap."""
    where, name, calls = STEPS[step]
    setattr(where, name, killed_after(calls, getattr(where, name)))


async def main(step: str, named: str) -> None:
    """One turn."""
    arm(step)
    vars(builder)["MAX_RECORDS"] = FEW_RECORDS
    topics = [
        replace(topic, name=name, partitions=partitions)
        for topic, (name, partitions) in zip(TOPICS, json.loads(named), strict=True)
    ]
    postgres = PostgresSettings()
    pool = await open_pool(postgres, application="test-rebuilding")
    # A group of its own: nobody waits for the killed one's session to end.
    group = f"rebuild-{uuid4()}"
    if step == "projecting":
        handler = ProjectionHandler(FiguresProjection(topics), topics)
        consumer = PositionedConsumer(
            KafkaSettings(), pool, group=group, topics=topics, handler=handler, max_records=FEW_RECORDS
        )
        await consumer.run(asyncio.Event())
    await duty.Rebuilding(pool, KafkaSettings(), postgres, SystemClock(), topics=topics, group=group).turn()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
