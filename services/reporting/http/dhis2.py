"""/dhis2: the survey's figures by month for DHIS2, in the forms that its own imports take."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from services.reporting.answers import AsOf
from services.reporting.domain import day_in_thailand
from services.reporting.http.answering import answer, answer_kept, now
from services.reporting.http.areas import Wanted
from services.reporting.http.history import OLDER_SECONDS, read_day
from services.reporting.http.periods import asked_month
from services.reporting.http.sight import SightOf
from services.reporting.interchange import dhis2
from shared.postgres.pool import Connection

router = APIRouter(prefix="/dhis2")


@router.get("/metadata.json")
async def read_metadata(request: Request) -> Response:
    """The data elements and the data set of the monthly values, for `POST /api/metadata` of DHIS2."""
    return await answer(request, dhis2.metadata())


@router.get("/dataValueSets.json", responses={200: {"content": {"application/json": {}}}})
async def export_values(
    request: Request,
    asked: Wanted,
    sight: SightOf,
    period: Annotated[str, Query(max_length=6, description="A month, such as 202202")],
) -> Response:
    """What had been found until the end of a month in Thailand, by area of one level, for `POST /api/dataValueSets` of
    DHIS2; of the present month, until now.

    Areas are the units that facilities exports. Of one level alone: DHIS2 adds up itself. What is withheld is left out.
    """
    today = day_in_thailand(now(request))
    month = asked_month(period, today, path="period", between="")

    async def read(connection: Connection, as_of: AsOf) -> dict[str, Any]:
        found = await read_day(connection, as_of, asked, sight, month.until, today)
        return {"dataValues": [value for row in found.rows for value in dhis2.values(row, period)]}

    key = (asked.key, sight.key(asked), month)
    return await answer_kept(request, key, read, forms=("application/json",), may_be_older=OLDER_SECONDS)
