"""A submission as phones send it: the one source of its shape, its checks and its place in the API's description."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Annotated, Literal, TypeVar
from uuid import UUID

import msgspec
from msgspec import Meta, Struct

from services.survey.privacy.notices import VERSIONS
from shared.areas.digits import to_arabic_digits
from shared.areas.register import AbolishedArea, UnknownArea, area, is_current
from shared.contracts.events import Reason
from shared.observability.clock import BANGKOK
from shared.security.identifiers import InvalidIdentifier, mobile_number, national_id
from shared.web.notices import MOST_VERSION, UNKNOWN_NOTICE
from shared.web.problems import FieldError, Message

MAX_PERSONS = 50
"""More than any household; a dormitory or camp is surveyed by room (`unit`)."""
MAX_SUBMISSIONS = 500
"""One batch: a volunteer's day is some 26 houses, a phone that was away for weeks sends several batches."""
CLOCK_SKEW = timedelta(minutes=10)
"""Phones' clocks may be ahead by this much."""
EARLIEST_CAPTURE = datetime(2021, 2, 28, tzinfo=BANGKOK).astimezone(UTC)
"""Thailand's first vaccination: no survey of it is older. In UTC, since times of two zones are compared ten times
slower."""
EARLIEST_DOSE = date(2020, 12, 1)
"""The first vaccinations anywhere: people may have come from abroad."""

_TO_BANGKOK_WITH_SKEW = timedelta(hours=7) + CLOCK_SKEW  # Thailand has had no daylight saving since 1941

CalendarDay = date  # `Dose` has a field named date
ShortText = Annotated[str, Meta(max_length=200)]
AreaText = Annotated[str, Meta(max_length=8)]

Vaccine = Literal["511", "210", "510", "208", "218", "207", "212", "211", "213"]
"""CVX codes: CoronaVac, AstraZeneca, Sinopharm, Pfizer, Pfizer for children, Moderna, Janssen, Novavax, unspecified."""

Risk = Literal[
    "age_60",
    "chronic_respiratory",
    "cardiovascular",
    "chronic_kidney_failure",
    "stroke",
    "obesity",
    "cancer",
    "diabetes",
    "pregnancy_12_weeks",
]
"""The risk group "608": age 60 or over, seven chronic diseases, pregnancy of 12 weeks or more."""


class _Identified(Struct):
    submission_id: UUID


class Address(Struct, frozen=True, omit_defaults=True):
    """Where the household lives. area: subdistrict code; village: 8 digits, below the subdistrict."""

    area: AreaText
    house: Annotated[str, Meta(min_length=1, max_length=60)]
    village: AreaText | None = None
    unit: Annotated[str, Meta(max_length=60)] | None = None


class Position(Struct, frozen=True, omit_defaults=True):
    """WGS 84, in degrees; accuracy in metres."""

    lat: Annotated[float, Meta(ge=-90, le=90)]
    lon: Annotated[float, Meta(ge=-180, le=180)]
    accuracy_m: Annotated[float, Meta(ge=0, le=1_000_000)] | None = None


class Contact(Struct, frozen=True, omit_defaults=True):
    """Whom to call about this household."""

    name: ShortText | None = None
    phone: Annotated[str, Meta(max_length=40)] | None = None


class Dose(Struct, frozen=True, omit_defaults=True):
    """One dose that a person has had."""

    number: Annotated[int, Meta(ge=1, le=10)]
    date: CalendarDay | None = None
    vaccine: Vaccine | None = None


class Person(Struct, frozen=True, omit_defaults=True):
    """One member of the household. birth_year: of either era; age: in years.

    national_id_as_shown: the number stands so on the card, although its check digit is wrong. It is taken then, and
    flagged. registered_area: the code of the area (2, 4 or 6 digits) where the person is registered, when that is not
    here.
    """

    name: ShortText | None = None
    national_id: Annotated[str, Meta(max_length=40)] | None = None
    age: Annotated[int, Meta(ge=0, le=130)] | None = None
    birth_year: Annotated[int, Meta(ge=1880, le=2700)] | None = None
    sex: Literal["f", "m", "x"] | None = None
    doses: Annotated[tuple[Dose, ...], Meta(max_length=10)] = ()
    risks: Annotated[tuple[Risk, ...], Meta(max_length=9)] = ()
    wants_vaccine: Literal["yes", "undecided", "no"] | None = None
    reasons: Annotated[tuple[Reason, ...], Meta(max_length=17)] = ()
    home_visit: bool = False
    national_id_as_shown: bool = False
    registered_area: AreaText | None = None


