"""A filled form, and the submission that it is.

What is read is a stranger's XML: no document types, no entities, bounded in size, depth and number of elements while it
is read. What the submission says is judged where all submissions are, by intake; here it is only put into their shape,
as it stands: a number that is none goes on as text, so that one place says what is wrong with it.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from xml.etree.ElementTree import Element, ParseError, TreeBuilder

import msgspec
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from services.survey.openrosa.form import FORM_ID, REPEATS
from services.survey.submission import EARLIEST_CAPTURE
from shared.web.problems import Message, Problem

MAX_FORM_BYTES: Final = 256 * 1024
"""The largest household, 50 persons with 10 doses each, has 61 KB as JavaRosa writes it, and twice that with every text
at its longest."""
MAX_DEPTH: Final = 12
"""The form's own is 6."""
MAX_ELEMENTS: Final = 10_000
"""The largest household has 3,300."""

_NOT_XML: Final = Message("อ่านแบบสำรวจไม่ได้ (XML ไม่ถูกต้อง)", "The form cannot be read: this is not well-formed XML")
_FORBIDDEN: Final = Message("แบบสำรวจมีส่วนที่ไม่รับ (DTD หรือ entity)", "The form holds what is not taken: a DTD or entities")
_TOO_DEEP: Final = Message("แบบสำรวจซับซ้อนเกินกำหนด", "The form is nested deeper, or has more parts, than allowed")
_OTHER_FORM: Final = Message(
    "แบบสำรวจนี้ไม่ใช่ของระบบนี้ โปรดดาวน์โหลดแบบสำรวจใหม่", "This is another form than ours: fetch the form anew from here"
)


def read_form(xml: bytes) -> bytes:
    """The submission, as JSON, of a filled form. Raises a 400 problem for what is no readable form, and 404 for another
    form than ours."""
    root = _parse(xml)
    if root.get("id") != FORM_ID:
        raise Problem(404, "other_form", detail=_OTHER_FORM)
    return msgspec.json.encode(_submission(_Answers(root)))


class _TooMuch(Exception):
    pass


class _BoundedBuilder(TreeBuilder):
    def __init__(self) -> None:
        super().__init__()
        self._depth = self._elements = 0

    def start(self, tag: str, attrs: dict[str, str], /) -> Element:
        self._depth += 1
        self._elements += 1
        if self._depth > MAX_DEPTH or self._elements > MAX_ELEMENTS:
            raise _TooMuch
        return super().start(tag, attrs)

    def end(self, tag: str, /) -> Element:
        self._depth -= 1
        return super().end(tag)


def _parse(xml: bytes) -> Element:
    parser = DefusedXMLParser(target=_BoundedBuilder(), forbid_dtd=True)
    try:
        parser.feed(xml)
        root: Element = parser.close()
    except DefusedXmlException:
        raise Problem(400, "xml_forbidden", detail=_FORBIDDEN) from None
    except _TooMuch:
        raise Problem(400, "too_deep", detail=_TOO_DEEP) from None
    except (ParseError, ValueError, LookupError):  # an encoding that is none, or unknown
        raise Problem(400, "malformed_xml", detail=_NOT_XML) from None
    return root


class _Answers(Mapping[str, str]):
    """The answers of one level: of the form, of a person, or of a dose. Groups only keep questions together."""

    def __init__(self, element: Element) -> None:
        self._texts: dict[str, str] = {}
        self._items: dict[str, list[_Answers]] = {name: [] for name in REPEATS}
        self._read(element)

    def _read(self, element: Element) -> None:
        for child in element:
            name = child.tag.rpartition("}")[2]
            if name in REPEATS:
                self._items[name].append(_Answers(child))
            elif len(child):
                self._read(child)
            elif child.text and child.text.strip():
                self._texts[name] = child.text.strip()

    def items_of(self, repeat: str, count: str) -> Sequence["_Answers"]:
        """The items of a repeat; as many as the answer to `count` says, since a phone keeps those that were too many
        when the number was lowered."""
        items = self._items[repeat]
        stated = self._texts.get(count, "")
        return items[: int(stated)] if _is_whole(stated) else items

    def __getitem__(self, name: str) -> str:
        return self._texts[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._texts)

    def __len__(self) -> int:
        return len(self._texts)


def _submission(form: _Answers) -> dict[str, Any]:
    address = _present(area=form.get("area"), house=form.get("house"), unit=form.get("unit"), village=_village(form))
    return _present(
        submission_id=form.get("instanceID", "").removeprefix("uuid:") or None,
        captured_at=_captured_at(form.get("start"), form.get("end")),
        address=address,
        position=_position(form.get("position")),
        contact=_present(name=form.get("contact_name"), phone=form.get("contact_phone")) or None,
        notice=form.get("notice_version"),
        persons=[_person(each) for each in form.items_of("persons", "person_count")],
    )


def _person(person: _Answers) -> dict[str, Any]:
    return _present(
        name=person.get("name"),
        national_id=person.get("national_id"),
        national_id_as_shown=True if person.get("national_id_as_shown") == "yes" else None,
        age=_number(person.get("age")),
        birth_year=_number(person.get("birth_year")),
        sex=person.get("sex"),
        registered_area=person.get("registered_area"),
        risks=person.get("risks", "").split(),
        doses=[_dose(number, each) for number, each in enumerate(person.items_of("doses", "dose_count"), 1)],
        wants_vaccine=person.get("wants_vaccine"),
        reasons=person.get("reasons", "").split(),
        home_visit=True if person.get("home_visit") == "yes" else None,
    )


def _dose(number: int, dose: _Answers) -> dict[str, Any]:
    # Their place is their number: a dose that was entered is a dose that was had.
    return _present(number=number, date=dose.get("date"), vaccine=dose.get("vaccine"))


def _present(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _is_whole(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 9


def _number(text: str | None) -> int | str | None:
    return int(text) if text is not None and _is_whole(text) else text


def _village(form: _Answers) -> str | None:
    """The village's code: the subdistrict's, and the number of the village in two digits."""
    moo = form.get("moo")
    return None if moo is None else f"{form.get('area', '')}{moo.zfill(2)}"


def _position(text: str | None) -> dict[str, Any] | None:
    """Latitude, longitude, altitude and accuracy, with spaces between; one that was set by hand on a map has the
    accuracy 0."""
    if text is None:
        return None
    numbers = [_decimal(part) for part in text.split()]
    latitude, longitude, _, accuracy = [*numbers, None, None, None, None][:4]
    return {"lat": latitude, "lon": longitude, "accuracy_m": accuracy or None}


def _decimal(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _captured_at(start: str | None, end: str | None) -> str | None:
    """When the volunteer was at the door: the form's start; many forms are finished together in the evening. Its end
    where the start cannot be: the device's clock was wrong and was put right in between, or the form has been opened
    and saved again for that."""
    began, ended = _time(start), _time(end)
    if began is not None and began >= EARLIEST_CAPTURE and (ended is None or began <= ended):
        return began.isoformat()
    return ended.isoformat() if ended is not None else end or start


def _time(text: str | None) -> datetime | None:
    try:
        time = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return time if time.tzinfo is not None else None
