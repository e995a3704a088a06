"""The record of `survey-intake`: what the recorder needs in the clear, and what was sent itself sealed."""

from datetime import datetime
from operator import call
from typing import Literal

import msgspec

from services.survey.domain import Counts
from shared.postgres.uuids import UUID


class ReachPerson(msgspec.Struct, frozen=True, array_like=True):
    """A person whom a survey names as wanting vaccine and lacking it; see `services.survey.reach.persons`.

    place: which of the survey's persons, from 0; rank: by the priorities of the day; dose: the highest had, 3 for more;
    registered_area: where he is registered, when that is elsewhere; tokens: what a search asks by.
    """

    person_id: UUID
    place: int
    rank: int
    dose: int
    at_risk: bool
    home_visit: bool
    reasons: tuple[str, ...]
    registered_area: str | None
    tokens: tuple[int, ...]


class FollowUpFact(msgspec.Struct, frozen=True, array_like=True):
    """What a follow-up says about one person to reach.

    dose: which one a vaccinated person got, if that was said; due_at: when appointed, else when to try again;
    facility_id: the vaccination point of an appointment.
    """

    person_id: UUID
    outcome: str
    dose: int | None
    due_at: datetime | None
    facility_id: UUID | None


class IntakeRecord(msgspec.Struct, frozen=True, array_like=True):
    """One accepted survey or follow-up, or an erasure; written as a MessagePack array. New fields go to the end, with a
    default.

    submission_id: also the id of a follow-up or an erasure; volunteer_id: None for what nobody visited. digest: tells
    the same sent again from another one under the same id; sealed: what was sent, as JSON, under `wrapped_key`, which
    is itself sealed under the key `key_id`; of an erasure both are empty. flags, cell and persons: see
    `services.survey.quality.Evidence`. A `follow_up` without the fact of that name is an erasure too, of one person:
    `counts`, `reach` and what is sealed are those of the household that is left.
    """

    submission_id: UUID
    household_id: UUID
    volunteer_id: UUID | None
    organisation_id: UUID | None
    area: str
    village: str | None
    captured_at: datetime
    received_at: datetime
    kind: Literal["survey", "follow_up", "erasure"]
    counts: Counts | None
    digest: bytes
    key_id: str
    wrapped_key: bytes
    sealed: bytes
    flags: tuple[str, ...] = ()
    cell: tuple[int, int] | None = None
    persons: tuple[bytes, ...] = ()
    reach: tuple[ReachPerson, ...] = ()
    follow_up: FollowUpFact | None = None
    erased_by: UUID | None = None
    notice: str | None = None


_encoder = msgspec.msgpack.Encoder(uuid_format="bytes")
_decoder = msgspec.msgpack.Decoder(IntakeRecord, dec_hook=call)  # UUID(value)


def encode(record: IntakeRecord) -> bytes:
    """The record as it stands in Kafka."""
    return _encoder.encode(record)


def decode(value: bytes) -> IntakeRecord:
    """Reads a record; raises ValueError (msgspec's, or for one that says too little of its kind) when it is none."""
    try:
        record = _decoder.decode(value)
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    if record.counts is None and record.kind != "erasure" and (record.kind == "survey" or record.follow_up is None):
        raise ValueError("a survey has counts, and a follow-up says what came of it")
    return record
