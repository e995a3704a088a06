"""The room that intake has, and that nobody takes it all."""

import random
from collections import Counter, deque
from datetime import UTC, datetime
from uuid import UUID

import pytest

from services.survey import admission as admission_module
from services.survey.admission import (
    LEAST_RECORDS,
    MOST_RECORDS,
    QUICK_SECONDS,
    REFUSED_A_SECOND,
    REFUSED_AT_ONCE,
    SLOW_SECONDS,
    SMALL_BYTES,
    Admission,
    Room,
)
from services.survey.parties import party_of
from shared.contracts.events import Role
from shared.observability.metrics import IN_FLIGHT, IN_FLIGHT_BYTES, NO_ROOM, ROOM
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


def of(size: int) -> int:
    """How much of a room is not the newcomers'."""
    return size - size // 8


def room_of(admission: Admission) -> int:
    """How many records somebody who is alone may hold."""
    found = admission.take(FLOOD, MOST_RECORDS)
    admission.give_back(FLOOD, found)
    return found


def answered(admission: Admission, times: int, records: int, seconds: float) -> None:
    """So many batches of so many records, each so late."""
    for _ in range(times):
        admission.took(seconds, records)


def test_the_room_shrinks_while_answers_take_long_and_grows_again() -> None:
    admission = Admission()
    assert room_of(admission) == of(MOST_RECORDS)
    answered(admission, 20, 50, SLOW_SECONDS + 0.01)
    assert room_of(admission) == of(MOST_RECORDS - 500)
    answered(admission, 1_000, 50, 10)
    assert room_of(admission) == of(LEAST_RECORDS) == value(ROOM) - LEAST_RECORDS // 8  # no less, however long
    answered(admission, 50 * 20, 1, QUICK_SECONDS - 0.01)
    assert room_of(admission) == of(LEAST_RECORDS + 500)
    answered(admission, 1_000, 50, 0.01)
    assert room_of(admission) == of(MOST_RECORDS)


def test_what_comes_alone_makes_the_room_larger_however_late() -> None:
    admission = Admission()
    answered(admission, 1_000, 50, 10)
    for _ in range(1_000):
        admission.grow(1)
    assert room_of(admission) == of(LEAST_RECORDS + 500)


async def test_refusals_leave_time_for_what_is_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some at once, then no more than so many a second."""
    now, slept = [1_000.0], list[float]()

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(admission_module, "monotonic", lambda: now[0])
    monkeypatch.setattr(admission_module, "sleep", sleep)
    admission = Admission()
    for _ in range(REFUSED_AT_ONCE + 500):
        await admission.refuse(SMALL_BYTES)
    assert len(slept) == 500
    assert slept == sorted(slept)
    assert slept[-1] == pytest.approx(500 / REFUSED_A_SECOND)
    now[0] += 500 / REFUSED_A_SECOND
    slept.clear()
    await admission.refuse(SMALL_BYTES)
    assert slept == [pytest.approx(1 / REFUSED_A_SECOND)]
    now[0] += 10
    for _ in range(REFUSED_AT_ONCE):
        await admission.refuse(SMALL_BYTES)
    assert len(slept) == 1
    await admission.refuse(SMALL_BYTES)
    assert len(slept) == 2
    for _ in range(500):
        await admission.refuse(SMALL_BYTES + 1)  # it would lie in memory
    assert len(slept) == 2


def test_a_newcomer_s_batch_fits_into_the_smallest_room() -> None:
    admission = Admission()
    answered(admission, 1_000, 50, 10)
    admission.take(FLOOD, MOST_RECORDS)
    assert [admission.take(newcomer, 50) for newcomer in (2, 3)] == [50, 50]


def test_what_is_held_when_the_room_shrinks_stays_and_is_given_back() -> None:
    before = Counter(refusals())
    admission = Admission(max_records=2_000)
    assert admission.take(FLOOD, 1_750) == 1_750
    answered(admission, 200, 50, 10)
    assert admission.records_held == 1_750  # of a thousand
    assert admission.take(MODEST, 1) == 0
    assert not admission.open(FLOOD, 1)
    assert (Counter(refusals()) - before)["share"] == 0  # there is none left for anybody
    admission.give_back(FLOOD, 1_750)
    assert admission.records_held == 0
    assert admission.take(MODEST, 1) == 1


@pytest.mark.parametrize("a_second", [1_500, 3_000, 8_000, 20_000])
def test_in_a_flood_answers_take_about_as_long_on_any_machine(a_second: int) -> None:
    """In ticks of 10 ms, so many records are answered a second, and a flood asks for five times as many."""
    chance = random.Random(a_second)
    admission, queue, waits = Admission(), deque[tuple[int, int]](), []
    each = a_second // 100
    for tick in range(3_000):
        for _ in range(min(each, len(queue))):
            began, party = queue.popleft()
            waits.append((tick - began) / 100)
            admission.give_back(party, 1)
            admission.took(waits[-1], 1)
        for _ in range(5 * each // 50 + (chance.random() < 5 * each % 50 / 50)):
            queue.extend([(tick, FLOOD)] * admission.take(FLOOD, 50))
    settled = sorted(waits[len(waits) // 2 :])
    assert settled[int(0.99 * len(settled))] < 0.8
    assert len(waits) > 0.97 * 30 * a_second  # and the machine always has work


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
