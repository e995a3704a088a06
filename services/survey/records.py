"""The record of `survey-intake`: what the recorder needs in the clear, and the submission itself sealed."""

from datetime import datetime
from operator import call
from typing import TYPE_CHECKING, Literal

import msgspec

from services.survey.domain import Counts

if TYPE_CHECKING:
    from uuid import UUID
else:  # the same in C: read, hashed, spelled out and given to the database in a fraction of the time
    from asyncpg.pgproto.pgproto import UUID


class IntakeRecord(msgspec.Struct, frozen=True, array_like=True):
    """One accepted submission; written as a MessagePack array. New fields go to the end, with a default.

    digest: tells the same submission sent again from another one under the same id; sealed: the submission as JSON,
    under `wrapped_key`, which is itself sealed under the key `key_id`. flags, cell and persons: see
    `services.survey.quality.Evidence`.
    """

    submission_id: UUID
    household_id: UUID
    volunteer_id: UUID
    organisation_id: UUID | None
    area: str
    village: str | None
    captured_at: datetime
    received_at: datetime
    kind: Literal["survey"]
    counts: Counts
    digest: bytes
    key_id: str
    wrapped_key: bytes
    sealed: bytes
    flags: tuple[str, ...] = ()
    cell: tuple[int, int] | None = None
    persons: tuple[bytes, ...] = ()


_encoder = msgspec.msgpack.Encoder(uuid_format="bytes")
_decoder = msgspec.msgpack.Decoder(IntakeRecord, dec_hook=call)  # UUID(value)


def encode(record: IntakeRecord) -> bytes:
    """The record as it stands in Kafka."""
    return _encoder.encode(record)


def decode(value: bytes) -> IntakeRecord:
    """Reads a record; raises ValueError (msgspec's) when it is none."""
    return _decoder.decode(value)
