"""What intake tells its senders when Kafka is slow, away or refuses, and within one batch."""

import asyncio
import json
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaTimeoutError, MessageSizeTooLargeError

from services.survey import intake as intake_module
from services.survey.admission import Admission
from services.survey.domain import Counts
from services.survey.intake import MAX_SUBMISSION_BYTES, Intake
from services.survey.records import decode
from shared.contracts.events import Role
from shared.contracts.topics import SURVEY_INTAKE
from shared.observability.clock import MovableClock
from shared.security.blind_index import BlindIndex
from shared.security.keyed_ids import HouseholdIds
from shared.security.principal import Principal
from shared.security.sealing import KeyRing

Keys = tuple[KeyRing, HouseholdIds, BlindIndex]
NOW = datetime(2022, 2, 5, 3, 0, tzinfo=UTC)
VOLUNTEER = Principal(UUID(int=7), UUID(int=8), Role.VOLUNTEER, "50", NOW + timedelta(hours=1), "token")


class FakeProducer:
    """Takes records; `outcome` decides each acknowledgement: None for one that never comes."""

    def __init__(self, outcome: BaseException | bool | None = True) -> None:
        self.outcome = outcome
        self.sent: list[tuple[bytes, bytes, int]] = []
        self._open: list[asyncio.Future[object]] = []

    def create_batch(self) -> "FakeBatch":
        """An empty batch."""
        return FakeBatch()

    async def send_batch(self, batch: "FakeBatch", _topic: str, *, partition: int) -> "asyncio.Future[object]":
        """Enqueues a batch."""
        self.sent += [(key, value, partition) for key, value in batch.records]
        future: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        if isinstance(self.outcome, BaseException):
            future.set_exception(self.outcome)
        elif self.outcome:
            future.set_result(object())
        else:
            self._open.append(future)
        return future

    def come_back(self) -> None:
        """Acknowledges everything, from now on and what waits."""
        self.outcome = True
        for future in self._open:
            future.set_result(object())


class FakeBatch:
    """Holds any number of records."""

    def __init__(self) -> None:
        self.records: list[tuple[bytes, bytes]] = []

    def append(self, *, key: bytes, value: bytes, **_: object) -> object:
        """Adds a record."""
        self.records.append((key, value))
        return self


def body(number: int, **changes: Any) -> bytes:
    return json.dumps(
        {
            "submission_id": str(UUID(int=number)),
            "captured_at": "2022-01-15T09:30:00+07:00",
            "address": {"area": "500101", "house": str(number)},
            "persons": [{"age": 71, "wants_vaccine": "yes"}],
        }
        | changes
    ).encode()


@pytest.fixture
def keys() -> Keys:
    return KeyRing("k", {"k": os.urandom(32)}), HouseholdIds(os.urandom(32)), BlindIndex(os.urandom(32))


def intake_over(producer: FakeProducer, keys: Keys) -> Intake:
    return Intake(cast(AIOKafkaProducer, producer), *keys, MovableClock(NOW))


async def test_an_accepted_record_holds_what_the_recorder_needs_and_the_rest_sealed(
    keys: Keys,
) -> None:
    producer = FakeProducer()
    named = body(1, contact={"name": "สมมุติ", "phone": "0812345678"})
    [answer] = await intake_over(producer, keys).accept([named], VOLUNTEER)
    assert answer.status == 202
    [(key, value, partition)] = producer.sent
    record = decode(value)
    assert key == str(record.household_id).encode()
    assert partition == SURVEY_INTAKE.partition_of(key.decode())
    assert record.counts == Counts(1, 1, 0, 0, 0, 1, 1, 0, 0, 0, {})
    assert "สมมุติ".encode() not in value
    assert b"0812345678" not in value


async def test_the_same_house_is_the_same_household(keys: Keys) -> None:
    producer = FakeProducer()
    houses = [{"area": "500101", "house": "๙๙/๑"}, {"area": "500101", "house": " 99/1 "}]
    await intake_over(producer, keys).accept([body(n, address=a) for n, a in enumerate(houses)], VOLUNTEER)
    assert len({key for key, _, _ in producer.sent}) == 1


async def test_a_time_at_the_end_of_all_times_holds_up_no_other(keys: Keys) -> None:
    producer = FakeProducer()
    ends = [body(2, captured_at="9999-12-31T23:00:00Z"), body(3, captured_at="0001-01-01T00:00:00+14:00")]
    answers = await intake_over(producer, keys).accept([body(1), *ends], VOLUNTEER)
    assert [(one.status, [error.code for error in one.errors]) for one in answers] == [
        (202, []),
        (400, ["in_the_future"]),
        (400, ["too_early"]),
    ]
    assert len(producer.sent) == 1


async def test_a_coordinator_records_on_a_volunteers_behalf_and_the_record_says_so(keys: Keys) -> None:
    producer = FakeProducer()
    told = body(1, on_behalf_of=str(UUID(int=77)), position={"lat": 13.75, "lon": 100.5})
    [refused] = await intake_over(producer, keys).accept([told], VOLUNTEER)
    assert (refused.status, [(error.path, error.code) for error in refused.errors]) == (
        403,
        [("on_behalf_of", "not_for_others")],
    )
    assert producer.sent == []
    coordinator = replace(VOLUNTEER, role=Role.SUBDISTRICT_COORDINATOR)
    [accepted] = await intake_over(producer, keys).accept([told], coordinator)
    assert accepted.status == 202
    record = decode(producer.sent[0][1])
    assert record.flags == ("on_behalf", "position_elsewhere")
    assert record.volunteer_id == coordinator.subject, "it counts for whoever vouches for it"


