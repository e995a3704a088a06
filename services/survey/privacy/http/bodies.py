"""What requests about one's data look like, from citizens and from staff."""

import unicodedata
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import AfterValidator, BaseModel, Field

from services.survey.privacy.requests import Identity, Kind, Request, State, Written
from shared.areas.digits import to_arabic_digits
from shared.areas.register import AbolishedArea, UnknownArea, area
from shared.security.identifiers import InvalidIdentifier, mobile_number
from shared.security.keyed_ids import HouseholdIds
from shared.web.fields import Body
from shared.web.problems import FieldError, Message, Problem
from shared.web.validation import InvalidValue

MOST_TEXT: Final = 1000
"""Characters: what is wrong, or why, in a few sentences."""

_NOT_SUBDISTRICT: Final = Message("ต้องเป็นรหัสตำบล 6 หลัก", "This has to be the code of a subdistrict, 6 digits")
_OTHER_VILLAGE: Final = Message(
    "รหัสหมู่บ้านต้องมี 8 หลักและอยู่ในตำบลนี้", "A village's code has 8 digits and begins with the subdistrict's"
)
_PHONE: Final = Message(
    "เบอร์มือถือต้องขึ้นต้นด้วย 06 08 หรือ 09 และมี 10 หลัก", "A mobile number begins with 06, 08 or 09 and has 10 digits"
)
_CONTROL: Final = Message("มีอักขระที่ใช้ไม่ได้", "This holds characters that cannot be used")
_BLANK: Final = Message("ต้องระบุค่านี้", "This is required")


def _subdistrict(text: str) -> str:
    code = to_arabic_digits(text).strip()
    try:
        if len(code) == 6:
            return area(code).code
    except (AbolishedArea, UnknownArea):
        pass
    raise InvalidValue("not_a_subdistrict", _NOT_SUBDISTRICT)


def _clean(text: str) -> str:
    text = unicodedata.normalize("NFC", text).strip()
    if any(unicodedata.category(letter) in ("Cc", "Cs") and letter != "\n" for letter in text):
        raise InvalidValue("control_characters", _CONTROL)
    if not text:
        raise InvalidValue("required", _BLANK)
    return text


def _phone(text: str) -> str:
    try:
        return mobile_number(text)
    except InvalidIdentifier as error:
        raise InvalidValue(error.code, _PHONE) from None


Subdistrict = Annotated[str, Field(max_length=20, examples=["500101"]), AfterValidator(_subdistrict)]
Short = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_clean)]
Long = Annotated[str, Field(min_length=1, max_length=MOST_TEXT), AfterValidator(_clean)]
House = Annotated[str, Field(min_length=1, max_length=60), AfterValidator(_clean)]


class Asking(Body):
    """What is asked, of which address. request_id is made by who sends, so that sending again is the same request."""

    request_id: UUID
    kind: Kind
    area: Subdistrict
    house: House
    village: Annotated[str, Field(max_length=20)] | None = None
    unit: House | None = None
    name: Short | None = None
    text: Long | None = None

    def household(self, ids: HouseholdIds) -> UUID:
        """The household at the address. Raises a 400 problem for a village of another subdistrict."""
        village = None if not self.village else to_arabic_digits(self.village).strip()
        if village and not (
            len(village) == 8 and village.isascii() and village.isdigit() and village.startswith(self.area)
        ):
            raise Problem(400, "invalid", errors=[FieldError("village", "other_village", _OTHER_VILLAGE)])
        return ids.of_address(self.area, village, self.house, self.unit)

    def written(self, *, phone: str | None = None, identity_note: str | None = None) -> Written:
        """What of it is sealed."""
        return Written(
            house=self.house,
            village=self.village or None,
            unit=self.unit,
            name=self.name,
            text=self.text,
            phone=phone,
            identity_note=identity_note,
        )


class AskingOnBehalf(Asking):
    """The same, from somebody who came to an office or told a coordinator. identity: how it is known who asks."""

    identity: Identity
    identity_note: Long | None = None
    phone: Annotated[str, Field(max_length=40), AfterValidator(_phone)] | None = None


class Step(BaseModel):
    """One step of a request's history. by_citizen: he took it himself."""

    state: State
    at: datetime
    by_citizen: bool


class OwnRequest(BaseModel):
    """A request as its citizen sees it. can_fetch: the copy of the data can be had."""

    request_id: UUID
    kind: Kind
    state: State
    area: str
    house: str | None
    asked_at: datetime
    due_at: datetime
    decided_at: datetime | None
    reason: str | None
    can_fetch: bool
    steps: list[Step]


def own(request: Request, steps: list[Mapping[str, Any]], *, can_fetch: bool) -> OwnRequest:
    """The answer to its citizen."""
    written = request.written
    return OwnRequest(
        request_id=request.request_id,
        kind=request.kind,
        state=request.state,
        area=request.area,
        house=(written.house or None) if written else None,
        asked_at=request.asked_at,
        due_at=request.due_at,
        decided_at=request.decided_at,
        reason=written.reason if written else None,
        can_fetch=can_fetch,
        steps=[Step(state=one["state"], at=one["at"], by_citizen=one["done_by"] is None) for one in steps],
    )
