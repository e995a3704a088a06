"""A person to reach as the routes show him, with the name and number from the opened submission."""

import asyncio
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from uuid import UUID

from pydantic import BaseModel
from starlette.requests import Request

from services.survey.audit import Purpose, note_reading
from services.survey.opening import opened
from services.survey.submission import Submission
from services.survey.visits.http.asking import language, now_of
from services.survey.visits.lists import Entry
from services.survey.visits.persons import KEPT, address_text, age_of, person_of, waited, why
from shared.postgres.pool import Connection
from shared.security.principal import Principal
from shared.security.sealing import KeyRing


class Why(BaseModel):
    """One reason for a place in the list: a word for programs, and a sentence."""

    code: str
    message: str


class Point(BaseModel):
    """WGS 84, in degrees; how accurate the phone said it was, in metres."""

    lat: float
    lon: float
    accuracy_m: float | None = None


class PersonToReach(BaseModel):
    """A person to reach.

    name, age, sex, phone (of the household's contact), house, unit, address and position are null where the survey has
    none, or was erased meanwhile. area: where the person lives; registered_area: where she is registered, when that is
    elsewhere. rank: by the priorities of the day, 0 first. status: `open` or `appointed`. due_at: of the appointment or
    the next attempt; owner_due_at: by when the owner promised a visit; late: the first of them has passed. others:
    further households that name the same person, who is shown here because she was seen here last.
    """

    household_id: UUID
    person_id: UUID
    name: str | None
    age: int | None
    sex: str | None
    phone: str | None
    contact: str | None
    area: str
    village: str | None
    house: str | None
    unit: str | None
    address: str | None
    position: Point | None
    registered_area: str | None
    rank: int
    why: list[Why]
    wanting_since: datetime
    dose: int
    at_risk: bool
    home_visit: bool
    reasons: list[str]
    status: str
    due_at: datetime | None
    owner: UUID | None
    owner_due_at: datetime | None
    late: bool
    others: list[UUID]


async def read_items(
    connection: Connection, request: Request, reader: Principal, purpose: Purpose, entries: Sequence[Entry]
) -> list[PersonToReach]:
    """The entries with what is sealed. The reading is noted, of nothing as well, while the seals are opened; nothing is
    given out before."""
    now, spoken = now_of(request), language(request)
    noting = asyncio.create_task(note_reading(connection, reader, purpose, _households(entries), now=now))
    try:
        await asyncio.sleep(0)  # what is noted is on its way now
        surveys = _opened(request.app.state.sealing, entries)
        return [_item(entry, surveys.get(entry.submission_id), now, spoken) for entry in entries]
    finally:
        await noting


def reasons(entry: Entry, now: datetime, spoken: str) -> list[Why]:
    """Why somebody stands where he stands; the same list for all of whom the same is told, which nobody changes."""
    return _told(entry.home_visit, entry.at_risk, entry.dose, waited(entry, now), spoken)


@lru_cache(maxsize=KEPT)
def _told(home_visit: bool, at_risk: bool, dose: int, days: int, spoken: str) -> list[Why]:
    told = why(home_visit=home_visit, at_risk=at_risk, dose=dose, days=days)
    return [Why(code=code, message=message.in_language(spoken)) for code, message in told]


def _opened(ring: KeyRing, entries: Iterable[Entry]) -> dict[UUID, Submission | None]:
    """The surveys by their ids, each opened once, whoever of its persons is in the list."""
    sealed = {one.submission_id: (one.household_id, one.sealed) for one in entries}
    return {of: opened(ring, household, of, seal) for of, (household, seal) in sealed.items() if seal is not None}


def _households(entries: Iterable[Entry]) -> list[UUID]:
    return list(dict.fromkeys(one.household_id for one in entries))


def _item(entry: Entry, submission: Submission | None, now: datetime, spoken: str) -> PersonToReach:
    person = person_of(submission, entry.place)
    address = submission.address if submission else None
    contact = submission.contact if submission else None
    position = submission.position if submission else None
    return PersonToReach(
        household_id=entry.household_id,
        person_id=entry.person_id,
        name=person.name if person else None,
        age=age_of(person, submission.captured_at, now) if person and submission else None,
        sex=person.sex if person else None,
        phone=contact.phone if contact else None,
        contact=contact.name if contact else None,
        area=entry.area,
        village=entry.village,
        house=address.house if address else None,
        unit=address.unit if address else None,
        address=address_text(address, entry.area, spoken) if address else None,
        position=Point(lat=position.lat, lon=position.lon, accuracy_m=position.accuracy_m) if position else None,
        registered_area=entry.registered_area,
        rank=entry.rank,
        why=reasons(entry, now, spoken),
        wanting_since=entry.wanting_since,
        dose=entry.dose,
        at_risk=entry.at_risk,
        home_visit=entry.home_visit,
        reasons=list(entry.reasons),
        status=entry.status,
        due_at=entry.due_at,
        owner=entry.owner,
        owner_due_at=entry.owner_due_at,
        late=entry.late(now),
        others=list(entry.others),
    )
