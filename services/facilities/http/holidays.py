"""/v1/holidays: the public holidays, by which places tell whether they are open."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import Field

from services.facilities.http.parts import database, reference_of
from services.facilities.store import holidays
from services.facilities.store.holidays import Holiday
from shared.security.principal import Principal
from shared.security.rights import Right
from shared.web.authentication import require
from shared.web.fields import Body

router = APIRouter(prefix="/v1/holidays")

Named = Annotated[str, Field(min_length=1, max_length=200)]
"""The longest official name of a holiday has some 60 characters."""
Keeper = Annotated[Principal, Depends(require(Right.REFERENCE_WRITE))]


class HolidayBody(Body):
    """What a holiday is called."""

    th: Named
    en: Named


class HolidayAnswer(HolidayBody):
    """A holiday."""

    day: date


@router.get("")
async def list_holidays(request: Request) -> list[HolidayAnswer]:
    """All holidays, the latest first."""
    return [HolidayAnswer(day=one.day, th=one.th, en=one.en) for one in reference_of(request).holidays.values()]


@router.put("/{day}")
async def put_holiday(request: Request, day: date, body: HolidayBody, _: Keeper) -> HolidayAnswer:
    """Adds a holiday, or names it otherwise. Another process knows it two seconds later."""
    async with database(request) as connection:
        await holidays.put(connection, Holiday(day, body.th, body.en))
        await reference_of(request).read(connection)
    return HolidayAnswer(day=day, th=body.th, en=body.en)


@router.delete("/{day}", status_code=204)
async def remove_holiday(request: Request, day: date, _: Keeper) -> None:
    """Makes it a day like others."""
    async with database(request) as connection:
        await holidays.remove(connection, day)
        await reference_of(request).read(connection)
