"""A person to reach in words: from what is stored in the clear, and from the opened submission."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import lru_cache
from typing import Final

from services.survey.submission import Address, Person, Submission, birth_year_of
from services.survey.visits.lists import Entry
from shared.areas.register import UnknownArea, area
from shared.observability.clock import BANGKOK
from shared.web.problems import Message

KEPT: Final = 16_384
"""Sentences and names of places that are kept ready, some 5 MB: all subdistricts in both languages, and the reasons of
all who have waited for up to two years."""
_WHY: Final = {
    "home_visit": Message("ต้องไปเยี่ยมถึงบ้าน เช่น ผู้ป่วยติดเตียง", "Needs a visit at home, such as a bedridden person"),
    "at_risk": Message("กลุ่มเสี่ยง 608", "Risk group 608"),
    "no_dose": Message("ยังไม่เคยได้รับวัคซีน", "Has had no dose yet"),
    "next_dose": Message("ได้รับแล้ว {dose} เข็ม รอเข็มต่อไป", "Has had {dose}, waits for the next"),
    "waiting": Message("รอมาแล้ว {days} วัน", "Has waited for {days} days"),
}


def why(*, home_visit: bool, at_risk: bool, dose: int, days: int) -> Iterator[tuple[str, Message]]:
    """Why somebody stands where he stands in the list: words for programs and sentences, the weightiest first."""
    if home_visit:
        yield "home_visit", _WHY["home_visit"]
    if at_risk:
        yield "at_risk", _WHY["at_risk"]
    code = "no_dose" if dose == 0 else "next_dose"
    yield code, _filled(_WHY[code], dose=dose)
    if days:
        yield "waiting", _filled(_WHY["waiting"], days=days)


def waited(entry: Entry, now: datetime) -> int:
    """For how many days somebody has wanted vaccine, by days of Thailand."""
    return max(0, (now.astimezone(BANGKOK).date() - entry.wanting_since.astimezone(BANGKOK).date()).days)


def _filled(message: Message, **values: int) -> Message:
    return Message(message.th.format(**values), message.en.format(**values))


def person_of(submission: Submission | None, place: int) -> Person | None:
    """The person at a place of an opened submission."""
    if submission is None or place >= len(submission.persons):
        return None
    return submission.persons[place]


def age_of(person: Person, captured_at: datetime, now: datetime) -> int | None:
    """How old a person is this year."""
    born = birth_year_of(person)
    if born is not None:
        return now.astimezone(BANGKOK).year - born
    return None if person.age is None else person.age + max(0, now.year - captured_at.astimezone(BANGKOK).year)


def address_text(address: Address, code: str, language: str) -> str:
    """An address as people write it: house, village number, subdistrict, district, province."""
    thai = language == "th"
    parts = [f"บ้านเลขที่ {address.house}" if thai else f"House {address.house}"]
    if address.unit:
        parts.append(f"ห้อง {address.unit}" if thai else f"unit {address.unit}")
    if address.village and address.village[6:].isdecimal():
        parts.append(f"หมู่ {int(address.village[6:])}" if thai else f"Moo {int(address.village[6:])}")
    parts.append(_place(code, thai))
    return _joined(parts, thai)


@lru_cache(maxsize=KEPT)
def _place(code: str, thai: bool) -> str:
    return _joined([_titled(code[:digits], thai) for digits in (6, 4, 2)], thai)


def _joined(parts: Iterable[str], thai: bool) -> str:
    return (" " if thai else ", ").join(parts)


def _titled(code: str, thai: bool) -> str:
    try:
        found = area(code)
    except UnknownArea:
        return code
    if not thai:
        return found.name_en
    bangkok = code.startswith("10")
    prefix = {6: "แขวง" if bangkok else "ต.", 4: "เขต" if bangkok else "อ.", 2: "" if bangkok else "จ."}[len(code)]
    return found.name_th if found.name_th.startswith(prefix) else prefix + found.name_th
