"""Who may receive: the right, as everywhere, and that the centre has not ended it."""

from typing import Annotated

from fastapi import Depends, Request

from services.reporting.http.answering import database
from services.reporting.receivers.store import is_revoked
from services.reporting.streams.answering import revoked
from shared.security.principal import Principal
from shared.security.rights import Right
from shared.web.authentication import require


async def _receiver(
    request: Request, principal: Annotated[Principal, Depends(require(Right.STREAM_READ))]
) -> Principal:
    """The caller. Raises a 403 problem `receiver_revoked`; an answer that is under way ends by itself."""
    async with database(request) as connection:
        ended = await is_revoked(connection, principal.subject)
    if ended:
        raise revoked()
    return principal


ReceiverOf = Annotated[Principal, Depends(_receiver)]
"""What every route needs by which events are received."""
