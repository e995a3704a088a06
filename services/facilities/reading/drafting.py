"""Making the draft of a place from one row: the fields of POST /v1/facilities."""

from __future__ import annotations

from datetime import date
from functools import partial
from typing import Any, Final
from uuid import UUID

from services.facilities.reading import choices
from services.facilities.reading.areas import Names, described, read_area
from services.facilities.reading.codes import read_code
from services.facilities.reading.contacts import read_phone
from services.facilities.reading.dates import read_date, read_dates
from services.facilities.reading.faults import Unreadable
from services.facilities.reading.fields import Field
from services.facilities.reading.grid import read_zone
from services.facilities.reading.kinds import Kinds
from services.facilities.reading.numbers import read_number
from services.facilities.reading.opening import fill_hours
from services.facilities.reading.positions import Position, Where, read_parts, read_position
from services.facilities.reading.record import Record

_AREA_FIELDS: Final = (Field.SUBDISTRICT, Field.AREA, Field.DISTRICT, Field.PROVINCE)
_HALVES: Final = ((Field.LATITUDE, Field.LONGITUDE), (Field.NORTHING, Field.EASTING))


class Drafting:
    """Fills drafts row by row, by what holds for the whole list."""

    def __init__(self, kinds: Kinds, codes_of_five: bool, today: date, within: str) -> None:
        self._kinds, self._codes_of_five, self._today, self._within = kinds, codes_of_five, today, within

    def fill(self, draft: dict[str, Any], record: Record) -> date | None:
        """Put every field that the list has into a draft; return the day on which the row was right, if it says."""
        if record.has(Field.FACILITY_ID):
            draft["facility_id"] = record.read(Field.FACILITY_ID, _read_id)
        if record.has(Field.REVISION):
            draft["revision"] = record.read(Field.REVISION, read_number)
        is_new = not record.text(Field.FACILITY_ID)
        if record.has(Field.KIND) or is_new:
            draft["kind"] = record.read(Field.KIND, self._kinds.read)
            _demand(record, Field.KIND, draft["kind"])
        if record.has(Field.NAME) or is_new:
            draft["name"] = record.typed(Field.NAME)
            _demand(record, Field.NAME, draft["name"])
        if record.has(*_AREA_FIELDS) or is_new:
            draft["area"] = self._area(record)
        if record.has(Field.OFFICIAL_CODE):
            code = record.read(Field.OFFICIAL_CODE, partial(read_code, of_five=self._codes_of_five))
            draft["official_code"] = code and code[0]
            record.notice(Field.OFFICIAL_CODE, code and code[1])
        if record.has(Field.ORGANISATION_ID):
            draft["organisation_id"] = record.read(Field.ORGANISATION_ID, _read_id)
        if record.has(Field.POSITION, *_HALVES[0], *_HALVES[1]):
            draft["position"] = _position(record, draft.get("area"))
        if (status := record.read(Field.STATUS, choices.read_status)) is not None:
            draft["status"] = status
        for field in (Field.CAPACITY, Field.FREE):
            if record.has(field):
                draft[field.value] = record.read(field, read_number)
        _fill_details(draft, record)
        fill_hours(draft, record)
        if record.has(Field.CLOSED_ON):
            closed = record.read(Field.CLOSED_ON, read_dates, lines=True) or []
            draft["hours_exceptions"] = [{"date": day.isoformat(), "spans": [], "note": None} for day in closed]
        if record.has(Field.SERVICES):
            draft["services"] = record.read(Field.SERVICES, choices.read_services, lines=True) or []
        _fill_contact(draft, record)
        return self._as_of(record)

    def _area(self, record: Record) -> str | None:
        field = next((each for each in _AREA_FIELDS if record.text(each)), None)
        if field is None:
            missing = next((each for each in _AREA_FIELDS if record.has(each)), Field.AREA)
            record.fault(missing, "required")
            return None
        if record.spoiled(field):
            return None
        names = Names(*(record.text(each) for each in (Field.AREA, Field.SUBDISTRICT, Field.DISTRICT, Field.PROVINCE)))
        try:
            code = read_area(names, self._within)
        except Unreadable as error:
            in_code = names.whole and error.code in ("areas_disagree", "unknown_area", "abolished_area")
            record.fault(Field.AREA if in_code else field, error.code, **error.named)
            return None
        if not code.startswith(self._within):
            record.fault(field, "outside_import_area", place=described(code))
        elif len(code) < 6:
            record.fault(field, "not_a_subdistrict")
        return code

    def _as_of(self, record: Record) -> date | None:
        day = record.read(Field.AS_OF, read_date)
        if day is not None and day > self._today:
            record.fault(Field.AS_OF, "in_the_future")
        return day


def _demand(record: Record, field: Field, value: object) -> None:
    if value is None and not any(fault.path == field.value for fault in record.faults):
        record.fault(field, "required")


def _read_id(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        raise Unreadable("not_an_id") from None


def _position(record: Record, area: str | None) -> dict[str, float] | None:
    zone = record.read(Field.ZONE, read_zone)
    if zone is None and record.text(Field.ZONE):
        return None  # which is a fault already
    where = Where(zone, area[:4] if area and len(area) >= 4 else None)
    found: Position | None = None
    for first, second in _HALVES:
        texts = record.text(first), record.text(second)
        if not any(texts):
            continue
        field = first if texts[0] else second
        if record.spoiled(field):
            return None
        try:
            # A cell for a half sometimes has the whole, and its neighbour nothing.
            found = read_parts(*texts, where) if all(texts) else read_position("".join(texts), where)
        except Unreadable as error:
            half = error.code == "not_a_position" and not all(texts)
            record.fault(
                (second if texts[0] else first) if half else field,
                "incomplete_position" if half else error.code,
                **error.named,
            )
            return None
        record.notice(field, found.noted)
        break
    else:
        found = record.read(Field.POSITION, partial(read_position, where=where))
        record.notice(Field.POSITION, found.noted if found else None)
    return None if found is None else {"lat": found.latitude, "lon": found.longitude}


def _fill_details(draft: dict[str, Any], record: Record) -> None:
    details: dict[str, Any] = {}
    if record.has(Field.LANES_PER_HOUR):
        details["lanes_per_hour"] = record.read(Field.LANES_PER_HOUR, read_number)
    if record.has(Field.VACCINES):
        details["vaccines"] = record.read(Field.VACCINES, choices.read_vaccines, lines=True) or []
    if record.has(Field.ACCESS):
        details["access"] = record.read(Field.ACCESS, choices.read_access)
    if details:
        draft["details"] = details


def _fill_contact(draft: dict[str, Any], record: Record) -> None:
    contact: dict[str, Any] = {}
    if record.has(Field.PHONE):
        phone = record.read(Field.PHONE, read_phone, lines=True)
        contact["phone"] = phone and phone[0]
        for noted in phone[1] if phone else ():
            record.notice(Field.PHONE, noted)
    for field in (Field.EMAIL, Field.WEBSITE):
        if record.has(field):
            contact[field.value] = record.typed(field)
    if contact:
        draft["contact"] = contact
