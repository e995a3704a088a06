"""What bodies and fields of requests have in common in all services: nothing unknown, and areas that are in use."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from shared.areas.digits import to_arabic_digits
from shared.areas.register import AbolishedArea, UnknownArea, area
from shared.web.problems import Message
from shared.web.validation import InvalidValue

_UNKNOWN = Message("ไม่มีรหัสพื้นที่นี้", "There is no area with this code")


class Body(BaseModel):
    """A request's body. Unknown names are refused: a misspelled optional field would be dropped in silence."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def area_refusal(error: UnknownArea) -> tuple[str, Message]:
    """The code and the message of a bad field for what the register said; of an abolished area with its successors."""
    if not isinstance(error, AbolishedArea):
        return "unknown_area", _UNKNOWN
    now = ", ".join(error.successors)
    return "abolished_area", Message(
        f"รหัสพื้นที่ {error.code} ถูกยกเลิกแล้ว" + (f" ปัจจุบันใช้ {now}" if now else ""),
        f"The area {error.code} was abolished" + (f"; it is now {now}" if now else ""),
    )


def current_area(code: str) -> str:
    """Return the code of an area in use today, "" for the country; Thai digits are accepted. Raises `InvalidValue`."""
    try:
        return area(to_arabic_digits(code).strip()).code
    except UnknownArea as error:
        raise InvalidValue(*area_refusal(error)) from None


# 100 characters of room: whatever is longer than a code is refused by the register with a message of its own.
AreaCode = Annotated[str, Field(max_length=100, examples=["500101"]), AfterValidator(current_area)]
"""An area in use today."""
