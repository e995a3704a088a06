"""Submissions for load: believable in size and variety, and quick to make."""

import random
from collections.abc import Iterator, Sequence
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


def submissions(number: int, seed: int) -> Iterator[bytes]:
    """`number` submissions over the country, some 700 bytes each; other seeds give other ids and houses."""
    chance = random.Random(seed)
    areas: Sequence[str] = [area.code for area in subdistricts() if not area.code.startswith(PROBED)]
    now = datetime.now(UTC).replace(microsecond=0)
    times = [(now - timedelta(minutes=minute)).isoformat() for minute in range(0, 40_000, 7)]
    for each in range(number):
        house = chance.randrange(each + 1) if chance.random() < REVISITED else each
        persons = ",".join(PERSONS[(house + n) % 3] % ((house + 17 * n) % 95) for n in range(1 + house % 4))
        area = areas[house % len(areas)]
        yield (
            SUBMISSION % (UUID(int=chance.getrandbits(128)), chance.choice(times), area, seed, house, persons)
        ).encode()


def batches(number: int, size: int, seed: int) -> Iterator[bytes]:
    """`number` bodies of `size` submissions each, as phones send them."""
    stream = submissions(number * size, seed)
    for _ in range(number):
        yield b'{"submissions":[' + b",".join(next(stream) for _ in range(size)) + b"]}"