class Submission(Struct, frozen=True, omit_defaults=True):
    """One visit to one household. submission_id is made on the phone, so that sending again is the same submission; of
    version 7, so that new ones lie together in an index of millions. on_behalf_of: the volunteer who was at the house,
    where a coordinator sends what he was told. notice: the version of the notice that was shown."""

    submission_id: UUID
    captured_at: Annotated[datetime, Meta(tz=True)]
    address: Address
    persons: Annotated[tuple[Person, ...], Meta(max_length=MAX_PERSONS)]
    position: Position | None = None
    contact: Contact | None = None
    on_behalf_of: UUID | None = None
    notice: Annotated[str, Meta(max_length=MOST_VERSION)] | None = None


class SubmissionBatch(Struct, frozen=True):
    """What a phone sends when it is back online; each submission is judged alone."""

    submissions: Annotated[list[msgspec.Raw], Meta(max_length=MAX_SUBMISSIONS)]


_Read = TypeVar("_Read")


class Unreadable(Exception):
    """A submission that cannot be read as one; `errors` says where and why."""

    def __init__(self, errors: list[FieldError]) -> None:
        super().__init__(len(errors))
        self.errors = errors


_decoder = msgspec.json.Decoder(Submission)
_batch_decoder = msgspec.json.Decoder(SubmissionBatch)
_id_decoder = msgspec.json.Decoder(_Identified)


def read_submission(body: bytes | msgspec.Raw) -> Submission:
    """Reads one submission from JSON; raises `Unreadable`."""
    return read_json(_decoder.decode, body)


def read_id(body: bytes | msgspec.Raw) -> UUID | None:
    """The id of a submission that is not read further, or None when it has none that can be read."""
    try:
        return _id_decoder.decode(body).submission_id
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def read_batch(body: bytes) -> SubmissionBatch:
    """Reads a batch's frame from JSON, its submissions still unread; raises `Unreadable`."""
    return read_json(_batch_decoder.decode, body)


def read_json(decode: Callable[[bytes | msgspec.Raw], _Read], body: bytes | msgspec.Raw) -> _Read:
    """What `decode` reads from JSON; raises `Unreadable` for what does not fit it."""
    try:
        return decode(body)
    except msgspec.ValidationError as error:
        raise Unreadable([_shape_error(str(error))]) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Unreadable([FieldError("", "malformed_json", MALFORMED)]) from None


MALFORMED = Message("ข้อมูลไม่เป็น JSON ที่ถูกต้อง", "This is not well-formed JSON")

_SHAPES: tuple[tuple[str, str, Message], ...] = (
    ("Object missing required field", "required", Message("ต้องระบุค่านี้", "This is required")),
    ("Expected `datetime` with a timezone", "no_time_zone", Message("วันเวลาต้องระบุเขตเวลา", "Name the time's zone")),
    ("Invalid RFC3339", "not_a_time", Message("วันหรือเวลาไม่ถูกต้อง", "This is not a date or time")),
    ("Invalid UUID", "not_a_uuid", Message("ต้องเป็น UUID", "This has to be a UUID")),
    ("Invalid enum value", "not_a_choice", Message("ไม่อยู่ในตัวเลือกที่ใช้ได้", "This is not one of the choices")),
    ("Expected `str` of length >=", "too_short", Message("ข้อความสั้นเกินไป", "This is too short")),
    ("Expected `str` of length <=", "too_long", Message("ข้อความยาวเกินไป", "This is too long")),
    ("Expected `array` of length <=", "too_many", Message("มีรายการมากเกินไป", "There are too many of these")),
)
_WRONG_TYPE = Message("ชนิดของข้อมูลไม่ถูกต้อง", "This has the wrong type")
_OUT_OF_RANGE = Message("ค่าอยู่นอกช่วงที่ใช้ได้", "This is outside the range of values")
_PLACE = re.compile(r" - at `\$\.?(?P<path>[^`]*)`$")
_FIELD = re.compile(r"required field `(?P<field>[^`]+)`")
_RANGE = re.compile(r"Expected `(int|float)` (<=|>=)")


