"""/v1/houses: the list of houses, what became of each, and whose they are."""

import hashlib
from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

import asyncpg
import msgspec
from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from services.survey.audit import Purpose, note_reading
from services.survey.desk import store
from services.survey.desk.domain import (
    MOST_TEXT,
    REVISIT_AFTER,
    House,
    State,
    Unreadable,
    read_number,
    read_subdistrict,
    read_village,
)
from services.survey.desk.http.messages import message_of
from services.survey.desk.http.parts import (
    NOT_FOUND,
    AreaText,
    CursorText,
    area_of,
    database,
    ids_of,
    invalid,
    now_of,
    read_id,
    ring_of,
    write_id,
)
from services.survey.desk.store import Sought
from shared.postgres.pool import Connection
from shared.security.principal import Principal
from shared.security.rights import Right
from shared.web.authentication import Authentication, require
from shared.web.fields import Body
from shared.web.problems import FieldError, Message, Problem

MOST: Final = 500
"""Of one answer, some 120 KiB: twenty volunteers' houses, and all of a large village."""
VILLAGE: Final = "^([0-9]{8}|-)$"
MOST_ASSIGNED: Final = 500
"""At once: more than a volunteer can take on."""

router = APIRouter(prefix="/v1/houses", tags=["houses"])
Reader = Annotated[Principal, Depends(require(Right.HOUSEHOLD_READ))]
Writer = Annotated[Principal, Depends(require(Right.HOUSE_WRITE))]

_SUSPENDED = Message("อาสาสมัครนี้ถูกระงับหรือถอนตัวแล้ว", "This volunteer is suspended or has withdrawn")
_ONE_OF_TWO = Message("ระบุ household_ids หรือ range อย่างใดอย่างหนึ่ง", "Name household_ids or a range, one of the two")
_LARGE_VILLAGE = Message(
    "หมู่บ้านนี้มีบ้านมากเกินกว่าจะเลือกเป็นช่วง โปรดเลือกทีละหลัง",
    "This village has too many houses for a range; name them one by one",
)
_MINE_AND_OTHERS = Message("ระบุ mine หรือ volunteer อย่างใดอย่างหนึ่ง", "Name mine or a volunteer, not both")


class ListedHouse(BaseModel):
    """A house and what became of it.

    state: `new` (nobody was there), `done`, `revisit` (nobody was met, or the visit is older than 90 days). listed: it
    stands on the list; one that was surveyed and does not has the address that its visitor wrote. house is null where
    it cannot be opened. wanting: persons who want vaccine.
    """

    household_id: UUID
    area: str
    village: str | None
    house: str | None
    unit: str | None
    volunteer_id: UUID | None
    listed: bool
    state: State
    last_visit_at: datetime | None
    wanting: int


class HousePage(BaseModel):
    """A page of houses by their ids, which says nothing of where they stand; `cursor` leads to the next and is null on
    the last. Every page is recorded as read."""

    items: list[ListedHouse]
    cursor: str | None


class NewHouse(Body):
    """A house to put on the list: its subdistrict, its village of 8 digits or by number, house number and unit."""

    area: Annotated[str, Field(max_length=20)]
    village: Annotated[str, Field(max_length=20)] | None = None
    house: Annotated[str, Field(min_length=1, max_length=2 * MOST_TEXT)]
    unit: Annotated[str, Field(max_length=2 * MOST_TEXT)] | None = None
    volunteer_id: UUID | None = None


class AddedHouse(BaseModel):
    """The household's id. added: false for a house that stood on the list already, and stays as it was."""

    household_id: UUID
    added: bool


class HouseRange(Body):
    """Houses of a village from one number to another, both included; up to 30 includes 30/5. village: null for houses
    that lie in none."""

    subdistrict: Annotated[str, Field(max_length=20)]
    village: Annotated[str, Field(max_length=20)] | None = None
    first: Annotated[str, Field(min_length=1, max_length=MOST_TEXT)]
    last: Annotated[str, Field(min_length=1, max_length=MOST_TEXT)]


class Assignment(Body):
    """Whose houses these are from now on; volunteer_id null: nobody's. take_over: also those that are somebody
    else's."""

    volunteer_id: UUID | None
    household_ids: Annotated[list[UUID], Field(min_length=1, max_length=MOST_ASSIGNED)] | None = None
    range: HouseRange | None = None
    take_over: bool = False


class AssignmentAnswer(BaseModel):
    """In houses: given now, the volunteer's already, left to somebody else, not on the list of your area."""

    assigned: int
    unchanged: int
    held: int
    unknown: int


@router.get("", responses={200: {"model": HousePage}, 304: {"description": "Nothing has changed."}})
async def list_houses(
    request: Request,
    caller: Reader,
    area: AreaText = None,
    village: Annotated[str | None, Query(pattern=VILLAGE, description="Its code of 8 digits; `-` for none")] = None,
    state: State | None = None,
    volunteer: UUID | None = None,
    mine: Annotated[bool, Query(description="The houses that are assigned to you")] = False,
    cursor: CursorText = None,
    limit: Annotated[int, Query(ge=1, le=MOST)] = MOST,
) -> Response:
    """Houses of an area with their numbers, and whether somebody was there.

    With `If-None-Match` nothing is opened, and recorded as read, unless something has changed.
    """
    if mine and volunteer is not None:
        raise invalid("volunteer", "mine_and_others", _MINE_AND_OTHERS)
    whose = caller.subject if mine else volunteer
    # What is somebody's are few, wherever in the caller's area they lie.
    sought = Sought(area_of(caller, area, least=0 if whose else 4), village, state, whose)
    now, after = now_of(request), read_id(cursor)
    async with database(request) as connection:
        rows = await store.page(connection, sought, before=now - REVISIT_AFTER, after=after, limit=limit + 1)
        shown, more = rows[:limit], len(rows) > limit
        tag = _tag(shown, more=more)
        headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
        if tag in [known.strip() for known in request.headers.get("if-none-match", "").split(",")]:
            return Response(status_code=304, headers=headers)
        addresses = await store.addresses(connection, ring_of(request), shown)
        ids = [row["household_id"] for row in shown]
        await note_reading(connection, caller, Purpose.HOUSES, ids, now=now)
    page = HousePage(
        items=[_listed(row, addresses.get(row["household_id"])) for row in shown],
        cursor=write_id(ids[-1]) if more else None,
    )
    return Response(page.model_dump_json(), media_type="application/json", headers=headers)


