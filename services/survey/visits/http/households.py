"""GET /v1/households/{id}: a household as its standing survey left it, and all that was done about it."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

import asyncpg
from fastapi import APIRouter, Depends
from pydantic import BaseModel
from starlette.requests import Request

from services.survey.audit import Purpose, note_reading
from services.survey.opening import follow_ups, submissions
from services.survey.quality import MEANINGS
from services.survey.reach.follow_up import FollowUp as Told
from services.survey.submission import Person
from services.survey.visits import lists
from services.survey.visits.households import household
from services.survey.visits.http.asking import connected, language, not_found, now_of
from services.survey.visits.http.items import Point, Why, reasons
from services.survey.visits.lists import Entry
from services.survey.visits.persons import address_text, age_of
from shared.security.principal import Principal
from shared.security.rights import Right
from shared.web.authentication import require

router = APIRouter(prefix="/v1/households", tags=["households"])
Reader = Annotated[Principal, Depends(require(Right.HOUSEHOLD_READ))]


class Flag(BaseModel):
    """What is odd about a visit: a word, and what it means."""

    code: str
    message: str


class Visit(BaseModel):
    """One submission about the household; kind: `survey` or `follow_up`."""

    submission_id: UUID
    captured_at: datetime
    recorded_at: datetime
    volunteer_id: UUID | None
    organisation_id: UUID | None
    kind: str
    outcome: str
    flags: list[Flag]


class FollowUp(BaseModel):
    """What came of reaching a person: `outcome` and, where it has them, the dose, the day and the vaccination point.

    contact (`visit`, `phone` or `other`) and note come from the opened follow-up.
    """

    follow_up_id: UUID
    person_id: UUID
    captured_at: datetime
    volunteer_id: UUID | None
    outcome: str
    dose: int | None
    due_at: datetime | None
    facility_id: UUID | None
    facility: str | None
    contact: str | None
    note: str | None


class DoseHad(BaseModel):
    """One dose; vaccine: a CVX code."""

    number: int
    date: date | None
    vaccine: str | None


class Reach(BaseModel):
    """What a person counts for in the list of persons to reach."""

    person_id: UUID
    rank: int
    why: list[Why]
    wanting_since: datetime
    status: str
    due_at: datetime | None
    owner: UUID | None
    owner_due_at: datetime | None
    late: bool
    registered_area: str | None
    others: list[UUID]


class Member(BaseModel):
    """A person as the standing survey has him. national_id_ends: its last four digits, by which a card is compared;
    the whole number is shown nowhere. reach: null for who needs no visit."""

    name: str | None
    national_id_ends: str | None
    age: int | None
    sex: str | None
    doses: list[DoseHad]
    risks: list[str]
    wants_vaccine: str | None
    reasons: list[str]
    home_visit: bool
    reach: Reach | None


class Household(BaseModel):
    """A household. house, unit, address, contact, phone, position and persons come from the opened survey, and are
    empty where it cannot be opened."""

    household_id: UUID
    area: str
    village: str | None
    revision: int
    captured_at: datetime
    house: str | None
    unit: str | None
    address: str | None
    contact: str | None
    phone: str | None
    position: Point | None
    persons: list[Member]
    visits: list[Visit]
    follow_ups: list[FollowUp]


@router.get("/{household_id}")
async def one_household(household_id: UUID, request: Request, principal: Reader) -> Household:
    """A household of one's area with its persons, visits and follow-ups; each reading is recorded."""
    now, spoken = now_of(request), language(request)
    async with connected(request) as connection:
        found = await household(connection, household_id, principal.area)
        if found is None:
            raise not_found()
        row = found.row
        entries = await lists.entries(connection, found.to_reach, area=principal.area, now=now, once=False)
        ring = request.app.state.sealing
        opened = await submissions(connection, ring, [row["submission_id"]])
        told = await follow_ups(connection, ring, [one["submission_id"] for one in found.follow_ups])
        await note_reading(connection, principal, Purpose.HOUSEHOLD, [household_id], now=now)
    survey = opened.get(row["submission_id"])
    # Where a person's place is of another survey than the standing one, it says nothing of this one's persons.
    by_place = {entry.place: entry for entry in entries if entry.submission_id == row["submission_id"]}
    position = survey.position if survey else None
    return Household(
        household_id=household_id,
        area=row["area"],
        village=row["village"],
        revision=row["revision"],
        captured_at=row["captured_at"],
        house=survey.address.house if survey else None,
        unit=survey.address.unit if survey else None,
        address=address_text(survey.address, row["area"], spoken) if survey else None,
        contact=survey.contact.name if survey and survey.contact else None,
        phone=survey.contact.phone if survey and survey.contact else None,
        position=Point(lat=position.lat, lon=position.lon, accuracy_m=position.accuracy_m) if position else None,
        persons=[
            _member(person, by_place.get(place), row["captured_at"], now, spoken)
            for place, person in enumerate(survey.persons if survey else ())
        ],
        visits=[_visit(visit, spoken) for visit in found.visits],
        follow_ups=[_follow_up(one, told.get(one["submission_id"])) for one in found.follow_ups],
    )


def _member(person: Person, entry: Entry | None, captured_at: datetime, now: datetime, spoken: str) -> Member:
    return Member(
        name=person.name,
        national_id_ends=person.national_id[-4:] if person.national_id else None,
        age=age_of(person, captured_at, now),
        sex=person.sex,
        doses=[DoseHad(number=one.number, date=one.date, vaccine=one.vaccine) for one in person.doses],
        risks=list(person.risks),
        wants_vaccine=person.wants_vaccine,
        reasons=[reason.value for reason in person.reasons],
        home_visit=person.home_visit,
        reach=None if entry is None else _reach(entry, now, spoken),
    )


def _reach(entry: Entry, now: datetime, spoken: str) -> Reach:
    return Reach(
        person_id=entry.person_id,
        rank=entry.rank,
        why=reasons(entry, now, spoken),
        wanting_since=entry.wanting_since,
        status=entry.status,
        due_at=entry.due_at,
        owner=entry.owner,
        owner_due_at=entry.owner_due_at,
        late=entry.late(now),
        registered_area=entry.registered_area,
        others=list(entry.others),
    )


def _visit(row: asyncpg.Record, spoken: str) -> Visit:
    flags = [Flag(code=flag, message=MEANINGS[flag].in_language(spoken)) for flag in row["flags"] or ()]
    fields = {name: row[name] for name in Visit.model_fields if name != "flags"}
    return Visit(**fields, flags=flags)


def _follow_up(row: asyncpg.Record, told: Told | None) -> FollowUp:
    sealed = ("follow_up_id", "contact", "note")
    fields = {name: row[name] for name in FollowUp.model_fields if name not in sealed}
    return FollowUp(
        follow_up_id=row["submission_id"],
        contact=told.contact if told else None,
        note=told.note if told else None,
        **fields,
    )