def _shape_error(text: str) -> FieldError:
    """msgspec names what it expected and where; the value itself is never repeated."""
    place = _PLACE.search(text)
    path = place["path"] if place else ""
    field = _FIELD.search(text)
    if field:
        path = f"{path}.{field['field']}" if path else field["field"]
    for beginning, code, message in _SHAPES:
        if text.startswith(beginning):
            return FieldError(path, code, message)
    if _RANGE.match(text):
        return FieldError(path, "out_of_range", _OUT_OF_RANGE)
    return FieldError(path, "wrong_type", _WRONG_TYPE)


_FUTURE = Message("วันเวลาอยู่ในอนาคต โปรดตรวจนาฬิกาของเครื่อง", "This lies in the future; check the phone's clock")
_TOO_EARLY = Message("วันเวลาเก่าเกินกว่าที่เป็นไปได้", "This is earlier than it can be")
_NOT_SUBDISTRICT = Message("ต้องเป็นรหัสตำบล 6 หลัก", "This has to be the code of a subdistrict, 6 digits")
_UNKNOWN_AREA = Message("ไม่พบรหัสพื้นที่นี้", "No area has this code")
_OTHER_VILLAGE = Message(
    "รหัสหมู่บ้านต้องมี 8 หลักและอยู่ในตำบลนี้", "A village's code has 8 digits and begins with the subdistrict's"
)
_CHECK_DIGIT = Message(
    "เลขประจำตัวประชาชนไม่ถูกต้อง (เลขตรวจสอบ) หากตรงกับบัตรจริง โปรดระบุ national_id_as_shown",
    "The national id's check digit is wrong; if the card shows it so, say national_id_as_shown",
)
_NATIONAL_ID = Message("เลขประจำตัวประชาชนต้องมี 13 หลัก", "A national id has 13 digits")
_PHONE = Message(
    "เบอร์มือถือต้องขึ้นต้นด้วย 06 08 หรือ 09 และมี 10 หลัก", "A mobile number begins with 06, 08 or 09 and has 10 digits"
)
_SAME_DOSE = Message("เข็มนี้ถูกระบุซ้ำ", "This dose is given twice")
_TWO_AGES = Message("ปีเกิดไม่ตรงกับอายุ", "The birth year does not fit the age")


def area_of(submission: Submission) -> str:
    """The subdistrict's code in Arabic digits."""
    return _plain(submission.address.area)


def village_of(submission: Submission) -> str | None:
    """The village's code in Arabic digits, if it was given."""
    village = submission.address.village
    return _plain(village) if village else None


def birth_year_of(person: Person) -> int | None:
    """The birth year of the Common Era; years above 2300 are Buddhist (B.E. = C.E. + 543)."""
    year = person.birth_year
    return year - 543 if year is not None and year > 2300 else year


def check(submission: Submission, now: datetime) -> list[FieldError]:
    """Everything that is wrong with a readable submission, judged without the database. now: UTC."""
    errors = _check_area(submission)
    captured = in_utc(submission.captured_at)
    errors += captured_errors(captured, now)
    contact = submission.contact
    if contact is not None and contact.phone:
        try:
            mobile_number(contact.phone)
        except InvalidIdentifier as error:
            errors.append(FieldError("contact.phone", error.code, _PHONE))
    if submission.notice is not None and submission.notice not in VERSIONS:
        errors.append(FieldError("notice", "unknown_notice", UNKNOWN_NOTICE))
    latest_dose = latest_dose_day(captured, now)
    for index, person in enumerate(submission.persons):
        _check_person(errors, index, person, captured, latest_dose)
    return errors


def captured_errors(captured: datetime, now: datetime) -> list[FieldError]:
    """What is wrong with the time at a door. Both in UTC."""
    if captured > now + CLOCK_SKEW:
        return [FieldError("captured_at", "in_the_future", _FUTURE)]
    if captured < EARLIEST_CAPTURE:
        return [FieldError("captured_at", "too_early", _TOO_EARLY)]
    return []


