"""How the shared consumer leaves a Kafka that is away."""

import asyncio
from typing import Any

import pytest

from shared.kafka import membership


class Broken:
    """An aiokafka consumer whose `stop` ends as it does when the broker was killed."""

    def __init__(self, error: BaseException | None) -> None:
        self._error = error

    async def stop(self) -> None:
        if self._error is None:
            await asyncio.Event().wait()
        else:
            raise self._error


@pytest.mark.parametrize("error", [asyncio.CancelledError(), ConnectionError()])
async def test_what_aiokafka_cancels_inside_does_not_end_our_work(error: BaseException) -> None:
    broken: Any = Broken(error)
    await membership.leave(broken)


async def test_a_stop_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(membership, "STOP_SECONDS", 0.01)
    broken: Any = Broken(None)
    await membership.leave(broken)


async def test_a_cancellation_of_ours_still_arrives() -> None:
    broken: Any = Broken(None)
    task = asyncio.create_task(membership.leave(broken))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
