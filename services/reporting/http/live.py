"""The live stream, and the picture that its changes go on from."""

from typing import Annotated

from fastapi import APIRouter, Header, Query, Request, Response

from services.reporting.answers import AsOf
from services.reporting.areas import DIGITS, LEVELS, areas_of
from services.reporting.http.accepting import JSON
from services.reporting.http.answering import answer_kept, now
from services.reporting.http.areas import area_of
from services.reporting.live import LiveStream, TooManyViewers
from services.reporting.picture.reading import read
from services.reporting.picture.rows import AreaName, PictureAnswer, named
from services.reporting.settings import LiveSettings
from shared.areas.register import area as registered_area
from shared.postgres.pool import Connection
from shared.web.event_stream import EventStream, too_many_viewers

router = APIRouter(prefix="/v1")


@router.get(
    "/live", status_code=200, response_class=EventStream, responses={200: {"content": {"text/event-stream": {}}}}
)
async def live(
    request: Request,
    last_event_id: Annotated[str | None, Header(max_length=60, description="Goes on behind this event")] = None,
) -> Response:
    """Server-sent events: `reset` with the rows of the country and every province, then `change` with what differs.

    `areas` of a change holds, by code at every level, the fields with new values; they go on from any row of a `reset`
    or of `GET /v1/picture` that was asked for later than the event came. A row: the survey's figures (see coverage; all
    null where `suppressed`), `places` that are not closed, `places_open`, `places_overdue`, `help_asked` (requests
    ever made), `help` (not finished: `help_waiting`, `help_accepted`, `help_helping`), `help_done`, `help_overdue` (all
    null in a subdistrict where few asked), `population` and `houses` (value, source, dated, or null).
    `subdistricts`, `places`, `volunteers` and `help` name areas with new figures of that kind; null: anywhere, and then
    the subdistricts' rows are not in `areas`.
    """
    stream: LiveStream = request.app.state.live
    settings: LiveSettings = request.app.state.live_settings
    try:
        viewer = stream.join(last_event_id)
    except TooManyViewers:
        raise too_many_viewers() from None
    return EventStream(stream, viewer, heartbeat_seconds=settings.heartbeat_seconds, send_seconds=settings.send_seconds)


@router.get("/picture", responses={200: {"model": PictureAnswer}})
async def picture(
    request: Request,
    area: Annotated[str, Query(max_length=20, description="Code of 2, 4 or 6 digits; the country without")] = "",
) -> Response:
    """The rows of an area and of every area one level below it, as `GET /v1/live` goes on with them."""
    inside = area_of(area)
    level = LEVELS[min(LEVELS.index(inside.level) + 1, len(LEVELS) - 1)]
    digits = DIGITS[level]
    # To the second, so that what is asked in the same one is the same question.
    moment = now(request).replace(microsecond=0)

    async def make(connection: Connection, as_of: AsOf) -> PictureAnswer:
        # What may be shown of one subdistrict depends on the others of its district.
        around = inside.code[: DIGITS["district"]]
        reading = await read(connection, [around], digits, moment)
        names = {found.code: AreaName(found.name_th, found.name_en) for found in areas_of(around, level)}
        # Results of areas that were abolished since stay, under their code for a name, so that the rows sum up.
        names |= {code: AreaName(code, code) for code in sorted(reading.survey.keys() - names.keys())}
        rows = reading.rows({inside.code, *names}, {len(around)} - {digits})
        shown = [code for code in names if code.startswith(inside.code) and code != inside.code]
        for length in range(0, len(inside.code) + 1, 2):
            above = registered_area(inside.code[:length])
            names[above.code] = AreaName(above.name_th, above.name_en)
        return PictureAnswer(
            inside.code,
            as_of,
            {code: named(rows[code]) for code in (inside.code, *shown)},
            {code: names[code] for code in names if code in shown or inside.code.startswith(code)},
        )

    return await answer_kept(request, inside.code, make, forms=(JSON,), clock=moment)
