"""What is answered when a rule forbids what was asked."""

from collections.abc import Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from services.survey.help.domain import Refused
from services.survey.help.notices import document_of, item_of
from shared.web.problems import FieldError, Message, Problem, problem_response
from shared.web.validation import InvalidValue

_CONFLICTS: Final[Mapping[str, Message]] = {
    "taken": Message("มีผู้รับคำขอนี้ไปแล้ว", "Somebody else has accepted this request"),
    "not_yours": Message("ผู้อื่นเป็นผู้รับคำขอนี้", "Somebody else has accepted this request, and answers for it"),
    "not_accepted": Message("ยังไม่มีผู้รับคำขอนี้ โปรดรับก่อน", "Nobody has accepted this request yet; accept it first"),
    "finished": Message("คำขอนี้สิ้นสุดแล้ว", "This request is finished"),
    "itself": Message("รวมคำขอกับตัวเองไม่ได้", "A request cannot be merged into itself"),
    "other_subdistrict": Message("รวมได้เฉพาะคำขอในตำบลเดียวกัน", "Only requests of one subdistrict can be merged"),
}

ID_TAKEN: Final = Problem(
    409, "id_taken", detail=Message("รหัสนี้ใช้แล้ว โปรดสร้างรหัสใหม่", "This id is used; make another one")
)


async def on_refused(request: Request, error: Exception) -> Response:
    """Answer 409 with the request as it stands, so that who comes second is told who came first."""
    assert isinstance(error, Refused)  # noqa: S101 - registered for this type alone
    standing = document_of(item_of(error.standing))
    problem = Problem(409, error.code, detail=_CONFLICTS[error.code], members={"request": standing})
    return problem_response(request, problem)


def not_found() -> Problem:
    """Say that it does not exist, or lies in an area that is not the caller's: who asks is not told which."""
    return Problem(404, detail=Message("ไม่พบในพื้นที่ของท่าน", "There is no such thing in your area"))


def bad_field(path: str, fault: InvalidValue) -> Problem:
    """A 400 problem about one field."""
    return Problem(400, "invalid", errors=[FieldError(path, fault.code, fault.message)])
