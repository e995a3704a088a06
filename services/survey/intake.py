"""Intake: judges submissions, seals them, and answers 202 only when Kafka has them on all in-sync replicas.

Stateless, so it scales by processes. The household's key decides the partition, so that a household's submissions stay
in order.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import msgspec
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, KafkaTimeoutError

from services.survey.domain import count
from services.survey.records import IntakeRecord, encode
from services.survey.submission import Submission, Unreadable, area_of, check, read_submission, village_of
from shared.contracts.partitioning import partition_of
from shared.contracts.topics import SURVEY_INTAKE, Topic
from shared.observability.clock import Clock
from shared.observability.logs import log
from shared.observability.metrics import IN_FLIGHT, SUBMISSIONS
from shared.security.keyed_ids import HouseholdIds
from shared.security.principal import Principal
from shared.security.sealing import KeyRing
from shared.web.problems import FieldError, Message

MAX_IN_FLIGHT = 4_000
"""Submissions sent and not yet acknowledged. Kafka takes as many in about a tenth of a second; more would only wait."""
MAX_SUBMISSION_BYTES = 64 * 1024
"""A household of 50 persons with every field filled has about 30 KiB."""
ACKNOWLEDGE_SECONDS = 10.0
"""Longer than a broker's failover (2 to 5 s); after it the outcome is unknown, and the phone sends the same id
again."""
RETRY_AFTER_SECONDS = 1
SEALED_FIELD = "submission"

_log = log(__name__)

OTHER_AREA = FieldError("address.area", "other_area", Message("อยู่นอกพื้นที่ของท่าน", "This lies outside your area"))
TOO_LARGE = FieldError("", "too_large", Message("ข้อมูลใหญ่เกินกำหนด", "This is larger than allowed"))
SAME_ID = FieldError(
    "submission_id", "id_used_twice", Message("รหัสนี้ใช้กับข้อมูลอื่นแล้ว", "This id is used for something else in this batch")
)
TOO_MANY = FieldError("", "too_many", Message("ระบบรับเต็มกำลัง โปรดส่งอีกครั้ง", "Intake is at its limit, send again"))
UNKNOWN = FieldError(
    "", "unknown", Message("ไม่ทราบผล โปรดส่งอีกครั้งด้วยรหัสเดิม", "The outcome is unknown, send again with the same id")
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the sender of one submission is told. status: 202, 400, 403, 409, 413, 429 or 503."""

    submission_id: UUID | None
    status: int
    errors: Sequence[FieldError] = ()


@dataclass(frozen=True, slots=True)
class _Sealed:
    record: IntakeRecord
    key: bytes
    partition: int
    value: bytes


