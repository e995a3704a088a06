"""A piece on its way: order within partitions, several of them at once, and what is written down when some fail."""

import asyncio
from collections import Counter
from random import Random

import msgspec
import pytest

from services.reporting.webhooks.domain import MOST_AT_ONCE
from services.reporting.webhooks.leases import Message
from services.reporting.webhooks.pieces import Piece


def message(place: int, partition: int | None, *, delivered: bool = False) -> Message:
    body = msgspec.json.encode({"partition": partition} if partition is not None else {"data": {"partition": 1}})
    return Message(place, str(place), body, b"%d" % place, partition is not None, delivered)


@pytest.mark.parametrize("seed", range(20))
async def test_partitions_go_at_once_and_each_in_its_order(seed: int) -> None:
    chance = Random(seed)
    partitions = [chance.randrange(24) for _ in range(100)]
    piece = Piece([message(place, partition) for place, partition in enumerate(partitions)], at_end=True)
    sent: list[int] = []
    under_way: Counter[int] = Counter()
    most = 0

    async def send(one: Message) -> bool:
        nonlocal most
        partition = partitions[one.place]
        assert not under_way[partition]
        under_way[partition] += 1
        most = max(most, under_way.total())
        assert sent or most == 1  # the first alone
        for _ in range(chance.randrange(5)):
            await asyncio.sleep(0)
        under_way[partition] -= 1
        sent.append(one.place)
        piece.has_arrived(one)
        return True

    await piece.send(send, MOST_AT_ONCE, alone=True)
    assert sorted(sent) == list(range(100))
    for partition in set(partitions):
        mine = [place for place in sent if partitions[place] == partition]
        assert mine == sorted(mine)
    assert 1 < most <= MOST_AT_ONCE
    step = piece.step()
    assert piece.arrived
    assert step is not None
    assert (step.delivered.until, step.delivered.ahead, step.events) == (99, [], 100)
    assert piece.step() is None


async def test_a_gap_waits_for_all_before_it_and_all_behind_wait_for_it() -> None:
    piece = Piece([message(n, p) for n, p in enumerate((1, 2, 3, None, 1, 2))], at_end=True)
    under_way: set[int] = set()
    met: list[tuple[int, frozenset[int]]] = []

    async def send(one: Message) -> bool:
        under_way.add(one.place)
        met.append((one.place, frozenset(under_way)))
        await asyncio.sleep(0)
        under_way.discard(one.place)
        piece.has_arrived(one)
        return True

    await piece.send(send, MOST_AT_ONCE, alone=False)
    assert [place for place, _ in met] == [0, 1, 2, 3, 4, 5]
    assert met[3] == (3, frozenset({3}))
    assert met[4][1] == frozenset({4})
    step = piece.step()
    assert step is not None
    assert step.events == 5


async def test_what_arrived_behind_one_that_did_not_is_sent_no_more() -> None:
    first = [message(place, partition) for place, partition in enumerate((1, 1, 2, 3, 2))]
    piece = Piece(first, at_end=True)

    async def send(one: Message) -> bool:
        await asyncio.sleep(0 if one.place != 1 else 0.01)
        if one.place == 1:
            return False
        piece.has_arrived(one)
        return True

    await piece.send(send, MOST_AT_ONCE, alone=False)
    step = piece.step()
    assert step is not None
    assert step.last is first[0]
    assert (step.delivered.until, sorted(step.delivered.ahead), step.events) == (0, [2, 3, 4], 1)
    assert not piece.arrived
    again = Piece([message(1, 1), *(message(n, 2, delivered=True) for n in (2, 3, 4))], at_end=False)
    sent: list[int] = []

    async def receive(one: Message) -> bool:
        sent.append(one.place)
        again.has_arrived(one)
        return True

    await again.send(receive, MOST_AT_ONCE, alone=True)
    step = again.step()
    assert (sent, again.arrived) == ([1], True)
    assert step is not None
    assert (step.delivered.until, step.delivered.ahead, step.events) == (4, [], 4)


async def test_one_at_a_time_is_the_order_of_the_places() -> None:
    piece = Piece([message(n, p) for n, p in enumerate((3, 1, None, 2, 1, 3))], at_end=True)
    sent: list[int] = []
    under_way = 0

    async def send(one: Message) -> bool:
        nonlocal under_way
        under_way += 1
        assert under_way == 1
        await asyncio.sleep(0)
        under_way -= 1
        sent.append(one.place)
        piece.has_arrived(one)
        return True

    await piece.send(send, 1, alone=False)
    assert sent == [0, 1, 2, 3, 4, 5]
