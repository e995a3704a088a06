"""Fields of requests for help: what is accepted, and what is said when it is not."""

import unicodedata
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, Field

from services.survey.help.domain import Outcome
from services.survey.help.kinds import KINDS
from services.survey.help.limits import ADDRESS, NAME, NOTE, PEOPLE
from shared.areas.districts import is_elsewhere
from shared.security.identifiers import InvalidIdentifier, mobile_number
from shared.web.fields import Body, current_area
from shared.web.problems import Message
from shared.web.validation import InvalidValue

SUBDISTRICT_DIGITS = 6
DISTRICT_DIGITS = 4


def _subdistrict(code: str) -> str:
    found = current_area(code)
    if len(found) != SUBDISTRICT_DIGITS:
        raise InvalidValue("wrong_level", Message("โปรดเลือกถึงระดับตำบล/แขวง", "Choose a subdistrict"))
    return found


def _mobile(text: str) -> str:
    try:
        return mobile_number(text)
    except InvalidIdentifier:
        raise InvalidValue(
            "mobile_malformed",
            Message(
                "หมายเลขโทรศัพท์มือถือต้องขึ้นต้นด้วย 06 08 หรือ 09 และมี 10 หลัก",
                "A mobile number begins with 06, 08 or 09 and has 10 digits",
            ),
        ) from None


def _kind(code: str) -> str:
    if code not in KINDS:
        raise InvalidValue("not_a_choice", Message("ไม่มีความช่วยเหลือประเภทนี้", "There is no such kind of help"))
    return code


def _clean(text: str) -> str | None:
    text = unicodedata.normalize("NFC", text).strip()
    if any(unicodedata.category(letter) in ("Cc", "Cs") and letter != "\n" for letter in text):
        raise InvalidValue("control_characters", Message("มีอักขระที่ใช้ไม่ได้", "This holds characters that cannot be used"))
    return text or None


Name = Annotated[str, Field(max_length=NAME, examples=["สมหญิง ใจดี"]), AfterValidator(_clean)]
Address = Annotated[str, Field(max_length=ADDRESS, examples=["99/1 หมู่ 3 ข้างวัด"]), AfterValidator(_clean)]
Note = Annotated[str, Field(max_length=NOTE, examples=["ยาความดันหมด"]), AfterValidator(_clean)]
"""Free text; nothing but spaces is none."""


class Position(Body):
    """Where help is needed, WGS 84 in degrees; `accuracy_m`: how far off it may be."""

    lat: Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]
    lon: Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]
    accuracy_m: Annotated[float, Field(ge=0, le=1_000_000, allow_inf_nan=False)] | None = None


class NewRequest(Body):
    """What somebody asks for. `request_id` is made on the phone, so that the same sent again is the same request."""

    request_id: UUID
    kind: Annotated[str, Field(max_length=100, examples=["medicine"]), AfterValidator(_kind)]
    people: Annotated[int, Field(ge=1, le=PEOPLE, strict=True)] = 1
    area: Annotated[str, Field(max_length=100, examples=["500101"]), AfterValidator(_subdistrict)]
    phone: Annotated[str, Field(max_length=100, examples=["0812345678"]), AfterValidator(_mobile)]
    name: Name | None = None
    position: Position | None = None
    address: Address | None = None
    note: Note | None = None


def check_position(body: NewRequest) -> InvalidValue | None:
    """What is wrong with a position beside the area, if anything: helpers would be sent to the wrong place."""
    where = body.position
    if where is None or not is_elsewhere(body.area[:DISTRICT_DIGITS], where.lat, where.lon, where.accuracy_m):
        return None
    return InvalidValue(
        "position_elsewhere",
        Message(
            "ตำแหน่งอยู่นอกอำเภอที่เลือก โปรดเลือกตำบลที่ต้องการความช่วยเหลือ หรือไม่ต้องส่งตำแหน่ง",
            "The position lies outside the district: choose where help is needed, or leave the position out",
        ),
    )


class Returning(Body):
    """Why somebody hands a request back."""

    note: Note | None = None


class Closing(Body):
    """How it ended."""

    outcome: Outcome
    note: Note | None = None


class Merging(Body):
    """Which request asks for the same, and goes on."""

    into: UUID
