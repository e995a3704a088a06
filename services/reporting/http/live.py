"""The live stream."""

from typing import Annotated

from fastapi import APIRouter, Header, Request, Response

from services.reporting.event_stream import EventStream
from services.reporting.live import LiveStream, TooManyViewers
from services.reporting.settings import LiveSettings
from shared.web.problems import Message, Problem

router = APIRouter(prefix="/v1")


@router.get(
    "/live", status_code=200, response_class=EventStream, responses={200: {"content": {"text/event-stream": {}}}}
)
async def live(
    request: Request,
    last_event_id: Annotated[str | None, Header(max_length=60, description="Goes on behind this event")] = None,
) -> Response:
    """Server-sent events: `reset` with the picture of the country, every province and district, then `change` with what
    differs.

    `subdistricts`, `places` and `volunteers` name areas with new figures of that kind, to be asked for; null: anywhere.
    """
    stream: LiveStream = request.app.state.live
    settings: LiveSettings = request.app.state.live_settings
    try:
        viewer = stream.join(last_event_id)
    except TooManyViewers:
        raise Problem(
            503,
            "too_many_viewers",
            detail=Message("มีผู้ชมมากเกินไป โปรดรอสักครู่", "Too many people are watching, please wait a moment"),
            headers={"Retry-After": "10"},
        ) from None
    return EventStream(stream, viewer, settings)
