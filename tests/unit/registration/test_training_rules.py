"""When one signs up and attends, and how long a completion counts."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.registration.codes import attendance_code, typed_attendance_code
from services.registration.domain import trainings as domain
from services.registration.domain.trainings import Audience, Course, Session, TrainingRefused
from shared.contracts.events import Role
from shared.observability.clock import BANGKOK

NOW = datetime(2022, 2, 5, 3, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def course(audience: Audience = Audience.PARTNERS, *required_for: Role) -> Course:
    return Course(uuid4(), "50", "ก", "a", audience, required_for, None, False)


def session(*, cancelled: bool = False) -> Session:
    return Session(uuid4(), uuid4(), "50", None, "ศาลา", NOW + HOUR, NOW + 2 * HOUR, 5, NOW + HOUR, uuid4(), cancelled)


@pytest.mark.parametrize(
    ("completed", "months", "until"),
    [
        (datetime(2022, 1, 31, 3, tzinfo=UTC), 1, datetime(2022, 2, 28, 3, tzinfo=UTC)),
        (datetime(2022, 12, 15, 3, tzinfo=UTC), 1, datetime(2023, 1, 15, 3, tzinfo=UTC)),
        (datetime(2024, 2, 29, 3, tzinfo=UTC), 12, datetime(2025, 2, 28, 3, tzinfo=UTC)),
        # In Bangkok it is the first of February already.
        (datetime(2022, 1, 31, 18, tzinfo=UTC), 1, datetime(2022, 2, 28, 18, tzinfo=UTC)),
    ],
)
def test_validity_counts_months_in_bangkok(completed: datetime, months: int, until: datetime) -> None:
    assert domain.valid_until(completed, months) == until
    assert domain.valid_until(completed, None) is None


@given(st.datetimes(datetime(2022, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)), st.integers(1, 120))
def test_validity_ends_on_the_same_day_or_the_months_last(completed: datetime, months: int) -> None:
    until = domain.valid_until(completed, months)
    assert until is not None
    before, after = completed.astimezone(BANGKOK), until.astimezone(BANGKOK)
    assert (after.year * 12 + after.month) - (before.year * 12 + before.month) == months
    assert after.day == before.day or (after + timedelta(days=1)).month != after.month


@pytest.mark.parametrize(
    ("begins", "ends", "until", "wrong"),
    [
        (HOUR, 2 * HOUR, HOUR, None),
        (HOUR, 2 * HOUR, 2 * HOUR, None),
        (timedelta(0), HOUR, HOUR, "begins_at"),
        (domain.FARTHEST_SESSION + HOUR, domain.FARTHEST_SESSION + 2 * HOUR, HOUR, "begins_at"),
        (HOUR, HOUR, HOUR, "ends_at"),
        (HOUR, 2 * HOUR + domain.LONGEST_SESSION, HOUR, "ends_at"),
        (HOUR, 2 * HOUR, 3 * HOUR, "sign_up_until"),
        (HOUR, 2 * HOUR, timedelta(0), "sign_up_until"),
    ],
)
def test_times_of_a_session(begins: timedelta, ends: timedelta, until: timedelta, wrong: str | None) -> None:
    assert domain.wrong_time(NOW + begins, NOW + ends, NOW + until, NOW) == wrong


def test_who_signs_up_by_phone() -> None:
    assert course(Audience.PUBLIC).by_phone
    assert course(Audience.PARTNERS, Role.VOLUNTEER).by_phone, "nobody signs in before he is approved"
    assert not course(Audience.PARTNERS, Role.PLACE_OFFICER).by_phone
    domain.check_sign_up(session(), course(), by_phone=False, now=NOW + HOUR)
    for by_phone, cancelled, now, code in (
        (True, False, NOW, "not_by_phone"),
        (False, True, NOW, "session_cancelled"),
        (False, False, NOW + HOUR + timedelta(seconds=1), "sign_up_closed"),
    ):
        with pytest.raises(TrainingRefused, match=code):
            domain.check_sign_up(session(cancelled=cancelled), course(), by_phone=by_phone, now=now)


@given(st.binary(min_size=32, max_size=32))
def test_codes_are_read_back_however_they_are_typed(digest: bytes) -> None:
    code = attendance_code(digest)
    assert len(code) == 7
    assert not set(code) & set("0O1IL2Z5S8BUVAE")
    assert typed_attendance_code(code) == code
    assert typed_attendance_code(f" {code.lower().replace('-', '')} ") == code


@pytest.mark.parametrize("text", ["", "F4K-C9", "F4K-C9TT", "OOO-000", "x" * 40])
def test_what_is_no_code(text: str) -> None:
    assert typed_attendance_code(text) is None
