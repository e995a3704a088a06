"""The register of places: what may be entered, what a change means and when a place's data is overdue.

Pure rules: no HTTP, no database, no Kafka. A place's `Content` is what its officer enters; the rest of `Facility` is
what the register adds.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from shared.areas.digits import to_arabic_digits
from shared.areas.register import AbolishedArea, UnknownArea
from shared.areas.register import area as registered_area
from shared.contracts import events
from shared.contracts.events import Day, FacilityChange, FacilityKind, FacilityStatus

OVERDUE_AFTER: Final = timedelta(days=7)
"""The directive (clause 3) asks for fresh data every week."""

WITH_BEDS: Final = frozenset({FacilityKind.HOSPITAL, FacilityKind.FIELD_HOSPITAL, FacilityKind.WAITING_CENTRE})
"""Kinds whose capacity is beds, some of them free. That of a test or vaccination point is persons a day."""

NAME_LENGTH: Final = 200  # the longest official name of a place is below 120 characters
NOTE_LENGTH: Final = 500  # a few sentences on holidays and queues; longer text is not read at a gate
LARGEST_CAPACITY: Final = 100_000  # ten times the largest field hospital that ever stood in Thailand
MOST_HOURS: Final = 21  # three spans on each day of a week, each written on its own
MOST_SERVICES: Final = 30  # no place offers more kinds of service than fit on its card
PHONE_LENGTH: Final = 40  # a number with separators and an extension
EMAIL_LENGTH: Final = 254  # RFC 5321's longest address
WEBSITE_LENGTH: Final = 300  # what the public event allows

# The country's extreme points (97.34 to 105.64 E, 5.61 to 20.47 N), and some 10 km around them since a fix is inexact.
SOUTH, NORTH, WEST, EAST = 5.5, 20.6, 97.2, 105.8

_OFFICIAL_CODE: Final = re.compile(r"[0-9]{5}|[0-9A-Z]{9}")  # nine digits are nine characters too
_OPENS: Final = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
_CLOSES: Final = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]|24:00")
_SERVICE: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
_PHONE: Final = re.compile(r"\+?[0-9][0-9 ()\-]{1,24}[0-9]( ?(ต่อ|ext\.?|#) ?[0-9]{1,6})?")
_EMAIL: Final = re.compile(r"[^@\s<>\"]+@[^@\s.<>\"]+(\.[^@\s.<>\"]+)+")
_WEBSITE: Final = re.compile(r"https?://[^\s/?#<>\"']+([/?#][^\s<>\"']*)?")
# Word breaks that no one sees: Thai text from web pages and word processors is full of them.
_INVISIBLE: Final = dict.fromkeys(map(ord, "\u00ad\u200b\u2060\ufeff"))


@dataclass(frozen=True, slots=True)
class Position:
    """WGS 84, in degrees."""

    lat: float
    lon: float


@dataclass(frozen=True, slots=True)
class Hours:
    """One span of a day, local time of Asia/Bangkok; one past midnight closes earlier than it opens."""

    days: tuple[Day, ...]
    open: str
    close: str


@dataclass(frozen=True, slots=True)
class Contact:
    """How to reach the institution; never a person's own number."""

    phone: str | None = None
    email: str | None = None
    website: str | None = None


@dataclass(frozen=True, slots=True)
class Content:
    """What an officer enters about a place."""

    kind: FacilityKind
    name: str
    area: str
    official_code: str | None = None
    position: Position | None = None
    status: FacilityStatus = FacilityStatus.OPEN
    capacity: int | None = None
    free: int | None = None
    hours: tuple[Hours, ...] = ()
    hours_note: str | None = None
    services: tuple[str, ...] = ()
    contact: Contact = Contact()


@dataclass(frozen=True, slots=True)
class Facility:
    """A place as the register holds it.

    updated_at: when it got this revision (confirming that nothing changed is an update); confirmed_at: when its content
    was last known to be right.
    """

    facility_id: UUID
    content: Content
    revision: int
    created_at: datetime
    updated_at: datetime
    confirmed_at: datetime


@dataclass(frozen=True, slots=True)
class Change:
    """One step of a place from `before` (None when it is new) to `after`."""

    kind: FacilityChange
    before: Facility | None
    after: Facility


@dataclass(frozen=True, slots=True)
class Violation:
    """One bad field: where it stands, a stable code, and what is wrong in Thai and English."""

    path: str
    code: str
    th: str
    en: str