@router.post("", status_code=201)
async def add_house(request: Request, response: Response, caller: Writer, body: NewHouse) -> AddedHouse:
    """Put a house on the list; 200 where it stands there already."""
    house = _house(caller, body)
    _check_volunteer(request, body.volunteer_id)
    household_id = ids_of(request).of_address(house.area, house.village, house.house, house.unit)
    async with database(request) as connection:
        added = await store.add(
            connection,
            ring_of(request),
            household_id,
            house,
            volunteer=body.volunteer_id,
            by=caller.subject,
            now=now_of(request),
        )
    response.status_code = 201 if added else 200
    return AddedHouse(household_id=household_id, added=added)


@router.delete("/{household_id}", status_code=204)
async def remove_house(request: Request, caller: Writer, household_id: Annotated[UUID, Path()]) -> None:
    """Take a house off the list; what was surveyed there stays."""
    async with database(request) as connection:
        if not await store.remove(connection, household_id, caller.area):
            raise Problem(404, detail=NOT_FOUND)


@router.post("/assignments")
async def assign_houses(request: Request, caller: Writer, body: Assignment) -> AssignmentAnswer:
    """Give houses to a volunteer, or take them back. A house has one volunteer at a time."""
    if (body.household_ids is None) == (body.range is None):
        raise invalid("household_ids", "one_of_two", _ONE_OF_TWO)
    _check_volunteer(request, body.volunteer_id)
    async with database(request) as connection:
        ids = body.household_ids
        if ids is None:
            assert body.range is not None  # noqa: S101 - judged above
            ids = await _range(request, connection, caller, body.range)
        done = await store.assign(connection, ids, caller.area, body.volunteer_id, take_over=body.take_over)
    return AssignmentAnswer(assigned=done.assigned, unchanged=done.unchanged, held=done.held, unknown=done.unknown)


async def _range(request: Request, connection: Connection, caller: Principal, asked: HouseRange) -> list[UUID]:
    area = area_of(caller, asked.subdistrict, least=6)
    try:
        village = read_village(asked.village or "", area)
    except Unreadable as error:
        raise invalid("range.village", error.code, message_of(error)) from None
    found = await store.in_range(connection, ring_of(request), area, village, asked.first, asked.last)
    if found is None:
        raise invalid("range", "too_many", _LARGE_VILLAGE)
    await note_reading(connection, caller, Purpose.HOUSES, found, now=now_of(request))
    return found


def _house(caller: Principal, body: NewHouse) -> House:
    errors: list[FieldError] = []
    code = village = number = unit = None
    try:
        code = read_subdistrict(body.area, within=caller.area, given=None)
    except Unreadable as error:
        if error.code == "other_area":
            raise Problem(403, "other_area", detail=message_of(error)) from None
        errors.append(FieldError("area", error.code, message_of(error)))
    try:
        village = read_village(body.village or "", code)
    except Unreadable as error:
        errors.append(FieldError("village", error.code, message_of(error)))
    try:
        number = read_number(body.house)
    except Unreadable as error:
        errors.append(FieldError("house", error.code, message_of(error)))
    try:
        unit = read_number(body.unit) if body.unit else None
    except Unreadable as error:
        errors.append(FieldError("unit", error.code, message_of(error)))
    if errors or code is None or number is None:
        raise Problem(400, "invalid", errors=errors)
    return House(code, village, number, unit)


def _check_volunteer(request: Request, volunteer: UUID | None) -> None:
    """Who is no volunteer any more gets no houses. Who never was one is not known here: registration has the list."""
    authentication: Authentication = request.app.state.authentication
    if volunteer is not None and authentication.bar.is_barred(volunteer):
        raise invalid("volunteer_id", "suspended", _SUSPENDED)


def _listed(row: asyncpg.Record, address: store.Address | None) -> ListedHouse:
    return ListedHouse(
        household_id=row["household_id"],
        area=row["area"],
        village=row["village"],
        house=None if address is None else address.house,
        unit=None if address is None else address.unit,
        volunteer_id=row["volunteer_id"],
        listed=row["sealed"] is not None,
        state=row["state"],
        last_visit_at=row["last_visit_at"],
        wanting=row["wanting"],
    )


def _tag(rows: list[asyncpg.Record], *, more: bool) -> str:
    """Of what the answer is made of, but for the addresses, which an id stands for: nothing is opened for it."""
    plain = [
        (
            row["household_id"].bytes,
            row["volunteer_id"],
            row["added_at"],
            row["last_visit_at"],
            row["wanting"],
            row["state"],
        )
        for row in rows
    ]
    return f'"{hashlib.blake2b(msgspec.msgpack.encode((plain, more)), digest_size=16).hexdigest()}"'
