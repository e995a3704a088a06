"""Handing over a copy: who reads and who receives is recorded in the same transaction, before it leaves."""

from datetime import datetime
from enum import StrEnum

from starlette.responses import Response

from services.survey.audit import Purpose, note_reading, role_of
from services.survey.help import personal as help_requests
from services.survey.privacy import copies
from services.survey.privacy.requests import Request
from shared.postgres.pool import Connection
from shared.security.citizens import Citizen
from shared.security.principal import Principal
from shared.security.sealing import KeyRing
from shared.web.printable import as_file


class Form(StrEnum):
    """For programs, or to be printed."""

    JSON = "json"
    HTML = "html"


async def copy_of(
    connection: Connection,
    ring: KeyRing,
    request: Request,
    receiver: Principal | Citizen,
    form: Form,
    language: str,
    now: datetime,
) -> Response:
    """The copy of a household's data, as a file; and of the receiver's requests for help, which his proven phone made.

    Staff who hand it over to somebody get none of those: they may be from other areas, and another phone's.
    """
    asked_for_help = []
    if isinstance(receiver, Citizen):
        asked_for_help = await help_requests.of_citizen(connection, ring, receiver.subject, copies.MOST_HELP)
    households = [request.household_id, *(one.request.request_id for one in asked_for_help)]
    await note_reading(connection, receiver, Purpose.SUBJECT_REQUEST, households, now=now)
    what = (now, receiver.subject, role_of(receiver)[0], request.area, f"access_{form.value}", households)
    await connection.execute(copies.NOTE_TRANSFER, *what)
    document = await copies.held(connection, ring, request.household_id, asked_for_help, now)
    page = None if form is Form.JSON else copies.PAGE.of(document, language)
    return as_file(document, page, language)
