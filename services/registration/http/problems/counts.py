"""/v1/problems/counts: how many tickets were raised in a month."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Final

from fastapi import APIRouter, Query
from pydantic import BaseModel

from services.registration.domain.problems import Category, Level
from services.registration.http.problems.callers import Service, Worker
from shared.observability.clock import BANGKOK
from shared.web.authentication import area_asked
from shared.web.fields import AreaCode

router = APIRouter(prefix="/v1/problems/counts", tags=["problems"])

_MONTH: Final = r"^20[2-9]\d-(0[1-9]|1[0-2])$"


class TicketCount(BaseModel):
    """Tickets raised in the month: `province` is "" for those about the whole country, `level` how far they went up."""

    province: str
    category: Category
    level: Level
    raised: int
    waiting: int
    merged: int


@router.get("")
async def count_problems(
    caller: Worker,
    parts: Service,
    month: Annotated[str, Query(pattern=_MONTH, examples=["2022-02"])],
    area: Annotated[AreaCode | None, Query()] = None,
) -> Sequence[TicketCount]:
    """Count the tickets of a month (Asia/Bangkok) in the caller's area by province, category and level reached."""
    area = area_asked(caller, area)
    begins = datetime.strptime(month, "%Y-%m").replace(tzinfo=BANGKOK)
    ends = begins.replace(year=begins.year + begins.month // 12, month=begins.month % 12 + 1)
    counted = await parts.problems.counts.raised_in(area, begins=begins.astimezone(UTC), ends=ends.astimezone(UTC))
    return [TicketCount.model_validate(row) for row in counted]
