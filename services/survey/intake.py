"""Intake: judges submissions, seals them, and answers 202 only when Kafka has them on all in-sync replicas.

Stateless, so it scales by processes. The household's key decides the partition, so that a household's submissions stay
in order.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from uuid import UUID

import msgspec
import prometheus_client
from aiokafka import AIOKafkaProducer

from services.survey.admission import Admission, party_of
from services.survey.domain import count
from services.survey.quality import evidence_of
from services.survey.records import IntakeRecord, encode
from services.survey.submission import Submission, Unreadable, area_of, check, read_id, read_submission, village_of
from shared.contracts.topics import SURVEY_INTAKE, Topic
from shared.kafka.accumulator import Accumulator, Record
from shared.observability.clock import Clock
from shared.observability.metrics import SUBMISSIONS
from shared.security.blind_index import BlindIndex
from shared.security.keyed_ids import HouseholdIds
from shared.security.principal import Principal
from shared.security.rights import Right
from shared.security.sealing import KeyRing
from shared.web.problems import FieldError, Message

MAX_SUBMISSION_BYTES = 64 * 1024
"""A household of 50 persons with every field filled has about 30 KiB."""
ACKNOWLEDGE_SECONDS = 10.0
"""Longer than a broker's failover (2 to 5 s); after it the outcome is unknown, and the phone sends the same id
again."""
RETRY_AFTER_SECONDS = 1
SEALED_FIELD = "submission"

OTHER_AREA = FieldError("address.area", "other_area", Message("อยู่นอกพื้นที่ของท่าน", "This lies outside your area"))
NOT_FOR_OTHERS = FieldError(
    "on_behalf_of",
    "not_for_others",
    Message("เฉพาะผู้ประสานงานบันทึกแทนผู้อื่นได้", "Only coordinators record on somebody's behalf"),
)
TOO_LARGE = FieldError("", "too_large", Message("ข้อมูลใหญ่เกินกำหนด", "This is larger than allowed"))
SAME_ID = FieldError(
    "submission_id", "id_used_twice", Message("รหัสนี้ใช้กับข้อมูลอื่นแล้ว", "This id is used for something else in this batch")
)
TOO_MANY = FieldError("", "too_many", Message("ระบบรับเต็มกำลัง โปรดส่งอีกครั้ง", "Intake is at its limit, send again"))
UNKNOWN = FieldError(
    "", "unknown", Message("ไม่ทราบผล โปรดส่งอีกครั้งด้วยรหัสเดิม", "The outcome is unknown, send again with the same id")
)


class Answer(msgspec.Struct, frozen=True):
    """What the sender of one submission is told. status: 202, 400, 403, 409, 413, 429 or 503."""

    submission_id: UUID | None
    status: int
    errors: Sequence[FieldError] = ()


class _Sealed(msgspec.Struct, frozen=True):
    submission_id: UUID
    digest: bytes
    record: Record


@lru_cache(maxsize=10)  # as many as there are statuses: the look-up by label costs more than the count
def _told(status: int) -> "prometheus_client.Counter":
    return SUBMISSIONS.labels(status)


class Intake:
    """Accepts submissions into `survey-intake`."""

    def __init__(
        self,
        producer: AIOKafkaProducer,
        sealing: KeyRing,
        household_ids: HouseholdIds,
        blind_index: BlindIndex,
        clock: Clock,
        topic: Topic = SURVEY_INTAKE,
    ) -> None:
        self._accumulator = Accumulator(producer, topic, patience_seconds=ACKNOWLEDGE_SECONDS)
        self._sealing = sealing
        self._household_ids = household_ids
        self._blind_index = blind_index
        self._clock = clock
        self._topic = topic
        self.admission = Admission()

    @property
    def failed(self) -> asyncio.Event:
        """Set when Kafka refused for good, and the process has to start again."""
        return self._accumulator.failed

    async def accept(self, bodies: Sequence[bytes | msgspec.Raw], principal: Principal) -> list[Answer]:
        """Answers each of `bodies` (JSON submissions), in their order; those that find no room are not judged."""
        party = party_of(principal)
        room = self.admission.take(party, len(bodies))
        try:
            await self.admission.turn()
            told = await self._accept(bodies if room == len(bodies) else bodies[:room], principal)
        finally:
            self.admission.give_back(party, room)
        if room < len(bodies):
            told += [Answer(read_id(body), 429, [TOO_MANY]) for body in bodies[room:]]
        for status, number in Counter(answer.status for answer in told).items():
            _told(status).inc(number)
        return told

    async def accept_one(self, body: bytes, principal: Principal) -> Answer:
        """Answers one submission that comes alone."""
        party = party_of(principal)
        if self.admission.take(party, 1):
            try:
                answer = await self._accept_one(body, principal)
            finally:
                self.admission.give_back(party, 1)
        else:
            answer = Answer(read_id(body), 429, [TOO_MANY])
        _told(answer.status).inc()
        return answer

    async def _accept_one(self, body: bytes, principal: Principal) -> Answer:
        judged = self._judge(body, principal, self._clock.now())
        if isinstance(judged, Answer):
            return judged
        [acknowledged] = await self._accumulator.send([judged.record])
        return Answer(judged.submission_id, 202) if acknowledged else Answer(judged.submission_id, 503, (UNKNOWN,))

    async def _accept(self, bodies: Sequence[bytes | msgspec.Raw], principal: Principal) -> list[Answer]:
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
            known = by_id.get(judged.submission_id)
            if known is None:
                by_id[judged.submission_id] = (index, judged.digest)
                sealed[index] = judged
            elif known[1] == judged.digest:
                same_as[index] = known[0]
            else:
                answers[index] = Answer(judged.submission_id, 409, [SAME_ID])
        acknowledged = await self._accumulator.send([one.record for one in sealed.values()])
        for (index, one), has in zip(sealed.items(), acknowledged, strict=True):
            answers[index] = Answer(one.submission_id, 202) if has else Answer(one.submission_id, 503, (UNKNOWN,))
        for index, first in same_as.items():
            answers[index] = answers[first]
        return [answer for answer in answers if answer is not None]

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
        if submission.on_behalf_of is not None and not principal.may(Right.SUBMISSION_ASSIST):
            return Answer(submission.submission_id, 403, [NOT_FOR_OTHERS])
        return self._seal(submission, principal, now)

    def _seal(self, submission: Submission, principal: Principal, now: datetime) -> _Sealed:
        area, village, address = area_of(submission), village_of(submission), submission.address
        household_id = self._household_ids.of_address(area, village, address.house, address.unit)
        key = str(household_id)
        plaintext = msgspec.json.encode(submission)
        sealed = self._sealing.seal(plaintext, household=key, field=SEALED_FIELD)
        evidence = evidence_of(submission, area, self._blind_index)
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
            flags=evidence.flags,
            cell=evidence.cell,
            persons=evidence.persons,
        )
        partition = self._topic.partition_of(key)
        return _Sealed(submission.submission_id, record.digest, (partition, key.encode(), encode(record)))
