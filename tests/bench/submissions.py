"""Submissions for load: believable in size and variety, and quick to make."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

from shared.areas.register import subdistricts

PERSONS = (
    '{"name":"สมมุติ ใจดี","age":%d,"sex":"f","doses":[{"number":1,"date":"2021-08-01","vaccine":"511"},'
    '{"number":2,"date":"2021-09-01","vaccine":"511"}],"risks":[],"wants_vaccine":"no","reasons":[]}',
    '{"name":"ทดสอบ มีสุข","age":%d,"sex":"m","doses":[],"risks":["diabetes"],"wants_vaccine":"yes",'
    '"reasons":["hard_to_reach"],"home_visit":true}',
    '{"name":"ตัวอย่าง รักไทย","age":%d,"sex":"f","doses":[{"number":1,"date":"2021-08-01","vaccine":"208"}],'
    '"wants_vaccine":"undecided","reasons":["side_effects"]}',
)
SUBMISSION = (
    '{"submission_id":"%s","captured_at":"%s","address":{"area":"%s","house":"%d/%d"},'
    '"contact":{"name":"สมมุติ","phone":"0812345678"},"persons":[%s]}'
)
PROBED = "10"
"""The province that load leaves out, so that probes are alone in it."""
REVISITED = 0.1
"""Of all visits, to a house that was visited before."""
DAYS_OFFLINE = 3
"""As long as a volunteer's phone is out of reach at most."""


def submissions(number: int, seed: int) -> Iterator[bytes]:
    """`number` submissions over the country, some 700 bytes each; other seeds give other ids and houses."""
    chance = random.Random(seed)
    areas = _areas()
    times = _times(40_000)
    for each in range(number):
        house = chance.randrange(each + 1) if chance.random() < REVISITED else each
        yield _submission(chance, chance.choice(times), areas[house % len(areas)], seed, house)


def batches(number: int, size: int, seed: int) -> Iterator[bytes]:
    """`number` bodies of `size` submissions each, as phones send them.

    What a phone sends when it is back online is one volunteer's work: one subdistrict, the last days. Each batch is of
    another subdistrict, since the phones that come back together are all over the country, and some batches are a
    second round through the houses of an earlier one. Where the households of a batch lie decides how many rows of the
    reporting database it touches: batches spread over 50 subdistricts would measure what nobody sends.
    """
    chance = random.Random(seed)
    areas = _areas()
    chance.shuffle(areas)
    times = _times(DAYS_OFFLINE * 24 * 60)
    for each in range(number):
        visited = chance.randrange(each + 1) if chance.random() < REVISITED else each
        area, first = areas[visited % len(areas)], visited * size
        houses = range(first, first + size)
        bodies = (_submission(chance, chance.choice(times), area, seed, house) for house in houses)
        yield b'{"submissions":[' + b",".join(bodies) + b"]}"


def _time_ordered_id(chance: random.Random, milliseconds: int) -> UUID:
    """A UUID of version 7, as phones make them: they come nearly in order, which keeps an index of millions warm."""
    return UUID(int=milliseconds << 80 | 7 << 76 | chance.getrandbits(12) << 64 | 2 << 62 | chance.getrandbits(62))


def _areas() -> list[str]:
    return [area.code for area in subdistricts() if not area.code.startswith(PROBED)]


def _times(minutes: int) -> list[tuple[str, int]]:
    """Capture times, as they are written and in milliseconds since 1970."""
    now = datetime.now(UTC).replace(microsecond=0)
    times = [now - timedelta(minutes=minute) for minute in range(0, minutes, 7)]
    return [(time.isoformat(), int(time.timestamp()) * 1000) for time in times]


def _submission(chance: random.Random, time: tuple[str, int], area: str, seed: int, house: int) -> bytes:
    written, milliseconds = time
    persons = ",".join(PERSONS[(house + n) % 3] % ((house + 17 * n) % 95) for n in range(1 + house % 4))
    submission_id = _time_ordered_id(chance, milliseconds)
    return (SUBMISSION % (submission_id, written, area, seed, house, persons)).encode()
