"""Intake: judges submissions and follow-ups, seals them, and answers 202 only when Kafka has them on all in-sync
replicas.

Stateless, so it scales by processes. The household's key decides the partition, so that what concerns a household stays
in order; and how many partitions there are by now, Kafka says.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from time import monotonic
from typing import NamedTuple
from uuid import UUID, uuid4

import msgspec
import prometheus_client
from aiokafka import AIOKafkaProducer

from services.survey.admission import Admission
from services.survey.domain import count
from services.survey.parties import Party, party_of
from services.survey.precedence import Precedence
from services.survey.quality import evidence_of
from services.survey.reach import follow_up as follow_ups
from services.survey.reach.persons import persons_to_reach
from services.survey.records import FollowUpFact, IntakeRecord, encode
from services.survey.submission import Submission, Unreadable, area_of, check, read_id, read_submission, village_of
from services.survey.turns import Turns
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
MAX_FOLLOW_UP_BYTES = 8 * 1024
"""With the longest note, in Thai and escaped, it has about 4 KiB."""
RECORDS_A_TURN = 50
"""Of one batch while others wait for their turns: what most phones send, whose records so go to Kafka together."""
JUDGED_AT_ONCE = 10
"""Of these, in half a millisecond; then whatever else waits in the event loop goes on, such as a list or a refusal."""
RETRY_AFTER_SECONDS = 1
SEALED_FIELD = "submission"

OTHER_AREA = FieldError("address.area", "other_area", Message("อยู่นอกพื้นที่ของท่าน", "This lies outside your area"))
NOT_FOR_OTHERS = FieldError(
    "on_behalf_of",
    "not_for_others",
    Message("เฉพาะผู้ประสานงานบันทึกแทนผู้อื่นได้", "Only coordinators record on somebody's behalf"),
)
TOO_LARGE = FieldError("", "too_large", Message("ข้อมูลใหญ่เกินกำหนด", "This is larger than allowed"))
USED_TWICE = Message("รหัสนี้ใช้กับข้อมูลอื่นแล้ว", "This id is used for something else in this batch")
OTHER_HOUSEHOLD = FieldError("household_id", "other_area", OTHER_AREA.message)
TOO_MANY = FieldError("", "too_many", Message("ระบบรับเต็มกำลัง โปรดส่งอีกครั้ง", "Intake is at its limit, send again"))
UNKNOWN = FieldError(
    "", "unknown", Message("ไม่ทราบผล โปรดส่งอีกครั้งด้วยรหัสเดิม", "The outcome is unknown, send again with the same id")
)


class Answer(msgspec.Struct, frozen=True):
    """What the sender of one submission or follow-up, of whose id, is told. status: 202, 400, 403, 409, 413, 429 or
    503."""

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


Body = bytes | msgspec.Raw


class _Form(NamedTuple):
    """What is accepted in one way: the name of its id, how to read only that, and how to judge all of it."""

    id_name: str
    read_id: Callable[[Body], UUID | None]
    judge: Callable[[Body, Principal, datetime], _Sealed | Answer]


class Intake:
    """Accepts submissions, follow-ups and erasures into `survey-intake`."""

    def __init__(
        self,
        producer: AIOKafkaProducer,
        sealing: KeyRing,
        household_ids: HouseholdIds,
        blind_index: BlindIndex,
        clock: Clock,
        topic: Topic = SURVEY_INTAKE,
        precedence: Precedence | None = None,
    ) -> None:
        self._accumulator = Accumulator(producer, topic, patience_seconds=ACKNOWLEDGE_SECONDS)
        self._sealing = sealing
        self._household_ids = household_ids
        self._blind_index = blind_index
        self._clock = clock
        self._topic = topic
        self._submission = _Form("submission_id", read_id, self._judge_submission)
        self._follow_up = _Form("follow_up_id", follow_ups.read_follow_up_id, self._judge_follow_up)
        self.admission = Admission()
        self._turns = Turns(precedence)
        for status in (202, 429, 503):
            _told(status)  # there from the beginning, so that the first refusal shows as one

    async def learn(self) -> None:
        """Takes up how many partitions the topic has now. Until it does, an intake goes on with the number that it
        knew: what it sends is recorded just as well (`services.survey.store.hold`). Raises KafkaError."""
        self._topic = replace(self._topic, partitions=await self._accumulator.learn())

    @property
    def failed(self) -> asyncio.Event:
        """Set when Kafka refused for good, and the process has to start again."""
        return self._accumulator.failed

    async def accept(self, bodies: Sequence[Body], principal: Principal) -> list[Answer]:
        """Answers each of `bodies` (JSON submissions), in their order; those that find no room are not judged."""
        return await self._accept_all(bodies, principal, self._submission)

    async def accept_one(self, body: bytes, principal: Principal) -> Answer:
        """Answers one submission that comes alone."""
        return await self._accept_alone(body, principal, self._submission)

    async def accept_follow_ups(self, bodies: Sequence[Body], principal: Principal) -> list[Answer]:
        """Answers each of `bodies` (JSON follow-ups), as `accept` does."""
        return await self._accept_all(bodies, principal, self._follow_up)

    async def accept_follow_up(self, body: bytes, principal: Principal) -> Answer:
        """Answers one follow-up that comes alone."""
        return await self._accept_alone(body, principal, self._follow_up)

    async def erase(
        self,
        household_id: UUID,
        area: str,
        by: UUID,
        *,
        erasure_id: UUID | None = None,
        left: Submission | None = None,
    ) -> bool:
        """Has a household forgotten: everything that was captured until now, with the keys to what is sealed of it.

        area: its subdistrict; by: who decided it; erasure_id: of one's own, so that trying again is the same erasure;
        left: the household without the one person who is to be forgotten, when the others stay: its latest survey,
        under any id. True when Kafka has it: it will be done. False when that is not known: try again with the same id.
        """
        now, key = self._clock.now(), str(household_id)
        erasure_id = erasure_id or uuid4()
        record = IntakeRecord(
            submission_id=erasure_id,
            household_id=household_id,
            volunteer_id=None,
            organisation_id=None,
            area=area,
            village=None,
            captured_at=now,
            received_at=now,
            kind="erasure",
            counts=None,
            digest=self._household_ids.fingerprint(f"erasure {key}".encode()),
            key_id="",
            wrapped_key=b"",
            sealed=b"",
            erased_by=by,
        )
        if left is not None:
            plaintext = msgspec.json.encode(msgspec.structs.replace(left, submission_id=erasure_id))
            sealed = self._sealing.seal(plaintext, household=key, field=SEALED_FIELD)
            evidence = evidence_of(left, area, self._blind_index)
            record = msgspec.structs.replace(
                record,
                kind="follow_up",
                village=village_of(left),
                counts=count(left.persons, left.captured_at),
                digest=self._household_ids.fingerprint(plaintext),
                key_id=sealed.key_id,
                wrapped_key=sealed.wrapped_key,
                sealed=sealed.ciphertext,
                cell=evidence.cell,
                persons=evidence.persons,
                reach=persons_to_reach(left, household_id, self._household_ids, self._blind_index),
            )
        [acknowledged] = await self._accumulator.send([self._addressed(key, record)])
        return acknowledged

    async def _accept_all(self, bodies: Sequence[Body], principal: Principal, form: _Form) -> list[Answer]:
        party, began = party_of(principal), monotonic()
        room = self.admission.take(party, len(bodies))
        try:
            told = await self._accept(bodies if room == len(bodies) else bodies[:room], principal, party, form)
        finally:
            self.admission.give_back(party, room)
            self.admission.took(monotonic() - began, room)
        if room < len(bodies):
            told += [Answer(form.read_id(body), 429, [TOO_MANY]) for body in bodies[room:]]
        for status, number in Counter(answer.status for answer in told).items():
            _told(status).inc(number)
        return told

    async def _accept_alone(self, body: bytes, principal: Principal, form: _Form) -> Answer:
        party = party_of(principal)
        if self.admission.take(party, 1):
            try:
                answer = await self._accept_one(body, principal, form)
            finally:
                self.admission.give_back(party, 1)
                self.admission.grow(1)
        else:
            answer = Answer(form.read_id(body), 429, [TOO_MANY])
        _told(answer.status).inc()
        return answer

    async def _accept_one(self, body: bytes, principal: Principal, form: _Form) -> Answer:
        judged = form.judge(body, principal, self._clock.now())
        if isinstance(judged, Answer):
            return judged
        [acknowledged] = await self._accumulator.send([judged.record])
        return Answer(judged.submission_id, 202) if acknowledged else Answer(judged.submission_id, 503, (UNKNOWN,))

    async def _accept(self, bodies: Sequence[Body], principal: Principal, party: Party, form: _Form) -> list[Answer]:
        answers: list[Answer | None] = [None] * len(bodies)
        sealed: dict[int, _Sealed] = {}
        by_id: dict[UUID, tuple[int, bytes]] = {}
        same_as: dict[int, int] = {}
        now = self._clock.now()
        for start in range(0, len(bodies), RECORDS_A_TURN):
            async with self._turns.turn(party):
                for index, body in enumerate(bodies[start : start + RECORDS_A_TURN], start):
                    if index % JUDGED_AT_ONCE == 0:
                        await self._turns.pause()
                    judged = form.judge(body, principal, now)
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
                        same_id = FieldError(form.id_name, "id_used_twice", USED_TWICE)
                        answers[index] = Answer(judged.submission_id, 409, [same_id])
        acknowledged = await self._accumulator.send([one.record for one in sealed.values()])
        for (index, one), has in zip(sealed.items(), acknowledged, strict=True):
            answers[index] = Answer(one.submission_id, 202) if has else Answer(one.submission_id, 503, (UNKNOWN,))
        for index, first in same_as.items():
            answers[index] = answers[first]
        return [answer for answer in answers if answer is not None]

    def _judge_submission(self, body: Body, principal: Principal, now: datetime) -> _Sealed | Answer:
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
        return self._seal_submission(submission, principal, now)

    def _judge_follow_up(self, body: Body, principal: Principal, now: datetime) -> _Sealed | Answer:
        if len(memoryview(body)) > MAX_FOLLOW_UP_BYTES:
            return Answer(None, 413, [TOO_LARGE])
        try:
            follow_up = follow_ups.read_follow_up(body)
        except Unreadable as error:
            return Answer(None, 400, error.errors)
        errors = follow_ups.check_follow_up(follow_up, now)
        area = follow_ups.area_of(follow_up.household_id)
        if errors or area is None:
            return Answer(follow_up.follow_up_id, 400, errors)
        if not principal.covers(area):
            return Answer(follow_up.follow_up_id, 403, [OTHER_HOUSEHOLD])
        return self._seal_follow_up(follow_up, area, principal, now)

    def _seal_follow_up(
        self, follow_up: follow_ups.FollowUp, area: str, principal: Principal, now: datetime
    ) -> _Sealed:
        key = str(follow_up.household_id)
        plaintext = msgspec.json.encode(follow_up)
        sealed = self._sealing.seal(plaintext, household=key, field=SEALED_FIELD)
        appointment, due_at = follow_up.appointment, follow_up.next_at
        if appointment is not None:
            due_at = appointment.at
        record = IntakeRecord(
            submission_id=follow_up.follow_up_id,
            household_id=follow_up.household_id,
            volunteer_id=principal.subject,
            organisation_id=principal.organisation,
            area=area,
            village=None,
            captured_at=follow_up.captured_at.astimezone(UTC),
            received_at=now,
            kind="follow_up",
            counts=None,
            digest=self._household_ids.fingerprint(plaintext),
            key_id=sealed.key_id,
            wrapped_key=sealed.wrapped_key,
            sealed=sealed.ciphertext,
            follow_up=FollowUpFact(
                person_id=follow_up.person_id,
                outcome=follow_up.outcome,
                dose=follow_up.dose.number if follow_up.dose is not None else None,
                due_at=None if due_at is None else due_at.astimezone(UTC),
                facility_id=appointment.facility_id if appointment is not None else None,
            ),
        )
        return _Sealed(record.submission_id, record.digest, self._addressed(key, record))

    def _addressed(self, key: str, record: IntakeRecord) -> Record:
        return (self._topic.partition_of(key), key.encode(), encode(record))

    def _seal_submission(self, submission: Submission, principal: Principal, now: datetime) -> _Sealed:
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
            reach=persons_to_reach(submission, household_id, self._household_ids, self._blind_index),
            notice=submission.notice,
        )
        return _Sealed(submission.submission_id, record.digest, self._addressed(key, record))