class InvalidContent(ValueError):
    """The content breaks at least one rule; `violations` names each."""

    def __init__(self, violations: Iterable[Violation]) -> None:
        self.violations = tuple(violations)
        super().__init__(", ".join(f"{each.path}: {each.code}" for each in self.violations))


class ClosedFacility(Exception):
    """A closed place has nothing to confirm; it is opened again by an update."""


def created(facility_id: UUID, content: Content, at: datetime) -> Change:
    """The first entry of a place."""
    return Change(FacilityChange.CREATED, None, Facility(facility_id, content, 1, at, at, at))


def updated(before: Facility, content: Content, at: datetime) -> Change:
    """The whole content entered anew: an update, a closing, or, when nothing differs, a confirmation."""
    after = replace(before, content=content, revision=before.revision + 1, updated_at=at, confirmed_at=at)
    if content == before.content:
        kind = FacilityChange.CONFIRMED
    elif content.status is FacilityStatus.CLOSED and before.content.status is not FacilityStatus.CLOSED:
        kind = FacilityChange.CLOSED
    else:
        kind = FacilityChange.UPDATED
    return Change(kind, before, after)


def confirmed(before: Facility, at: datetime) -> Change:
    """ "Nothing changed", said on purpose; raises `ClosedFacility`."""
    if before.content.status is FacilityStatus.CLOSED:
        raise ClosedFacility
    return updated(before, before.content, at)


def overdue_before(now: datetime) -> datetime:
    """A place last confirmed before this moment is overdue."""
    return now - OVERDUE_AFTER


def is_overdue(facility: Facility, now: datetime) -> bool:
    """Whether nobody vouched for the data for more than seven days. A closed place is not asked about any more."""
    return facility.content.status is not FacilityStatus.CLOSED and facility.confirmed_at < overdue_before(now)


def event(change: Change) -> events.FacilityUpdated:
    """The public event of a change: the whole state after it, and before it what aggregates have to take away."""
    facility, content, before = change.after, change.after.content, change.before
    return events.FacilityUpdated(
        facility_id=facility.facility_id,
        kind=content.kind,
        name=content.name,
        official_code=content.official_code,
        area=content.area,
        position=content.position and events.Position(lat=content.position.lat, lon=content.position.lon),
        status=content.status,
        capacity=content.capacity,
        free=content.free,
        hours=tuple(events.OpeningHours(days=each.days, open=each.open, close=each.close) for each in content.hours),
        hours_note=content.hours_note,
        services=content.services,
        contact=events.FacilityContact(
            phone=content.contact.phone, email=content.contact.email, website=content.contact.website
        ),
        change=change.kind,
        updated_at=facility.updated_at,
        confirmed_at=facility.confirmed_at,
        revision=facility.revision,
        before=before
        and events.FacilityBefore(
            kind=before.content.kind,
            area=before.content.area,
            status=before.content.status,
            confirmed_at=before.confirmed_at,
            capacity=before.content.capacity,
            free=before.content.free,
        ),
    )


def checked(draft: Content) -> Content:
    """The content in its one spelling (Thai digits, spaces, composed characters); raises `InvalidContent`."""
    found: list[Violation] = []
    content = replace(
        draft,
        name=_line(draft.name, "name", NAME_LENGTH, found),
        area=_subdistrict(draft.area, found),
        official_code=_official_code(draft.official_code, found),
        position=_position(draft.position, found),
        hours=_hours(draft.hours, found),
        hours_note=_note(draft.hours_note, found),
        services=_services(draft.services, found),
        contact=_contact(draft.contact, found),
    )
    _check_capacity(content, found)
    if found:
        raise InvalidContent(found)
    return content


def checked_area(text: str, path: str = "area") -> str:
    """The code of an area in use today ("" is the country), Thai digits accepted; raises `InvalidContent`."""
    code = to_arabic_digits(text).strip()
    try:
        return registered_area(code).code
    except AbolishedArea as error:
        raise InvalidContent([_abolished(path, error)]) from None
    except UnknownArea:
        raise InvalidContent([_unknown_area(path)]) from None


