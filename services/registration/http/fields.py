"""Fields of requests: what is accepted, and what is said when it is not."""

from __future__ import annotations

import unicodedata
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from services.registration.domain.names import UnusableName, clean_name
from services.registration.domain.phones import thai_mobile
from services.registration.privacy.notices import VERSIONS
from shared.security.identifiers import InvalidIdentifier, national_id
from shared.web.notices import MOST_VERSION, UNKNOWN_NOTICE
from shared.web.problems import Message
from shared.web.validation import InvalidValue

IDENTIFIERS = {
    "national_id_malformed": Message("เลขประจำตัวประชาชนต้องมี 13 หลัก", "A national id has 13 digits"),
    "national_id_check_digit": Message(
        "เลขประจำตัวประชาชนไม่ถูกต้อง (หลักตรวจสอบไม่ตรง)", "This national id has a wrong check digit"
    ),
    "mobile_foreign": Message(
        "ใช้ได้เฉพาะหมายเลขโทรศัพท์มือถือของไทย (ขึ้นต้นด้วย 06 08 09 หรือ +66)",
        "Only Thai mobile numbers can be used (beginning with 06, 08, 09 or +66)",
    ),
    "mobile_malformed": Message(
        "หมายเลขโทรศัพท์มือถือต้องขึ้นต้นด้วย 06 08 หรือ 09 และมี 10 หลัก",
        "A mobile number begins with 06, 08 or 09 and has 10 digits",
    ),
}


NAMES = {
    "control_characters": Message("มีอักขระที่ใช้ไม่ได้", "This holds characters that cannot be used"),
    "no_letters": Message("ชื่อต้องมีตัวอักษร", "A name has letters"),
    "formula": Message("ชื่อขึ้นต้นด้วย = + - หรือ @ ไม่ได้", "A name does not begin with =, +, - or @"),
}


def _clean(text: str) -> str:
    text = unicodedata.normalize("NFC", text).strip()
    if any(unicodedata.category(letter) in ("Cc", "Cs") for letter in text):
        raise InvalidValue("control_characters", NAMES["control_characters"])
    return text


def _name(value: object) -> object:
    try:
        return clean_name(value) if isinstance(value, str) else value
    except UnusableName as error:
        raise InvalidValue(error.code, NAMES[error.code]) from None


def _mobile(text: str) -> str:
    try:
        return thai_mobile(text)
    except InvalidIdentifier as error:
        raise InvalidValue(error.code, IDENTIFIERS[error.code]) from None


def _national_id(text: str) -> str:
    try:
        return national_id(text)
    except InvalidIdentifier as error:
        raise InvalidValue(error.code, IDENTIFIERS[error.code]) from None


def _notice(text: str) -> str:
    if text not in VERSIONS:
        raise InvalidValue("unknown_notice", UNKNOWN_NOTICE)
    return text


def _if_text(value: object) -> object:
    return _clean(value) if isinstance(value, str) else value


Name = Annotated[str, Field(min_length=1, max_length=200, examples=["สมหญิง ใจดี"]), BeforeValidator(_name)]
"""A person's or organisation's name; the longest official names of agencies have about 120 characters."""

Phone = Annotated[str, Field(max_length=100, examples=["0812345678"]), AfterValidator(_mobile)]
"""A Thai mobile number, in one spelling."""

NationalId = Annotated[str, Field(max_length=100), AfterValidator(_national_id)]
"""A Thai national id, in one spelling."""

NoticeVersion = Annotated[str, Field(max_length=MOST_VERSION, examples=["2022-01"]), AfterValidator(_notice)]
"""A version of the privacy notice; `GET /v1/notices/current` has the present one."""

Reason = Annotated[str, Field(min_length=1, max_length=1000), BeforeValidator(_if_text)]
"""A free text of a few sentences."""