async def test_good_items_are_not_held_back_by_bad_ones(keys: Keys) -> None:
    producer = FakeProducer()
    bodies = [
        body(1),
        b"{",
        body(2, captured_at="2030-01-01T00:00:00Z"),
        body(3, address={"area": "100101", "house": "1"}),
        body(4, contact={"name": "x" * MAX_SUBMISSION_BYTES}),
        body(5),
    ]
    answers = await intake_over(producer, keys).accept(bodies, VOLUNTEER)
    assert [answer.status for answer in answers] == [202, 400, 400, 403, 413, 202]
    assert len(producer.sent) == 2


async def test_the_same_id_in_one_batch(keys: Keys) -> None:
    producer = FakeProducer()
    other = body(1, persons=[])
    answers = await intake_over(producer, keys).accept([body(1), body(1), other], VOLUNTEER)
    assert [answer.status for answer in answers] == [202, 202, 409]
    assert len(producer.sent) == 1


async def test_others_go_on_while_a_batch_is_judged(keys: Keys) -> None:
    """Of 120 records never more than ten are judged before the event loop goes on, and a batch that came with it is
    judged after the first fifty."""
    intake = intake_over(FakeProducer(), keys)
    answering = asyncio.gather(
        intake.accept([body(number) for number in range(120)], VOLUNTEER), intake.accept([body(500)], VOLUNTEER)
    )
    judged, sealed = [0], keys[0].seal

    def counted(*arguments: Any, **named: Any) -> Any:
        judged[0] += 1
        return sealed(*arguments, **named)

    keys[0].seal = counted  # type: ignore[method-assign]
    stretches = []
    while not answering.done():
        before = judged[0]
        await asyncio.sleep(0)
        stretches.append(judged[0] - before)
    large, small = answering.result()
    assert {answer.status for answer in (*large, *small)} == {202}
    assert [each for each in stretches if each] == [10] * 5 + [1] + [10] * 7


async def test_beyond_the_limit_is_refused_at_once_and_room_comes_back(
    keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake_module, "ACKNOWLEDGE_SECONDS", 0.2)
    producer = FakeProducer(outcome=None)
    intake = intake_over(producer, keys)
    intake.admission = Admission(max_records=11)  # ten and the newcomers' eighth
    waiting = asyncio.create_task(intake.accept([body(n) for n in range(8)], VOLUNTEER))
    await asyncio.sleep(0)
    answers = await intake.accept([body(n) for n in range(100, 104)], VOLUNTEER)
    assert [answer.status for answer in answers] == [503, 503, 429, 429]
    assert [answer.submission_id for answer in answers[2:]] == [UUID(int=102), UUID(int=103)]
    assert len(producer.sent) == 10  # what is refused is neither judged nor sealed
    assert {answer.status for answer in await waiting} == {503}
    producer.come_back()
    assert {answer.status for answer in await intake.accept([body(n) for n in range(10)], VOLUNTEER)} == {202}


async def test_an_outcome_that_is_not_known_is_said_to_be_unknown(keys: Keys) -> None:
    intake = intake_over(FakeProducer(KafkaTimeoutError()), keys)
    [answer] = await intake.accept([body(1)], VOLUNTEER)
    assert (answer.status, answer.errors[0].code) == (503, "unknown")
    assert not intake.failed.is_set()


async def test_a_producer_that_is_of_no_use_any_more_is_given_up(keys: Keys) -> None:
    intake = intake_over(FakeProducer(MessageSizeTooLargeError()), keys)
    [answer] = await intake.accept([body(1)], VOLUNTEER)
    assert answer.status == 503
    assert intake.failed.is_set()


@pytest.mark.parametrize(
    ("sent", "outcome", "status"),
    [
        (body(1), None, 202),
        (b"{", None, 400),
        (body(3, address={"area": "100101", "house": "1"}), None, 403),
        (body(4, contact={"name": "x" * MAX_SUBMISSION_BYTES}), None, 413),
        (body(1), KafkaTimeoutError(), 503),
    ],
)
async def test_one_that_comes_alone_is_answered_as_in_a_batch(
    keys: Keys, sent: bytes, outcome: Exception | None, status: int
) -> None:
    producer = FakeProducer(outcome) if outcome else FakeProducer()
    intake = intake_over(producer, keys)
    alone = await intake.accept_one(sent, VOLUNTEER)
    assert [alone] == await intake.accept([sent], VOLUNTEER)
    assert alone.status == status
    assert intake.admission.records_held == 0


async def test_one_that_comes_alone_finds_no_room(keys: Keys) -> None:
    intake = intake_over(FakeProducer(), keys)
    intake.admission = Admission(max_records=0)
    answer = await intake.accept_one(body(7), VOLUNTEER)
    assert (answer.submission_id, answer.status) == (UUID(int=7), 429)
