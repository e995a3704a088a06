"""Watching an area: every request of it as it changes, masked, within a moment."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from services.survey.help.http.public import DIGITS
from services.survey.help.limits import HEARTBEAT_SECONDS, SEND_SECONDS
from services.survey.help.live import TooManyWatchers
from services.survey.help.parts import HelpParts, parts
from shared.areas.digits import to_arabic_digits
from shared.security.principal import Principal
from shared.security.rights import Right
from shared.web.authentication import Authentication, area_asked, require
from shared.web.event_stream import EventStream, too_many_viewers
from shared.web.problems import Problem

router = APIRouter(prefix="/v1/help-requests", tags=["help"])


@router.get(
    "/live", status_code=200, response_class=EventStream, responses={200: {"content": {"text/event-stream": {}}}}
)
async def live(
    request: Request,
    principal: Annotated[Principal, Depends(require(Right.HELP_READ))],
    tools: Annotated[HelpParts, Depends(parts)],
    area: Annotated[str | None, Query(max_length=6, pattern=DIGITS)] = None,
) -> Response:
    """Server-sent events: `opened` when the list is to be asked for, then `request` with each one as it changes, in the
    form of the list. A higher `revision` replaces a lower one. Ends with the token: come back with a fresh one."""
    watched = area_asked(principal, area and to_arabic_digits(area))
    try:
        viewer = tools.live.join(watched)
    except TooManyWatchers:
        raise too_many_viewers() from None
    authentication: Authentication = request.app.state.authentication

    async def may_go_on() -> bool:
        try:
            await authentication.principal(request)
        except Problem:
            return False
        return True

    return EventStream(
        tools.live, viewer, heartbeat_seconds=HEARTBEAT_SECONDS, send_seconds=SEND_SECONDS, may_go_on=may_go_on
    )