def _abolished(path: str, error: AbolishedArea) -> Violation:
    successors = ", ".join(error.successors)
    if not successors:
        return Violation(
            path, "abolished_area", f"รหัสพื้นที่ {error.code} ถูกยกเลิกแล้ว", f"The area {error.code} was abolished"
        )
    return Violation(
        path,
        "abolished_area",
        f"รหัสพื้นที่ {error.code} ถูกยกเลิกแล้ว ปัจจุบันใช้ {successors}",
        f"The area {error.code} was abolished; it is now {successors}",
    )


def _unknown_area(path: str) -> Violation:
    return Violation(path, "unknown_area", "ไม่มีรหัสพื้นที่นี้", "There is no area with this code")


def _subdistrict(text: str, found: list[Violation]) -> str:
    try:
        code = checked_area(text)
    except InvalidContent as error:
        found.extend(error.violations)
        return text
    if len(code) != 6:
        found.append(
            Violation(
                "area", "not_a_subdistrict", "ต้องเป็นรหัสตำบล 6 หลัก", "This has to be the 6 digits of a subdistrict"
            )
        )
    return code


def _line(text: str, path: str, longest: int, found: list[Violation]) -> str:
    """One line of text: composed characters, single spaces, nothing invisible."""
    line = " ".join(unicodedata.normalize("NFC", text).translate(_INVISIBLE).split())
    if not line:
        found.append(Violation(path, "required", "ต้องระบุค่านี้", "This is required"))
    _check_text(line, path, longest, found)
    return line


def _note(text: str | None, found: list[Violation]) -> str | None:
    """Text of several lines; an empty one is none."""
    if text is None:
        return None
    lines = unicodedata.normalize("NFC", text).translate(_INVISIBLE).splitlines()
    note = "\n".join(" ".join(line.split()) for line in lines).strip()
    _check_text(note.replace("\n", " "), "hours_note", NOTE_LENGTH, found)
    return note or None


def _check_text(text: str, path: str, longest: int, found: list[Violation]) -> None:
    if len(text) > longest:
        found.append(Violation(path, "too_long", f"ยาวได้ไม่เกิน {longest} อักขระ", f"At most {longest} characters"))
    # Control characters, marks that turn the direction of writing, half characters: none belongs on a public page.
    if any(unicodedata.category(character).startswith("C") for character in text):
        found.append(
            Violation(path, "control_character", "มีอักขระที่แสดงไม่ได้", "There is a character that cannot be shown")
        )


def _official_code(text: str | None, found: list[Violation]) -> str | None:
    if text is None:
        return None
    code = to_arabic_digits(text).strip()
    if not _OFFICIAL_CODE.fullmatch(code):
        found.append(
            Violation(
                "official_code",
                "wrong_form",
                "ต้องเป็นตัวเลข 5 หลัก ตัวเลข 9 หลัก หรือตัวเลขและอักษรพิมพ์ใหญ่ 9 ตัว",
                "This has to be 5 digits, 9 digits, or nine characters of digits and capitals",
            )
        )
    return code


def _position(position: Position | None, found: list[Violation]) -> Position | None:
    if position is None:
        return None
    # Not-a-number fails every comparison, hence "not inside" rather than "outside".
    for path, value, least, most in (
        ("position.lat", position.lat, SOUTH, NORTH),
        ("position.lon", position.lon, WEST, EAST),
    ):
        if not least <= value <= most:
            found.append(
                Violation(
                    path,
                    "outside_thailand",
                    f"พิกัดอยู่นอกประเทศไทย (ต้องอยู่ระหว่าง {least} ถึง {most})",
                    f"This lies outside Thailand ({least} to {most})",
                )
            )
    return position


def _check_capacity(content: Content, found: list[Violation]) -> None:
    for path, value in (("capacity", content.capacity), ("free", content.free)):
        if value is not None and not 0 <= value <= LARGEST_CAPACITY:
            code = "too_small" if value < 0 else "too_large"
            text = f"ต้องอยู่ระหว่าง 0 ถึง {LARGEST_CAPACITY:,}"
            found.append(Violation(path, code, text, f"This has to be between 0 and {LARGEST_CAPACITY:,}"))
    if content.free is None:
        return
    if content.kind not in WITH_BEDS:
        found.append(
            Violation("free", "not_for_this_kind", "สถานที่ประเภทนี้ไม่มีเตียงว่าง", "A place of this kind has no free beds")
        )
    elif content.capacity is None:
        found.append(
            Violation(
                "capacity", "required", "ต้องระบุจำนวนเตียงทั้งหมดเมื่อระบุเตียงว่าง", "Free beds need the number of all beds"
            )
        )
    elif content.free > content.capacity:
        found.append(
            Violation("free", "more_than_capacity", "เตียงว่างมากกว่าเตียงทั้งหมด", "There are more free beds than beds")
        )


