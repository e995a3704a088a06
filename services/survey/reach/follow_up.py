"""A follow-up as phones send it: what came of contacting one person to reach."""

from datetime import datetime, timedelta
from typing import Annotated, Final, Literal, get_args
from uuid import UUID

import msgspec
from msgspec import Meta, Struct

from services.survey.submission import EARLIEST_DOSE, Dose, captured_errors, in_utc, latest_dose_day, read_json
from shared.areas.register import is_current
from shared.web.problems import FieldError, Message

MAX_FOLLOW_UPS: Final = 500
"""One batch, as of submissions."""
FARTHEST_AHEAD: Final = timedelta(days=366)
"""An appointment, or another try, in more than a year is a mistyped one."""

Outcome = Literal["no_answer", "appointment", "vaccinated", "changed_mind", "moved", "not_found", "died", "reopened"]
OUTCOMES: Final = get_args(Outcome)
Time = Annotated[datetime, Meta(tz=True)]


class Appointment(Struct, frozen=True):
    """Where and when the person is to be vaccinated; facility_id: a vaccination point of the register."""

    facility_id: UUID
    at: Time


class FollowUp(Struct, frozen=True, omit_defaults=True):
    """One contact, or attempt at one, with one person of a household. follow_up_id is made on the phone, of version 7,
    so that sending again is the same follow-up; it shares its space with the ids of submissions.

    dose: what a vaccinated person got; without it, or without its number, one more than was known. next_at: when to try
    again. `reopened`: the person is to be reached again, whatever was written before.
    """

    follow_up_id: UUID
    captured_at: Time
    household_id: UUID
    person_id: UUID
    outcome: Outcome
    contact: Literal["visit", "phone", "other"]
    appointment: Appointment | None = None
    dose: Dose | None = None
    next_at: Time | None = None
    note: Annotated[str, Meta(max_length=500)] | None = None


class FollowUpBatch(Struct, frozen=True):
    """What a phone sends when it is back online; each follow-up is judged alone."""

    follow_ups: Annotated[list[msgspec.Raw], Meta(max_length=MAX_FOLLOW_UPS)]


class _Identified(Struct):
    follow_up_id: UUID


_decoder = msgspec.json.Decoder(FollowUp)
_batch_decoder = msgspec.json.Decoder(FollowUpBatch)
_id_decoder = msgspec.json.Decoder(_Identified)


def read_follow_up(body: bytes | msgspec.Raw) -> FollowUp:
    """Reads one follow-up from JSON; raises `Unreadable`."""
    return read_json(_decoder.decode, body)


def read_follow_up_id(body: bytes | msgspec.Raw) -> UUID | None:
    """The id of a follow-up that is not read further, or None when it has none that can be read."""
    try:
        return _id_decoder.decode(body).follow_up_id
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def read_follow_ups(body: bytes) -> list[msgspec.Raw]:
    """Reads a batch's frame from JSON, its follow-ups still unread; raises `Unreadable`."""
    return read_json(_batch_decoder.decode, body).follow_ups


def area_of(household_id: UUID) -> str | None:
    """The subdistrict that a household's id begins with; None when it begins with none of today's."""
    code = household_id.hex[:6]
    return code if is_current(code) else None


_UNKNOWN_HOUSEHOLD = Message("ไม่พบครัวเรือนนี้", "No household has this id")
_NO_APPOINTMENT = Message("ต้องระบุสถานที่และเวลานัด", "An appointment has a place and a time")
_ONLY_APPOINTMENT = Message("ระบุได้เฉพาะเมื่อนัดหมาย", "Only an appointment has this")
_ONLY_VACCINATED = Message("ระบุได้เฉพาะเมื่อได้รับวัคซีนแล้ว", "Only who was vaccinated has this")
_BEFORE = Message("ต้องไม่อยู่ก่อนวันเวลาที่บันทึก", "This has to be after the follow-up itself")
_TOO_FAR = Message("ต้องไม่เกินหนึ่งปีข้างหน้า", "This lies more than a year ahead")
_DOSE_TOO_EARLY = Message("วันเวลาเก่าเกินกว่าที่เป็นไปได้", "This is earlier than it can be")
_DOSE_IN_FUTURE = Message("วันที่อยู่ในอนาคต", "This lies in the future")


def check_follow_up(follow_up: FollowUp, now: datetime) -> list[FieldError]:
    """Everything that is wrong with a readable follow-up, judged without the database. now: UTC."""
    captured = in_utc(follow_up.captured_at)
    errors = captured_errors(captured, now)
    if area_of(follow_up.household_id) is None:
        errors.append(FieldError("household_id", "unknown_household", _UNKNOWN_HOUSEHOLD))
    appointment, dose = follow_up.appointment, follow_up.dose
    if follow_up.outcome == "appointment":
        if appointment is None:
            errors.append(FieldError("appointment", "required", _NO_APPOINTMENT))
        else:
            errors += _check_ahead("appointment.at", appointment.at, captured)
    elif appointment is not None:
        errors.append(FieldError("appointment", "not_an_appointment", _ONLY_APPOINTMENT))
    if dose is not None:
        if follow_up.outcome != "vaccinated":
            errors.append(FieldError("dose", "not_vaccinated", _ONLY_VACCINATED))
        elif dose.date is not None and dose.date > latest_dose_day(captured, now):
            errors.append(FieldError("dose.date", "in_the_future", _DOSE_IN_FUTURE))
        elif dose.date is not None and dose.date < EARLIEST_DOSE:
            errors.append(FieldError("dose.date", "too_early", _DOSE_TOO_EARLY))
    if follow_up.next_at is not None:
        errors += _check_ahead("next_at", follow_up.next_at, captured)
    return errors


def _check_ahead(path: str, time: datetime, captured: datetime) -> list[FieldError]:
    if time < captured:
        return [FieldError(path, "before_the_follow_up", _BEFORE)]
    if time - captured > FARTHEST_AHEAD:
        return [FieldError(path, "too_far_ahead", _TOO_FAR)]
    return []
