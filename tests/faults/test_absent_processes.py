"""While Kafka is away nobody is told 202, and what is sent again counts once; without PostgreSQL intake goes on."""

import asyncio
import http.client
from random import Random
from typing import Final

from tests.faults.campaigns import SEED, Campaigns, away, back, until
from tests.faults.road import Road
from tests.faults.stacks import ProxiedStack

SURVEY: Final = ("survey",)
"""The services whose requests count."""


async def test_nothing_is_accepted_while_kafka_is_away(campaigns: Campaigns[ProxiedStack]) -> None:
    random = Random(f"{SEED}/absent kafka")

    async def absent(road: Road) -> None:
        road.hold(random.randint(8, 40))
        await road.empty()
        accepted = road.accepted
        async with away(campaigns.stack, "kafka"):
            await _refused(road, 5)  # by intake that lost Kafka
            await _kill_intake(campaigns)
            await _refused(road, 5)  # by intake that has never seen it
        assert road.accepted == accepted
        road.open()

    await campaigns.play(absent, on=SURVEY)


async def test_intake_goes_on_while_postgres_is_away(campaigns: Campaigns[ProxiedStack]) -> None:
    random = Random(f"{SEED}/absent postgres")

    async def absent(road: Road) -> None:
        road.hold(random.randint(8, 40))
        await road.used_up()
        async with away(campaigns.stack, "postgres"):
            former = await _kill_intake(campaigns)
            await back(campaigns.stack, "survey-http", former)
            await road.empty()
            accepted = road.accepted
            road.hold(10)
            await road.empty()
            assert road.accepted > accepted
        road.open()

    await campaigns.play(absent, on=SURVEY)


async def _refused(road: Road, requests: int) -> None:
    """Send so many requests on their way: all that is good in them is to be sent again with the same id."""
    told = len(road.unavailable)
    road.hold(requests)
    await road.empty()
    answers = road.unavailable[told:]
    assert answers
    assert all(b"with the same id" in answer for answer in answers), answers


async def _kill_intake(campaigns: Campaigns[ProxiedStack]) -> int:
    """Kill intake, and wait until it answers again, ready or not; the pid of the former process."""
    keeper = campaigns.stack.process("survey-http")
    former = keeper.pid
    keeper.kill()

    async def answers() -> bool:
        other = keeper.identity is not None and keeper.identity.pid != former
        return other and await asyncio.to_thread(_answers, keeper.program.port)

    await until(answers, "intake answers again")
    return former


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
