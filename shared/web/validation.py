"""Turns pydantic's errors into bad fields with a path, a stable code and a bilingual message."""

from collections.abc import Mapping, Sequence
from typing import Any

from shared.web.problems import FieldError, Message

MAX_ERRORS = 100
"""More bad fields than anyone reads are not listed; the answer stays small whatever was sent."""

_MESSAGES: Mapping[str, tuple[str, Message]] = {
    "missing": ("required", Message("ต้องระบุค่านี้", "This is required")),
    "json_invalid": ("malformed_json", Message("ข้อมูลไม่เป็น JSON ที่ถูกต้อง", "This is not well-formed JSON")),
    "extra_forbidden": ("unknown_field", Message("ไม่รู้จักชื่อนี้", "This name is not known here")),
    "string_type": ("not_text", Message("ต้องเป็นข้อความ", "This has to be text")),
    "int_type": ("not_a_whole_number", Message("ต้องเป็นจำนวนเต็ม", "This has to be a whole number")),
    "int_parsing": ("not_a_whole_number", Message("ต้องเป็นจำนวนเต็ม", "This has to be a whole number")),
    "int_from_float": ("not_a_whole_number", Message("ต้องเป็นจำนวนเต็ม", "This has to be a whole number")),
    "float_type": ("not_a_number", Message("ต้องเป็นตัวเลข", "This has to be a number")),
    "float_parsing": ("not_a_number", Message("ต้องเป็นตัวเลข", "This has to be a number")),
    "bool_type": ("not_true_or_false", Message("ต้องเป็นจริงหรือเท็จ", "This has to be true or false")),
    "bool_parsing": ("not_true_or_false", Message("ต้องเป็นจริงหรือเท็จ", "This has to be true or false")),
    "list_type": ("not_a_list", Message("ต้องเป็นรายการ", "This has to be a list")),
    "dict_type": ("not_an_object", Message("ต้องเป็นออบเจกต์", "This has to be an object")),
    "model_type": ("not_an_object", Message("ต้องเป็นออบเจกต์", "This has to be an object")),
    "model_attributes_type": ("not_an_object", Message("ต้องเป็นออบเจกต์", "This has to be an object")),
    "uuid_parsing": ("not_a_uuid", Message("ต้องเป็น UUID", "This has to be a UUID")),
    "uuid_type": ("not_a_uuid", Message("ต้องเป็น UUID", "This has to be a UUID")),
    "timezone_aware": ("no_time_zone", Message("วันเวลาต้องระบุเขตเวลา", "The time has to name its time zone")),
    "string_too_short": ("too_short", Message("ข้อความสั้นเกินไป", "This is too short")),
    "string_too_long": ("too_long", Message("ข้อความยาวเกินไป", "This is too long")),
    "too_short": ("too_few", Message("มีรายการน้อยเกินไป", "There are too few of these")),
    "too_long": ("too_many", Message("มีรายการมากเกินไป", "There are too many of these")),
    "string_pattern_mismatch": ("wrong_form", Message("รูปแบบไม่ถูกต้อง", "This has the wrong form")),
    "literal_error": ("not_a_choice", Message("ไม่อยู่ในตัวเลือกที่ใช้ได้", "This is not one of the choices")),
    "enum": ("not_a_choice", Message("ไม่อยู่ในตัวเลือกที่ใช้ได้", "This is not one of the choices")),
    "greater_than_equal": ("too_small", Message("ค่าน้อยเกินไป", "This is too small")),
    "greater_than": ("too_small", Message("ค่าน้อยเกินไป", "This is too small")),
    "less_than_equal": ("too_large", Message("ค่ามากเกินไป", "This is too large")),
    "less_than": ("too_large", Message("ค่ามากเกินไป", "This is too large")),
}

_DATES = Message("วันหรือเวลาไม่ถูกต้อง", "This is not a date or time")
_OTHER = Message("ค่าไม่ถูกต้อง", "This value is not valid")


class InvalidValue(ValueError):
    """Raised in a pydantic validator to name the code and the bilingual message of a bad field."""

    def __init__(self, code: str, message: Message) -> None:
        super().__init__(code)
        self.code = code
        self.message = message


def field_errors(errors: Sequence[Mapping[str, Any]]) -> list[FieldError]:
    """The bad fields of pydantic's `errors()`, at most `MAX_ERRORS`."""
    return [_field_error(error) for error in errors[:MAX_ERRORS]]


def _field_error(error: Mapping[str, Any]) -> FieldError:
    path = path_of(error["loc"])
    kind = str(error["type"])
    cause = error.get("ctx", {}).get("error")
    if isinstance(cause, InvalidValue):
        return FieldError(path, cause.code, cause.message)
    if kind == "json_invalid":
        path = ""
    if kind in _MESSAGES:
        return FieldError(path, *_MESSAGES[kind])
    if kind.startswith(("datetime_", "date_", "time_")):
        return FieldError(path, "not_a_time", _DATES)
    return FieldError(path, "invalid", _OTHER)


def path_of(location: Sequence[str | int]) -> str:
    """`("body", "persons", 0, "age")` as `persons[0].age`; the leading place (body, query, path, header) is left
    out."""
    parts = list(location)
    if parts and parts[0] in ("body", "query", "path", "header", "cookie"):
        parts = parts[1:]
    path = ""
    for part in parts:
        if isinstance(part, int):
            path += f"[{part}]"
        else:
            path += f".{part}" if path else part
    return path
