"""Texts of requests: titles of one line, and what people write in several."""

from __future__ import annotations

import unicodedata
from typing import Annotated

from pydantic import BeforeValidator, Field

from shared.web.problems import Message
from shared.web.validation import InvalidValue

_LINE_BREAK = "\n"


def _one_line(value: object) -> object:
    return _clean(value, "") if isinstance(value, str) else value


def _lines(value: object) -> object:
    return _clean(value.replace("\r\n", _LINE_BREAK), _LINE_BREAK + "\t") if isinstance(value, str) else value


def _clean(text: str, allowed: str) -> str:
    text = unicodedata.normalize("NFC", text).strip()
    if any(unicodedata.category(letter) in ("Cc", "Cs") and letter not in allowed for letter in text):
        raise InvalidValue("control_characters", Message("มีอักขระที่ใช้ไม่ได้", "This holds characters that cannot be used"))
    return text


Title = Annotated[str, Field(min_length=1, max_length=200), BeforeValidator(_one_line)]
"""One line on a phone has 40 characters; five are more than a title needs."""

ShortText = Annotated[str, Field(min_length=1, max_length=1000), BeforeValidator(_lines)]
"""A few sentences: a note or a reason."""

LongText = Annotated[str, Field(min_length=1, max_length=8000), BeforeValidator(_lines)]
"""Two printed pages; the ministry's own directive, attachments apart, has 2,500 characters."""

Place = Annotated[str, Field(min_length=1, max_length=500), BeforeValidator(_one_line)]
"""A page's address or a room's description; longer addresses hold what nobody follows by hand."""