def in_utc(time: datetime) -> datetime:
    """A time in UTC; of one that UTC would put outside the years 1 to 9999, the nearest moment inside."""
    try:
        return time.astimezone(UTC)
    except OverflowError:
        return (datetime.min if time.year == 1 else datetime.max).replace(tzinfo=UTC)


def latest_dose_day(captured: datetime, now: datetime) -> date:
    """The last day, in Thailand, on which a dose may have been had that somebody speaks of at that time. Both in UTC;
    a time that is yet to come, which is an error of its own, counts as now."""
    return (min(captured, now + CLOCK_SKEW) + _TO_BANGKOK_WITH_SKEW).date()


def _check_area(submission: Submission) -> list[FieldError]:
    code = area_of(submission)
    village = village_of(submission)
    error = _area_error(code)
    if error is not None:
        return [error]
    if village is not None and not (len(village) == 8 and _is_number(village) and village.startswith(code)):
        return [FieldError("address.village", "other_village", _OTHER_VILLAGE)]
    return []


@lru_cache(maxsize=10_000)  # more than there are subdistricts; whatever else is sent does not pile up
def _area_error(code: str) -> FieldError | None:
    path = "address.area"
    if len(code) != 6 or not _is_number(code):
        return FieldError(path, "not_a_subdistrict", _NOT_SUBDISTRICT)
    if is_current(code):
        return None
    try:
        area(code)
    except AbolishedArea as error:
        successors = ", ".join(error.successors) or "-"
        message = Message(
            f"รหัสนี้ยกเลิกแล้ว ให้ใช้ {successors}", f"This code has been abolished; its successor is {successors}"
        )
        return FieldError(path, "abolished_area", message)
    except UnknownArea:
        return FieldError(path, "unknown_area", _UNKNOWN_AREA)
    return None


def _check_person(errors: list[FieldError], number: int, person: Person, captured: datetime, latest_dose: date) -> None:
    # Paths are written only where something is wrong: nearly nothing is.
    if person.national_id:
        try:
            national_id(person.national_id)
        except InvalidIdentifier as error:
            wrong_digit = error.code == "national_id_check_digit"
            if not (wrong_digit and person.national_id_as_shown):
                message = _CHECK_DIGIT if wrong_digit else _NATIONAL_ID
                errors.append(FieldError(f"persons[{number}].national_id", error.code, message))
    if person.registered_area and not is_current(_plain(person.registered_area)):
        errors.append(FieldError(f"persons[{number}].registered_area", "unknown_area", _UNKNOWN_AREA))
    born = birth_year_of(person)
    if born is not None:
        age = captured.year - born
        if age < 0:
            errors.append(FieldError(f"persons[{number}].birth_year", "in_the_future", _FUTURE))
        elif age > 130:
            errors.append(FieldError(f"persons[{number}].birth_year", "too_early", _TOO_EARLY))
        elif person.age is not None and abs(age - person.age) > 1:
            errors.append(FieldError(f"persons[{number}].birth_year", "other_age", _TWO_AGES))
    seen = set()
    for index, dose in enumerate(person.doses):
        if dose.number in seen:
            errors.append(FieldError(f"persons[{number}].doses[{index}].number", "same_dose", _SAME_DOSE))
        seen.add(dose.number)
        if dose.date is not None:
            if dose.date > latest_dose:
                errors.append(FieldError(f"persons[{number}].doses[{index}].date", "in_the_future", _FUTURE))
            elif dose.date < EARLIEST_DOSE:
                errors.append(FieldError(f"persons[{number}].doses[{index}].date", "too_early", _TOO_EARLY))


def registered_area_of(person: Person) -> str | None:
    """The code of the area where the person is registered, in Arabic digits, if it was given."""
    return _plain(person.registered_area) if person.registered_area else None


def age_of(person: Person, captured_at: datetime) -> int | None:
    """The age in years at the time of the visit, as given or by the birth year; None when neither is known."""
    if person.age is not None:
        return person.age
    born = birth_year_of(person)
    return None if born is None else captured_at.year - born


def _plain(text: str) -> str:
    return text if text.isascii() else to_arabic_digits(text)


def _is_number(text: str) -> bool:
    """Whether these are Arabic digits: `isdigit` alone takes ² and ① as well, which are no numbers."""
    return text.isascii() and text.isdigit()