class Intake:
    """Accepts submissions into `survey-intake`."""

    def __init__(
        self,
        producer: AIOKafkaProducer,
        sealing: KeyRing,
        household_ids: HouseholdIds,
        clock: Clock,
        topic: Topic = SURVEY_INTAKE,
    ) -> None:
        self._producer = producer
        self._sealing = sealing
        self._household_ids = household_ids
        self._clock = clock
        self._topic = topic
        self._in_flight = 0
        self.failed = asyncio.Event()
        """Set when Kafka refused for good: the producer is of no use any more, and the process has to start again."""

    async def accept(self, bodies: Sequence[bytes | msgspec.Raw], principal: Principal) -> list[Answer]:
        """Answers each of `bodies` (JSON submissions), in their order."""
        answers: list[Answer | None] = [None] * len(bodies)
        sealed: dict[int, _Sealed] = {}
        by_id: dict[UUID, tuple[int, bytes]] = {}
        same_as: dict[int, int] = {}
        now = self._clock.now()
        for index, body in enumerate(bodies):
            judged = self._judge(body, principal, now)
            if isinstance(judged, Answer):
                answers[index] = judged
                continue
            known = by_id.get(judged.record.submission_id)
            if known is None:
                by_id[judged.record.submission_id] = (index, judged.record.digest)
                sealed[index] = judged
            elif known[1] == judged.record.digest:
                same_as[index] = known[0]
            else:
                answers[index] = Answer(judged.record.submission_id, 409, [SAME_ID])
        statuses = await self._send(list(sealed.values()))
        for index, status in zip(sealed, statuses, strict=True):
            errors = {429: [TOO_MANY], 503: [UNKNOWN]}.get(status, [])
            answers[index] = Answer(sealed[index].record.submission_id, status, errors)
        for index, first in same_as.items():
            answers[index] = answers[first]
        told = [answer for answer in answers if answer is not None]
        for status, number in Counter(answer.status for answer in told).items():
            SUBMISSIONS.labels(status).inc(number)
        return told

    def _judge(self, body: bytes | msgspec.Raw, principal: Principal, now: datetime) -> _Sealed | Answer:
        if len(memoryview(body)) > MAX_SUBMISSION_BYTES:
            return Answer(None, 413, [TOO_LARGE])
        try:
            submission = read_submission(body)
        except Unreadable as error:
            return Answer(None, 400, error.errors)
        errors = check(submission, now)
        if errors:
            return Answer(submission.submission_id, 400, errors)
        if not principal.covers(area_of(submission)):
            return Answer(submission.submission_id, 403, [OTHER_AREA])
        return self._seal(submission, principal, now)

    def _seal(self, submission: Submission, principal: Principal, now: datetime) -> _Sealed:
        area, village, address = area_of(submission), village_of(submission), submission.address
        household_id = self._household_ids.of_address(area, village, address.house, address.unit)
        key = str(household_id)
        plaintext = msgspec.json.encode(submission)
        sealed = self._sealing.seal(plaintext, household=key, field=SEALED_FIELD)
        record = IntakeRecord(
            submission_id=submission.submission_id,
            household_id=household_id,
            volunteer_id=principal.subject,
            organisation_id=principal.organisation,
            area=area,
            village=village,
            captured_at=submission.captured_at.astimezone(UTC),
            received_at=now,
            kind="survey",
            counts=count(submission.persons, submission.captured_at),
            digest=self._household_ids.fingerprint(plaintext),
            key_id=sealed.key_id,
            wrapped_key=sealed.wrapped_key,
            sealed=sealed.ciphertext,
        )
        partition = partition_of(key, self._topic.partitions)
        return _Sealed(record, key.encode(), partition, encode(record))

    async def _send(self, items: Sequence[_Sealed]) -> list[int]:
        room = max(0, MAX_IN_FLIGHT - self._in_flight)
        admitted = items[:room]
        self._in_flight += len(admitted)
        IN_FLIGHT.set(self._in_flight)
        try:
            statuses = await self._acknowledged(admitted)
        finally:
            self._in_flight -= len(admitted)
            IN_FLIGHT.set(self._in_flight)
        return statuses + [429] * (len(items) - len(admitted))

    async def _acknowledged(self, items: Sequence[_Sealed]) -> list[int]:
        waits: list[asyncio.Future[object]] = []
        with suppress(TimeoutError):
            async with asyncio.timeout(ACKNOWLEDGE_SECONDS):
                await self._enqueue(items, waits)
                for wait in waits:
                    # Records of one produce batch are acknowledged together: most are done when their turn comes. A
                    # wait of its own, since a time-out must not cancel what the producer has still to answer.
                    if not wait.done():
                        await asyncio.wait((wait,))
        return [self._status(wait) for wait in waits] + [503] * (len(items) - len(waits))

    async def _enqueue(self, items: Sequence[_Sealed], waits: "list[asyncio.Future[object]]") -> None:
        """Hands the records to the producer, as far as it takes them: with Kafka away its buffer is soon full."""
        try:
            for item in items:
                waits.append(
                    await self._producer.send(self._topic.name, item.value, key=item.key, partition=item.partition)
                )
        except KafkaTimeoutError:
            return
        except KafkaError as error:
            self._fail(error)

    def _status(self, wait: "asyncio.Future[object]") -> int:
        if not wait.done():
            return 503
        error = wait.exception()
        if error is None:
            return 202
        if not isinstance(error, KafkaTimeoutError):
            self._fail(error)
        return 503

    def _fail(self, error: BaseException) -> None:
        _log.error("intake_failed", cause=type(error).__name__)
        self.failed.set()
