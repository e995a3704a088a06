"""What the benchmarks send: as phones do, and readable by intake."""

import json
from datetime import UTC, datetime, timedelta
from uuid import UUID

from services.survey.submission import area_of, check, read_batch, read_submission
from shared.contracts.chain import Verdict, judge
from shared.contracts.envelope import from_headers
from shared.contracts.events import VolunteerRegistered
from shared.contracts.golden import examples
from shared.contracts.topics import VOLUNTEER_REGISTERED
from tests.bench.load import Order, requests
from tests.bench.streams import records
from tests.bench.submissions import DAYS_OFFLINE, batches

BATCHES = 100
SIZE = 20


def test_a_batch_is_one_volunteers_work_of_the_last_days() -> None:
    now = datetime.now(UTC)
    areas = []
    houses = []
    for body in batches(BATCHES, SIZE, seed=3):
        sent = [read_submission(raw) for raw in read_batch(body).submissions]
        assert len(sent) == SIZE
        assert all(check(one, now) == [] for one in sent)
        assert all(now - one.captured_at < timedelta(days=DAYS_OFFLINE) for one in sent)
        assert len({area_of(one) for one in sent}) == 1
        areas.append(area_of(sent[0]))
        houses.append(frozenset(one.address.house for one in sent))
    visited = len(set(houses))
    assert len(set(areas)) == visited, "each batch is of another subdistrict, unless it visits the same houses again"
    assert BATCHES * 0.8 < visited < BATCHES


def test_senders_take_turns() -> None:
    sent = requests(Order(port=1, tokens=["a", "b"], connections=1, batch=1, seconds=1, most=4, seed=1))
    assert [request.split(b"Bearer ")[1][:1] for request in sent] == [b"a", b"b", b"a", b"b"]


def test_filled_streams_are_chains_of_readable_events() -> None:
    example = next(each for each in examples() if each.topic is VOLUNTEER_REGISTERED and each.name == "approved")
    body = example.event.model_dump(mode="json")
    filled = records(VOLUNTEER_REGISTERED, body, "volunteer_id", 200)
    people: set[UUID] = set()
    for in_order in filled.values():
        last = None
        for record in in_order:
            envelope = from_headers(record.headers)
            assert judge(last, envelope.sequence, envelope.previous) is Verdict.APPLY
            last = envelope.sequence
            people.add(VolunteerRegistered.model_validate(json.loads(record.value)).volunteer_id)
    assert len(people) == 200