def _hours(hours: tuple[Hours, ...], found: list[Violation]) -> tuple[Hours, ...]:
    if len(hours) > MOST_HOURS:
        found.append(Violation("hours", "too_many", f"ระบุได้ไม่เกิน {MOST_HOURS} ช่วง", f"At most {MOST_HOURS} spans"))
        return hours
    return tuple(_span(span, f"hours[{index}]", found) for index, span in enumerate(hours))


def _span(span: Hours, path: str, found: list[Violation]) -> Hours:
    opens, closes = to_arabic_digits(span.open).strip(), to_arabic_digits(span.close).strip()
    if not _OPENS.fullmatch(opens):
        found.append(
            Violation(f"{path}.open", "not_a_time", "ต้องเป็นเวลา เช่น 08:30", "This has to be a time such as 08:30")
        )
    if not _CLOSES.fullmatch(closes):
        found.append(
            Violation(f"{path}.close", "not_a_time", "ต้องเป็นเวลา เช่น 16:30", "This has to be a time such as 16:30")
        )
    if opens == closes:
        found.append(
            Violation(
                f"{path}.close",
                "empty_span",
                "เวลาปิดต้องต่างจากเวลาเปิด ตลอดวันคือ 00:00 ถึง 24:00",
                "It has to close at another time than it opens; a whole day is 00:00 to 24:00",
            )
        )
    if not span.days:
        found.append(Violation(f"{path}.days", "required", "ต้องระบุวันอย่างน้อยหนึ่งวัน", "Name at least one day"))
    in_order = tuple(day for day in Day if day in span.days)
    if len(in_order) != len(span.days):
        found.append(Violation(f"{path}.days", "repeated", "ระบุวันซ้ำ", "A day is named twice"))
    return Hours(in_order, opens, closes)


def _services(services: tuple[str, ...], found: list[Violation]) -> tuple[str, ...]:
    if len(services) > MOST_SERVICES:
        found.append(
            Violation("services", "too_many", f"ระบุได้ไม่เกิน {MOST_SERVICES} รายการ", f"At most {MOST_SERVICES}")
        )
        return services
    for index, service in enumerate(services):
        if not _SERVICE.fullmatch(service):
            found.append(
                Violation(
                    f"services[{index}]",
                    "wrong_form",
                    "ต้องเป็นอักษรอังกฤษพิมพ์เล็ก ตัวเลข หรือขีดล่าง เช่น antigen_test",
                    "This has to be small letters, digits and underscores, such as antigen_test",
                )
            )
        elif service in services[:index]:
            found.append(Violation(f"services[{index}]", "repeated", "ระบุซ้ำ", "This is named twice"))
    return services


def _contact(contact: Contact, found: list[Violation]) -> Contact:
    phone = contact.phone and to_arabic_digits(contact.phone)
    return Contact(
        phone=_reachable(
            phone, "contact.phone", PHONE_LENGTH, _PHONE, found, "ต้องเป็นหมายเลขโทรศัพท์", "This has to be a phone number"
        ),
        email=_reachable(
            contact.email,
            "contact.email",
            EMAIL_LENGTH,
            _EMAIL,
            found,
            "ต้องเป็นที่อยู่อีเมล",
            "This has to be an e-mail address",
        ),
        website=_reachable(
            contact.website,
            "contact.website",
            WEBSITE_LENGTH,
            _WEBSITE,
            found,
            "ต้องเป็นที่อยู่เว็บที่ขึ้นต้นด้วย http:// หรือ https://",
            "This has to be a web address that begins with http:// or https://",
        ),
    )


def _reachable(
    text: str | None, path: str, longest: int, form: re.Pattern[str], found: list[Violation], th: str, en: str
) -> str | None:
    """A phone number, e-mail or web address in its one spelling; the form also keeps scripts off the public pages."""
    if text is None:
        return None
    value = _line(text, path, longest, found)
    # Longer text was refused above; an expression is not run over it.
    if value and len(value) <= longest and not form.fullmatch(value):
        found.append(Violation(path, "wrong_form", th, en))
    return value
