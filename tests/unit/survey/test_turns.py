"""Whose turn it is to have a stretch of a batch judged."""

import asyncio
import random

import pytest

from services.survey.precedence import PATIENCE_SECONDS, Precedence
from services.survey.turns import Turns

FLOOD, MODEST, OTHER = 1, 2, 3


async def in_turn(turns: Turns, party: int, had: list[int]) -> None:
    """Has a turn, and notes it."""
    async with turns.turn(party):
        had.append(party)
        await asyncio.sleep(0)


async def test_batches_go_one_after_another_and_others_between_their_stretches() -> None:
    """Who is refused, for instance, does not wait until all are judged."""
    turns = Turns()
    passed: list[int] = []

    async def batch(number: int) -> None:
        async with turns.turn(number):
            for _ in range(3):
                await turns.pause()
                passed.append(number)

    batches = asyncio.gather(*(batch(number) for number in range(10)))
    while not batches.done():
        known = len(passed)
        await asyncio.sleep(0)
        assert len(passed) <= known + 1
    assert passed == [number for number in range(10) for _ in range(3)]


async def test_nothing_is_judged_while_somebody_waits_for_a_page() -> None:
    """Until the last page is there; each stretch that comes then passes as before."""
    precedence = Precedence()
    turns = Turns(precedence)
    await asyncio.wait_for(turns.pause(), 1)
    with precedence.page():
        with precedence.page():
            batch = asyncio.create_task(turns.pause())
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not batch.done()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert batch.done()


async def test_pages_without_end_do_not_keep_batches_out() -> None:
    precedence = Precedence()
    turns = Turns(precedence)
    with precedence.page():
        for _ in range(3):
            await asyncio.wait_for(turns.pause(), 250 * PATIENCE_SECONDS)


async def test_parties_take_turns_however_much_one_of_them_has_waiting() -> None:
    turns, had = Turns(), list[int]()
    async with asyncio.TaskGroup() as group:
        for party in [FLOOD] * 6 + [MODEST] + [OTHER] * 2:
            group.create_task(in_turn(turns, party, had))
    assert had == [FLOOD, FLOOD, MODEST, OTHER, FLOOD, OTHER, FLOOD, FLOOD, FLOOD]


@pytest.mark.parametrize("seed", range(20))
async def test_everybody_has_a_turn_whoever_goes_away(seed: int) -> None:
    chance, turns, had = random.Random(seed), Turns(), list[int]()
    tasks = []
    for _ in range(300):
        tasks.append(asyncio.create_task(in_turn(turns, chance.randrange(5), had)))
        if chance.random() < 0.3:
            chance.choice(tasks).cancel()
        if chance.random() < 0.3:
            await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await asyncio.gather(*tasks, return_exceptions=True)
    assert len(had) >= sum(not task.cancelled() for task in tasks)  # one may be cancelled when its turn has begun
    await asyncio.wait_for(in_turn(turns, FLOOD, had), 1)


async def test_who_goes_away_leaves_the_turn_to_the_next() -> None:
    """While waiting, and in the moment in which the turn comes."""
    turns, had = Turns(), list[int]()
    async with turns.turn(FLOOD):
        waiting = asyncio.create_task(in_turn(turns, FLOOD, had))
        coming = asyncio.create_task(in_turn(turns, MODEST, had))
        last = asyncio.create_task(in_turn(turns, OTHER, had))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.sleep(0)
    coming.cancel()  # its turn has come, and it does not know yet
    await asyncio.wait([waiting, coming, last], timeout=1)
    assert (waiting.cancelled(), coming.cancelled(), had) == (True, True, [OTHER])
    await asyncio.wait_for(in_turn(turns, FLOOD, had), 1)


async def test_a_turn_that_fails_ends() -> None:
    turns, had = Turns(), list[int]()
    with pytest.raises(ValueError, match="in the turn"):
        async with turns.turn(FLOOD):
            raise ValueError("in the turn")
    await asyncio.wait_for(in_turn(turns, MODEST, had), 1)
    assert had == [MODEST]
