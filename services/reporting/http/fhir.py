"""/fhir: the survey's figures for health systems, in HL7 FHIR R4. Read and search, no key."""

from datetime import date
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response

from services.reporting import store
from services.reporting.answers import AsOf, unknown
from services.reporting.domain import day_in_thailand
from services.reporting.http.answering import answer, answer_kept, now
from services.reporting.http.areas import AreaAsked, Asked, LevelAsked, asked_for
from services.reporting.http.history import OLDER_SECONDS, read_day
from services.reporting.http.periods import asked_month
from services.reporting.http.sight import Sight, SightOf
from services.reporting.interchange.fhir.capability import DEFAULT_COUNT, MOST_COUNT, capability_statement
from services.reporting.interchange.fhir.measures import MEASURES, SURVEY, Measure, code_system, measure_resource
from services.reporting.interchange.fhir.names import COUNTRY
from services.reporting.interchange.fhir.reports import report
from services.reporting.interchange.months import FutureMonth, Month, NotAMonth, month_of
from shared.areas.register import UnknownArea
from shared.areas.register import area as registered_area
from shared.postgres.pool import Connection
from shared.web.outcomes import MEDIA_TYPE
from shared.web.problems import FieldError, Message, Problem

FORMS: Final = (MEDIA_TYPE, "application/json")
ANSWER: Final[dict[int | str, dict[str, Any]]] = {200: {"content": {MEDIA_TYPE: {}}}}
FOUND: Final[dict[int | str, dict[str, Any]]] = {**ANSWER, 404: {"description": "No resource has this id."}}

router = APIRouter(prefix="/fhir")


@router.get("/metadata", responses=ANSWER)
async def read_metadata(request: Request) -> Response:
    """The CapabilityStatement."""
    return await answer(request, capability_statement(_base(request)), forms=FORMS)


@router.get("/CodeSystem/{code_system_id}", responses=FOUND)
async def read_code_system(request: Request, code_system_id: str) -> Response:
    """What the figures are."""
    found = code_system()
    if code_system_id != found["id"]:
        raise Problem(404)
    return await answer(request, found, forms=FORMS)


@router.get("/Measure/{measure_id}", responses=FOUND)
async def read_measure(request: Request, measure_id: str) -> Response:
    """What is measured."""
    if measure_id not in MEASURES:
        raise Problem(404)
    return await answer(request, measure_resource(MEASURES[measure_id]), forms=FORMS)


@router.get("/MeasureReport", responses=ANSWER)
async def find_reports(
    request: Request,
    sight: SightOf,
    measure: Annotated[str, Query(max_length=100, description="Id or canonical URL")] = SURVEY.id,
    period: Annotated[str | None, Query(max_length=7, description="A month, such as 2022-02")] = None,
    area: AreaAsked = "",
    level: LevelAsked = None,
    cursor: Annotated[str | None, Query(alias="_cursor", max_length=20)] = None,
    count: Annotated[int, Query(alias="_count", ge=1)] = DEFAULT_COUNT,
) -> Response:
    """The reports of every area of a level for a month, as a Bundle: how things stood at its end, or stand now."""
    today = day_in_thailand(now(request))
    wanted = _measure(measure)
    month = asked_month(period or f"{today:%Y-%m}", today, path="period")
    asked = asked_for(area, level, cursor, min(count, MOST_COUNT), named="_cursor")
    base = _base(request)

    async def read(connection: Connection, as_of: AsOf) -> dict[str, Any]:
        reports, more = await _reports(connection, as_of, wanted, month, asked, sight, today)
        told = {"measure": wanted.id, "period": f"{month.first:%Y-%m}", "area": asked.area, "level": asked.level}
        told |= {"_count": str(asked.limit)}
        own = told | ({"_cursor": asked.after} if asked.after else {})
        links = [{"relation": "self", "url": _url(base, own)}]
        if more is not None:
            links.append({"relation": "next", "url": _url(base, told | {"_cursor": more})})
        bundle: dict[str, Any] = {"resourceType": "Bundle", "type": "searchset", "link": links}
        return bundle | {
            "entry": [
                {"fullUrl": f"{base}/MeasureReport/{each['id']}", "resource": each, "search": {"mode": "match"}}
                for each in reports
            ]
        }

    # The host stands in every address of the answer.
    key = (asked.key, sight.key(asked), wanted.id, month, base)
    return await answer_kept(request, key, read, forms=FORMS, may_be_older=OLDER_SECONDS)


@router.get("/MeasureReport/{report_id}", responses=FOUND)
async def read_report(request: Request, report_id: str, sight: SightOf) -> Response:
    """The report of one area and month."""
    today = day_in_thailand(now(request))
    name, code, text = (*report_id.split(".", 2), "", "")[:3]
    try:
        area = registered_area("" if code == COUNTRY else code)
        month = month_of(text, today)
    except (UnknownArea, NotAMonth, FutureMonth):
        raise Problem(404) from None
    if name not in MEASURES or not code:
        raise Problem(404)
    measure, asked = MEASURES[name], Asked(area=area.code, level=area.level)

    async def read(connection: Connection, as_of: AsOf) -> dict[str, Any]:
        ((found,), _) = await _reports(connection, as_of, measure, month, asked, sight, today)
        return found

    return await answer_kept(request, sight.key(asked), read, forms=FORMS, may_be_older=OLDER_SECONDS)


async def _reports(
    connection: Connection, as_of: AsOf, measure: Measure, month: Month, asked: Asked, sight: Sight, today: date
) -> tuple[list[dict[str, Any]], str | None]:
    found = await read_day(connection, as_of, asked, sight, month.until, today)
    houses = await store.denominators(connection, "houses", asked.area, [asked.digits])
    times = [stream.time for stream in as_of.values() if stream.time is not None]
    newest = max(times, default=None)
    nothing = unknown("houses")
    return [report(measure, row, houses.get(row.area, nothing), month, newest) for row in found.rows], found.cursor


def _measure(text: str) -> Measure:
    for measure in MEASURES.values():
        if text in (measure.id, measure.url, f"Measure/{measure.id}"):
            return measure
    message = Message("ไม่มีตัวชี้วัดนี้", "There is no measure with this name")
    raise Problem(400, "invalid", errors=[FieldError("measure", "unknown_measure", message)])


def _base(request: Request) -> str:
    return f"{request.base_url}fhir"


def _url(base: str, parameters: dict[str, str]) -> str:
    return f"{base}/MeasureReport?{urlencode(parameters)}"
