"""What phones are answered: XML as the OpenRosa interfaces describe it (formList, manifest, responses).

Collect shows the message of a response to its user, whatever the status but 401; so the message says what is wrong, and
where in the form, in the device's language.
"""

from collections.abc import Sequence
from typing import Final
from xml.sax.saxutils import escape

from starlette.responses import Response

from services.survey.openrosa.form import AREAS_FILE, FORM_ID, TITLE, place_of, version
from services.survey.openrosa.serving import Served
from shared.web.problems import TITLES, FieldError, Message, Problem

MEDIA_TYPE: Final = "text/xml"
"""Collect takes formList and manifest under no other name."""
VERSION: Final = {"X-OpenRosa-Version": "1.0"}
PRIVATE: Final = "private, no-cache"
"""Phones ask again, and compare the hash; whoever stands in between keeps nothing."""
MOST_ERRORS: Final = 10
"""A phone's screen of them; the first ones mended, the others are told."""

RECEIVED: Final = Message(
    "ได้รับแบบสำรวจแล้ว ดูผลการบันทึกได้ในระบบ",
    "The form has been received; what became of it is told in the system",
)
_MORE: Final = Message("และอีก {} ข้อ", "and {} more")


class Xml(Response):
    """An answer in XML."""

    media_type = MEDIA_TYPE


class Areas(Response):
    """A list of areas beside the form."""

    media_type = "text/csv"


class Drawing(Response):
    """A QR code of lines."""

    media_type = "image/svg+xml"


class Picture(Response):
    """A QR code of pixels."""

    media_type = "image/png"


def xml(content: str, status: int = 200) -> Response:
    """An answer of our own making."""
    headers = {"Cache-Control": PRIVATE}
    return Xml(f'<?xml version="1.0" encoding="UTF-8"?>\n{content}\n', status, headers=headers)


def response(message: Message, language: str, status: int) -> Response:
    """An OpenRosaResponse with a message for whoever holds the phone."""
    nature = "submit_success" if status < 400 else "error"
    answer = xml(
        '<OpenRosaResponse xmlns="http://openrosa.org/http/response">'
        f'<message nature="{nature}">{escape(message.in_language(language))}</message></OpenRosaResponse>',
        status,
    )
    answer.headers["Content-Language"] = language
    return answer


def refusal(problem: Problem, language: str) -> Response:
    """The problem as an OpenRosaResponse: its bad fields by where they are asked, or what it says as a whole."""
    answer = response(message_of(problem), language, problem.status)
    answer.headers.update(problem.headers)
    return answer


def message_of(problem: Problem) -> Message:
    """What a problem says in a few lines."""
    if problem.errors:
        return _listed(problem.errors)
    return problem.detail or TITLES.get(problem.code) or TITLES["internal"]


def _listed(errors: Sequence[FieldError]) -> Message:
    lines = [_line(error) for error in errors[:MOST_ERRORS]]
    more = len(errors) - len(lines)
    if more:
        lines.append(Message(_MORE.th.format(more), _MORE.en.format(more)))
    return Message("\n".join(line.th for line in lines), "\n".join(line.en for line in lines))


def _line(error: FieldError) -> Message:
    place = place_of(error.path)
    if place is None:
        return error.message
    return Message(f"{place.th}: {error.message.th}", f"{place.en}: {error.message.en}")


def form_list(address: str, form: Served, form_id: str | None) -> Response:
    """The one form there is; none when another one is asked for. address: of the interface, without a slash."""
    entry = (
        f"<xform><formID>{FORM_ID}</formID><name>{escape(TITLE.th)}</name><version>{version()}</version>"
        f"<hash>{form.hash}</hash><descriptionText>{escape(TITLE.en)}</descriptionText>"
        f"<downloadUrl>{escape(address)}/forms/{FORM_ID}.xml</downloadUrl>"
        f"<manifestUrl>{escape(address)}/forms/{FORM_ID}/manifest</manifestUrl></xform>"
    )
    listed = entry if form_id in (None, FORM_ID) else ""
    return xml(f'<xforms xmlns="http://openrosa.org/xforms/xformsList">{listed}</xforms>')


def manifest(address: str, areas: Served) -> Response:
    """The one file beside the form."""
    return xml(
        '<manifest xmlns="http://openrosa.org/xforms/xformsManifest">'
        f"<mediaFile><filename>{AREAS_FILE}</filename><hash>{areas.hash}</hash>"
        f"<downloadUrl>{escape(address)}/forms/{FORM_ID}/{AREAS_FILE}</downloadUrl></mediaFile></manifest>"
    )
