"""Problem documents (RFC 9457) with bilingual messages and, for bad fields, their path and code."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse

MEDIA_TYPE = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Message:
    """One sentence in Thai and in English."""

    th: str
    en: str

    def in_language(self, language: str) -> str:
        """The sentence in `language` ("th" or "en")."""
        return self.en if language == "en" else self.th


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with one field.

    path: where it stands in the body, such as `persons[0].age`; code: a stable word for programs.
    """

    path: str
    code: str
    message: Message

    def document(self, language: str) -> dict[str, str]:
        """The error as it stands in an answer."""
        return {"path": self.path, "code": self.code, "message": self.message.in_language(language)}


TITLES: Mapping[str, Message] = {
    "invalid": Message("ข้อมูลไม่ถูกต้อง", "The data is not valid"),
    "malformed": Message("อ่านข้อมูลไม่ได้", "The body cannot be read"),
    "not_found": Message("ไม่พบสิ่งที่ขอ", "Not found"),
    "method_not_allowed": Message("ใช้วิธีเรียกนี้ไม่ได้", "This method is not allowed here"),
    "not_acceptable": Message("ไม่มีคำตอบในรูปแบบที่ขอ", "There is no answer in this form"),
    "too_large": Message("ข้อมูลใหญ่เกินกำหนด", "The body is too large"),
    "unsupported_media_type": Message("ชนิดข้อมูลไม่รองรับ", "This media type is not supported"),
    "unauthenticated": Message("โปรดเข้าสู่ระบบ", "Please sign in"),
    "forbidden": Message("ไม่มีสิทธิ์ทำรายการนี้", "You may not do this"),
    "request_timeout": Message(
        "ส่งข้อมูลมาช้าเกินกำหนด โปรดส่งอีกครั้ง", "The request took too long to arrive, please send again"
    ),
    "conflict": Message("ข้อมูลขัดกับที่มีอยู่", "This conflicts with what is already here"),
    "precondition_failed": Message("ข้อมูลถูกแก้ไขไปแล้ว", "It has been changed in the meantime"),
    "precondition_required": Message("ต้องระบุรุ่นของข้อมูลที่แก้ไข", "Say which revision you are changing"),
    "head_too_large": Message("ส่วนหัวของคำขอใหญ่เกินกำหนด", "The request's head is too large"),
    "too_many": Message("มีคำขอมากเกินไป โปรดรอสักครู่", "Too many requests, please wait"),
    "unavailable": Message("ระบบยังไม่พร้อม โปรดส่งอีกครั้ง", "Not available now, please send again"),
    "internal": Message("ระบบขัดข้อง", "Something went wrong here"),
}
"""The title of a problem by its code; a problem with a code of its own uses its detail as title."""

_CODE_OF_STATUS = {
    400: "malformed",
    401: "unauthenticated",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    406: "not_acceptable",
    408: "request_timeout",
    409: "conflict",
    412: "precondition_failed",
    413: "too_large",
    415: "unsupported_media_type",
    428: "precondition_required",
    429: "too_many",
    431: "head_too_large",
    503: "unavailable",
}


class Problem(Exception):
    """Raised anywhere in a request to answer with a problem document.

    status: HTTP status; code: a stable word (by default the usual one of the status); errors: the bad fields.
    """

    def __init__(
        self,
        status: int,
        code: str | None = None,
        *,
        errors: Sequence[FieldError] = (),
        detail: Message | None = None,
        headers: Mapping[str, str] | None = None,
        members: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(status, code)
        self.status = status
        self.code = code or _CODE_OF_STATUS.get(status, "internal")
        self.errors = tuple(errors)
        self.detail = detail
        self.headers = dict(headers or {})
        self.members = dict(members or {})

    def document(self, language: str) -> dict[str, Any]:
        """The problem as a JSON object in `language`."""
        title = TITLES.get(self.code) or TITLES[_CODE_OF_STATUS.get(self.status, "internal")]
        document: dict[str, Any] = {
            "type": f"urn:jitasa:problem:{self.code}",
            "title": title.in_language(language),
            "status": self.status,
            "code": self.code,
        }
        if self.detail is not None:
            document["detail"] = self.detail.in_language(language)
        if self.errors:
            document["errors"] = [error.document(language) for error in self.errors]
        return document | self.members


def language_of(accept_language: str | None) -> str:
    """ "en" when the header prefers English over Thai, otherwise "th": Thai is the product's first language."""
    best, best_weight = "th", 0.0
    for part in (accept_language or "").split(",")[:10]:  # more alternatives than any browser sends are not read
        tag, _, parameters = part.strip().partition(";")
        language = tag.lower().split("-")[0]
        weight = _weight(parameters)
        if language in ("th", "en") and weight > best_weight:
            best, best_weight = language, weight
    return best


def _weight(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0


def problem_response(request: Request, problem: Problem) -> JSONResponse:
    """The answer to `request` for `problem`, in the language that it asks for."""
    return document_response(problem, language_of(request.headers.get("accept-language")))


def document_response(problem: Problem, language: str) -> JSONResponse:
    """The answer for `problem` in `language`."""
    return JSONResponse(
        problem.document(language),
        status_code=problem.status,
        media_type=MEDIA_TYPE,
        headers={"Content-Language": language, "Vary": "Accept-Language", **problem.headers},
    )


def status_problem(status: int, headers: Mapping[str, str] | None = None) -> Problem:
    """The plain problem of an HTTP status."""
    code = _CODE_OF_STATUS.get(status)
    if code is None:
        phrase = HTTPStatus(status).phrase
        return Problem(
            status, "internal" if status >= 500 else "invalid", detail=Message(phrase, phrase), headers=headers
        )
    return Problem(status, code, headers=headers)
