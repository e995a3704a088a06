"""The record of `survey-intake`, as intake writes it and the recorder reads it."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
import pytest

from services.survey.domain import Counts
from services.survey.records import IntakeRecord, decode, encode

RECORD = IntakeRecord(
    submission_id=UUID(int=1),
    household_id=UUID(int=2**128 - 1),
    volunteer_id=UUID("50010100-0000-4000-8000-000000000003"),
    organisation_id=None,
    area="500101",
    village=None,
    captured_at=datetime(2022, 2, 1, 3, 0, tzinfo=UTC),
    received_at=datetime(2022, 2, 2, 3, 0, 0, 1, tzinfo=UTC),
    kind="survey",
    counts=Counts(1, 0, 0, 1, 0, 0, 0, 0, 1, 0, {"cost": 1}),
    digest=b"digest",
    key_id="k1",
    wrapped_key=b"wrapped",
    sealed=b"sealed",
)


@pytest.mark.parametrize("organisation", [None, UUID(int=5)])
def test_a_record_is_read_as_it_was_written(organisation: UUID | None) -> None:
    record = msgspec.structs.replace(RECORD, organisation_id=organisation)
    read = decode(encode(record))
    assert read == record
    assert hash(read.submission_id) == hash(record.submission_id)
    assert encode(read) == encode(record)


@pytest.mark.parametrize("broken", [b"fifteen bytes .", 7, None, [1], {"a": 1}, "no id", "1" * 40])
def test_an_id_that_is_none_makes_a_record_unreadable(broken: Any) -> None:
    fields = msgspec.msgpack.decode(encode(RECORD))
    with pytest.raises(ValueError, match=r"\$\[0\]"):
        decode(msgspec.msgpack.encode([broken, *fields[1:]]))
