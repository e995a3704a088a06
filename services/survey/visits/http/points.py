"""GET /v1/vaccination-points: where to send people, and how many are expected there already."""

import re
from datetime import date
from typing import Annotated, Any, Final
from uuid import UUID

import asyncpg
import msgspec
from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel
from starlette.requests import Request

from services.survey.visits import points
from services.survey.visits.http.asking import bad_field, connected, now_of
from shared.areas.digits import to_arabic_digits
from shared.security.principal import Principal
from shared.security.rights import Right
from shared.web.authentication import require
from shared.web.fields import AreaCode
from shared.web.problems import Message

NEAREST: Final = 20
"""As many as somebody chooses from."""

_POSITION: Final = re.compile(r"(-?\d{1,3}(?:\.\d{1,10})?),(-?\d{1,3}(?:\.\d{1,10})?)", re.ASCII)
_NO_POSITION: Final = Message("ระบุพิกัดเป็น ละติจูด,ลองจิจูด", "Give a position as latitude,longitude in degrees")
_ONE: Final = Message("ระบุพื้นที่หรือพิกัดอย่างใดอย่างหนึ่ง", "Give either an area or a position")

router = APIRouter(prefix="/v1/vaccination-points", tags=["vaccination points"])
Reader = Annotated[Principal, Depends(require(Right.REACH_READ))]


class Booked(BaseModel):
    """Persons with an appointment on a day; over: more than the point takes in a day. Nobody is refused for it."""

    day: date
    booked: int
    over: bool


class VaccinationPoint(BaseModel):
    """A vaccination point. capacity: persons a day, null where it is not known; metres: from the position asked for, as
    the crow flies; days: from today on, those with appointments."""

    facility_id: UUID
    name: str
    area: str
    lat: float | None
    lon: float | None
    status: str
    capacity: int | None
    hours: list[dict[str, Any]]
    hours_note: str | None
    metres: int | None
    days: list[Booked]


class VaccinationPoints(BaseModel):
    """Points that are not closed: of an area by name, or the nearest first."""

    items: list[VaccinationPoint]


@router.get("")
async def vaccination_points(
    request: Request,
    principal: Reader,
    area: Annotated[AreaCode | None, Query(max_length=6, description="any area, by default one's own")] = None,
    near: Annotated[str | None, Query(max_length=40, description="latitude,longitude in degrees")] = None,
) -> VaccinationPoints:
    """Vaccination points of an area or near a position, also beyond one's own area, with their appointments by day."""
    if area is not None and near is not None:
        raise bad_field("near", "exactly_one", _ONE)
    async with connected(request) as connection:
        if near is not None:
            rows = await points.near(connection, *_position(near), NEAREST)
        else:
            rows = await points.in_area(connection, principal.area if area is None else area)
        booked = await points.booked(connection, [row["facility_id"] for row in rows], now_of(request))
    return VaccinationPoints(items=[_point(row, booked.get(row["facility_id"], {})) for row in rows])


def _position(text: str) -> tuple[float, float]:
    found = _POSITION.fullmatch(to_arabic_digits(text).replace(" ", ""))
    if found is None or not (abs(float(found[1])) <= 90 and abs(float(found[2])) <= 180):
        raise bad_field("near", "not_a_position", _NO_POSITION)
    return float(found[1]), float(found[2])


def _point(row: asyncpg.Record, days: dict[date, int]) -> VaccinationPoint:
    capacity = row["capacity"]
    return VaccinationPoint(
        **{name: row[name] for name in row.keys() if name not in ("hours", "metres")},  # noqa: SIM118 - a record
        hours=msgspec.json.decode(row["hours"]),
        metres=None if row["metres"] is None else round(row["metres"]),
        days=[
            Booked(day=day, booked=booked, over=capacity is not None and booked > capacity)
            for day, booked in days.items()
        ],
    )
