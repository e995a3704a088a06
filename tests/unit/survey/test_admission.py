"""The room that intake has, and that nobody takes it all."""

import asyncio
import random
from collections import Counter, deque
from datetime import UTC, datetime
from uuid import UUID

import pytest

from services.survey.admission import Admission, Room, party_of
from services.survey.precedence import PATIENCE_SECONDS, Precedence
from shared.contracts.events import Role
from shared.observability.metrics import IN_FLIGHT, IN_FLIGHT_BYTES, NO_ROOM
from shared.security.principal import Principal

FLOOD, MODEST = 1, 2


def granted(room: Room, party: int, wanted: int) -> int:
    """Takes as much as is left, at most `wanted`."""
    amount = wanted if room.fits(party, wanted) else room.left(party)
    room.take(party, amount)
    return amount


@pytest.mark.parametrize("seed", range(20))
def test_the_room_is_never_exceeded_and_what_is_given_back_is_exact(seed: int) -> None:
    chance = random.Random(seed)
    size = chance.choice([1, 7, 100, 2_000])
    room, held = Room(size), Counter[int]()
    for _ in range(2_000):
        party = chance.randrange(6)
        if chance.random() < 0.6:
            held[party] += granted(room, party, chance.randrange(size // 2 + 2))
        elif held[party]:
            amount = chance.randint(1, held[party])
            room.give_back(party, amount)
            held[party] -= amount
        assert room.used == held.total() <= size
        assert room.free == size - room.used
    for party, amount in held.items():
        room.give_back(party, amount)
    assert (room.used, room.left(0)) == (0, Room(size).left(0))


@pytest.mark.parametrize("seed", range(20))
def test_beyond_half_of_the_room_nobody_takes_more_than_a_share(seed: int) -> None:
    chance = random.Random(seed)
    size = 800
    room, held = Room(size), Counter[int]()
    for _ in range(2_000):
        party, wanted = chance.randrange(5), chance.randrange(1, 60)
        before = room.used
        amount = granted(room, party, wanted)
        held[party] += amount
        active = sum(1 for one in held.values() if one)
        if amount and before >= size // 2:
            assert held[party] <= max((size - size // 8) // active, size // 32)
        if amount < wanted and room.free:
            assert held[party] >= size // 32
        while chance.random() < 0.4 and held.total():
            owner = chance.choice([one for one, amount in held.items() if amount])
            room.give_back(owner, 1)
            held[owner] -= 1


def test_alone_a_party_uses_all_but_the_newcomers_eighth() -> None:
    room = Room(800)
    assert granted(room, FLOOD, 10_000) == 700


def test_a_newcomer_finds_room_in_a_flood_and_the_flood_gives_way() -> None:
    room = Room(800)
    granted(room, FLOOD, 10_000)
    assert [granted(room, newcomer, 100) for newcomer in (2, 3, 4, 5, 6)] == [25, 25, 25, 25, 0]
    room.give_back(FLOOD, 300)  # now it holds 400, and a fifth of 700 is 140
    assert (granted(room, FLOOD, 1), granted(room, MODEST, 1_000)) == (0, 115)
    room.give_back(FLOOD, 300)
    assert granted(room, FLOOD, 100) == 85  # of the half that is anybody's


@pytest.mark.parametrize("floods", [1, 2, 5, 20])
def test_a_modest_party_gets_all_that_it_asks_for(floods: int) -> None:
    """At each tick 100 records are answered, the oldest first, and floods ask for five times as many, in batches of 50.
    The modest one asks for 10 every third tick, less than its share among 20 floods."""
    chance = random.Random(floods)
    room, queue, got = Room(2_000), deque[int](), Counter[int]()
    for tick in range(3_000):
        for party in [queue.popleft() for _ in range(min(100, len(queue)))]:
            room.give_back(party, 1)
        asking = [(10 + chance.randrange(floods), 50) for _ in range(10)] + [(MODEST, 10)] * (tick % 3 == 0)
        chance.shuffle(asking)
        for party, wanted in asking:
            amount = granted(room, party, wanted)
            got[party] += amount
            queue.extend([party] * amount)
    assert got[MODEST] >= 0.99 * 10 * 1_000
    assert got.total() >= 0.99 * 100 * 3_000  # and the room is always in use
    shares = [got[10 + number] for number in range(floods)]
    assert max(shares) < 1.5 * min(shares)


def refusals() -> dict[str, float]:
    """By cause, until now."""
    return {
        sample.labels["cause"]: sample.value
        for metric in NO_ROOM.collect()
        for sample in metric.samples
        if sample.name.endswith("_total")
    }


def test_a_refusal_is_counted_by_its_cause() -> None:
    before = Counter(refusals())
    admission = Admission(max_records=16, max_bytes=1_600)
    assert admission.open(FLOOD, 800)
    assert admission.take(FLOOD, 16) == 14  # share
    assert not admission.open(FLOOD, 1)  # share
    assert not admission.open(MODEST, 801)  # bytes
    assert admission.open(MODEST, 200)
    assert [admission.take(newcomer, 1) for newcomer in (3, 4, 5)] == [1, 1, 0]  # count
    assert not admission.open(6, 1)  # count
    assert Counter(refusals()) - before == {"share": 2, "bytes": 1, "count": 2}


def value(gauge: object) -> float:
    """What a gauge shows."""
    [metric] = gauge.collect()  # type: ignore[attr-defined]
    return float(metric.samples[0].value)


def test_what_is_held_is_shown_and_given_back() -> None:
    admission = Admission()
    assert admission.open(FLOOD, 700)
    assert admission.take(FLOOD, 3) == 3
    assert (value(IN_FLIGHT), value(IN_FLIGHT_BYTES)) == (3, 700)
    admission.give_back(FLOOD, 3)
    admission.close(FLOOD, 700)
    assert (value(IN_FLIGHT), value(IN_FLIGHT_BYTES)) == (0, 0)


async def test_batches_go_one_after_another_and_others_between_their_stretches() -> None:
    """Who is refused, for instance, does not wait until all are judged."""
    admission = Admission()
    passed: list[int] = []

    async def batch(number: int) -> None:
        async with admission.turn:
            for _ in range(3):
                await admission.pause()
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
    admission = Admission(precedence=precedence)
    await asyncio.wait_for(admission.pause(), 1)
    with precedence.page():
        with precedence.page():
            batch = asyncio.create_task(admission.pause())
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
    admission = Admission(precedence=precedence)
    with precedence.page():
        for _ in range(3):
            await asyncio.wait_for(admission.pause(), 250 * PATIENCE_SECONDS)


def test_nothing_taken_is_nothing_held() -> None:
    admission = Admission()
    assert admission.open(FLOOD, 0)
    assert admission.open(FLOOD, 0)
    admission.close(FLOOD, 0)
    admission.close(FLOOD, 0)
    assert admission.take(FLOOD, 0) == 0
    admission.give_back(FLOOD, 0)


def test_who_belongs_to_no_organisation_stands_for_himself() -> None:
    one = Principal(UUID(int=7), UUID(int=8), Role.VOLUNTEER, "50", datetime.now(UTC), "token")
    alone = Principal(UUID(int=7), None, Role.VOLUNTEER, "50", datetime.now(UTC), "token")
    assert (party_of(one), party_of(alone)) == (8, 7)
