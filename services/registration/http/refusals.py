"""What is answered when a rule of the domain forbids a change."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from services.registration.domain.people import Person, Refused
from services.registration.http.refused_care import REFUSED_CARE
from shared.web.problems import FieldError, Message, Problem, problem_response

_FORBIDDEN = {
    "outside_area": ("other_area", Message("อยู่นอกพื้นที่ของท่าน", "This lies outside your area")),
    "not_below": (
        "not_below",
        Message("ทำได้เฉพาะกับบทบาทที่ต่ำกว่าของท่าน", "You decide only about roles below your own"),
    ),
}
_FIELDS = {
    "wrong_level": Message("บทบาทนี้ไม่มีในพื้นที่ระดับนี้", "This role is not held in areas of this level"),
    "outside_organisation": Message("อยู่นอกพื้นที่ของหน่วยงาน", "This lies outside the organisation's area"),
}
_CONFLICTS = {
    "held_elsewhere": Message(
        "บุคคลนี้มีบทบาทอื่นนอกอำนาจของท่าน โปรดติดต่อผู้ดูแลระดับเหนือขึ้นไป",
        "This person holds a role beyond your authority; ask the administrator above you",
    ),
    "suspended": Message("บุคคลนี้ถูกระงับอยู่ โปรดอนุมัติก่อน", "This person is suspended; approve him or her first"),
    "withdrawn": Message("บุคคลนี้ถอนตัวแล้ว", "This person has withdrawn"),
    "not_pending": Message("บุคคลนี้ไม่ได้รออนุมัติแล้ว", "This person does not wait for approval any more"),
    "changed": Message(
        "มีผู้อื่นดำเนินการกับบุคคลนี้ไปแล้ว โปรดดูสถานะปัจจุบัน",
        "Somebody else has decided about this person meanwhile; see what stands now",
    ),
    "not_begun": Message(
        "บุคคลนี้ได้รับแต่งตั้งแล้ว และรอวันเริ่มปฏิบัติหน้าที่", "This person is appointed and waits for the first day of the role"
    ),
    "last_administrator": Message(
        "ท่านเป็นผู้ดูแลส่วนกลางคนเดียว โปรดให้ผู้ดูแลเครื่องแต่งตั้งผู้ดูแลส่วนกลางอีกคนก่อน",
        "You are the only central administrator; have the operator make another one first",
    ),
    "awaited": Message(
        "บุคคลนี้มีการแต่งตั้งที่รอวันเริ่มอยู่แล้ว โปรดยกเลิกก่อน",
        "This person awaits the first day of another role; end that appointment first",
    ),
}


async def on_refused(request: Request, error: Exception) -> Response:
    """Answer for a rule's refusal, wherever it was raised."""
    assert isinstance(error, Refused)  # noqa: S101 - registered for this type alone
    return problem_response(request, _problem_of(error))


def _problem_of(refused: Refused) -> Problem:
    # 403 for lacking authority, 400 for a wrong area, 409 for a person's state.
    if refused.code in _FORBIDDEN:
        code, detail = _FORBIDDEN[refused.code]
        return Problem(403, code, detail=detail)
    if refused.code in _FIELDS:
        return Problem(400, "invalid", errors=[FieldError("area", refused.code, _FIELDS[refused.code])])
    if refused.code in REFUSED_CARE:
        status, detail = REFUSED_CARE[refused.code]
        return Problem(status, refused.code, detail=detail)
    return Problem(409, refused.code, detail=_CONFLICTS[refused.code], members=_standing(refused.standing))


def _standing(person: Person | None) -> dict[str, object]:
    if person is None:
        return {}
    return {
        "volunteer": {
            "volunteer_id": str(person.person_id),
            "organisation_id": str(person.organisation_id),
            "role": person.role,
            "area": person.area,
            "status": person.status,
            "revision": person.revision,
        }
    }


def refusal_message(code: str) -> Message:
    """What a rule's refusal says, where it stands in a list of results."""
    if code in _FORBIDDEN:
        return _FORBIDDEN[code][1]
    if code in REFUSED_CARE:
        return REFUSED_CARE[code][1]
    return _FIELDS.get(code) or _CONFLICTS[code]


def not_found() -> Problem:
    """Say that it does not exist, or lies in an area that is not the caller's: who asks is not told which."""
    return Problem(404, detail=Message("ไม่พบในพื้นที่ของท่าน", "There is no such thing in your area"))


def unknown_field(path: str, th: str, en: str, code: str = "unknown") -> Problem:
    """Say that what a field names does not exist."""
    return Problem(400, "invalid", errors=[FieldError(path, code, Message(th, en))])
