"""The opening hours of a row, from one column or from several."""

from __future__ import annotations

from typing import Any

from services.facilities.reading import choices
from services.facilities.reading.days import read_days
from services.facilities.reading.faults import Noted, Unreadable
from services.facilities.reading.fields import Field
from services.facilities.reading.hours import read_hours
from services.facilities.reading.record import Record
from services.facilities.reading.times import read_time


def fill_hours(draft: dict[str, Any], record: Record) -> None:
    """Put hours, hours_note and holidays into a draft. A text that is not understood becomes a note."""
    if record.has(Field.HOLIDAYS):
        draft["holidays"] = record.read(Field.HOLIDAYS, choices.read_holidays)
    if record.has(Field.HOURS_NOTE):
        draft["hours_note"] = record.typed(Field.HOURS_NOTE)
    if record.has(Field.OPENS, Field.CLOSES):
        _fill_from_parts(draft, record)
    elif record.has(Field.HOURS):
        _fill_from_text(draft, record, record.text(Field.HOURS, lines=True), _days(draft, record))


def _fill_from_text(draft: dict[str, Any], record: Record, text: str, days: tuple[list[str], bool] | None) -> None:
    draft["hours"] = []
    if not text or record.spoiled(Field.HOURS):
        return
    try:
        hours = read_hours(text, tuple(days[0]) if days else None)
    except Unreadable as error:
        own = record.own(Field.HOURS).strip()
        if own.startswith(("=", "+", "@")):
            record.fault(Field.HOURS, "formula")
            return
        record.notice(Field.HOURS, Noted(error.code, {}))
        _add_note(draft, own)
        return
    draft["hours"] = [{**span, "days": list(span["days"])} for span in hours.spans]
    if hours.holidays is not None and draft.get("holidays") is None:
        draft["holidays"] = hours.holidays
    elif days and days[1] and draft.get("holidays") is None:
        draft["holidays"] = "closed"
    record.notice(Field.HOURS, hours.noted)


def _fill_from_parts(draft: dict[str, Any], record: Record) -> None:
    opens, closes = record.read(Field.OPENS, read_time), record.read(Field.CLOSES, read_time)
    days = _days(draft, record)
    draft["hours"] = []
    if opens is None and closes is None:
        if record.has(Field.HOURS):
            _fill_from_text(draft, record, record.text(Field.HOURS, lines=True), days)
        return
    if opens is None or closes is None:
        record.fault(Field.OPENS if opens is None else Field.CLOSES, "required")
        return
    if days is None:
        if not record.text(Field.DAYS):
            record.notice(Field.OPENS, Noted("days_not_said", {}))
        _add_note(draft, f"{opens}-{closes}")
        return
    draft["hours"] = [{"days": days[0], "open": opens, "close": closes}]
    if days[1] and draft.get("holidays") is None:
        draft["holidays"] = "closed"


def _days(draft: dict[str, Any], record: Record) -> tuple[list[str], bool] | None:
    text = record.text(Field.DAYS, lines=True)
    if not text or record.spoiled(Field.DAYS):
        return None
    try:
        return read_days(text)
    except Unreadable:
        record.notice(Field.DAYS, Noted("hours_as_note", {}))
        _add_note(draft, text)
        return None


def _add_note(draft: dict[str, Any], text: str) -> None:
    draft["hours_note"] = "\n".join(filter(None, (draft.get("hours_note"), text)))
