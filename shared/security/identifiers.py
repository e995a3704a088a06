"""Thai national ids and mobile numbers as people write them: checked, and brought to one spelling."""

from __future__ import annotations

import re

from shared.areas.digits import to_arabic_digits

# What people put between the digits, and what copying leaves there: zero-width spaces, soft hyphens, many dashes.
_BETWEEN = re.compile(r"[\s\-.()\u00ad\u2010-\u2015\u2212\u200b-\u200d\u2060\ufeff]+")
_NATIONAL_ID = re.compile(r"[0-8]\d{12}", re.ASCII)
_MOBILE = re.compile(r"0[689]\d{8}", re.ASCII)
_ABROAD = re.compile(r"(?:\+|00)?66(?=[689]\d{8}\Z)", re.ASCII)

MAX_LENGTH = 40  # a national id with a separator after each digit has 25 characters; longer text is none


class InvalidIdentifier(ValueError):
    """Text that is not a Thai national id or mobile number.

    `code` is one of national_id_malformed, national_id_check_digit, mobile_malformed. The text itself is left out on
    purpose: errors are logged.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def national_id(text: str) -> str:
    """Return the 13 digits of a national id. Thai digits and separators are accepted. Raises `InvalidIdentifier`."""
    digits = _digits(text)
    if not _NATIONAL_ID.fullmatch(digits):
        raise InvalidIdentifier("national_id_malformed")
    if int(digits[12]) != check_digit(digits[:12]):
        raise InvalidIdentifier("national_id_check_digit")
    return digits


def check_digit(twelve: str) -> int:
    """Return the 13th digit that belongs to the first `twelve` of a national id."""
    weighted = sum(int(digit) * (13 - place) for place, digit in enumerate(twelve))
    return (11 - weighted % 11) % 10


def mobile_number(text: str) -> str:
    """Return a Thai mobile number as 10 digits, 08xxxxxxxx; +66 8... means the same. Raises `InvalidIdentifier`."""
    if _MOBILE.fullmatch(text):
        return text
    digits = _ABROAD.sub("0", _digits(text))
    if not _MOBILE.fullmatch(digits):
        raise InvalidIdentifier("mobile_malformed")
    return digits


def _digits(text: str) -> str:
    return _BETWEEN.sub("", to_arabic_digits(text)) if len(text) <= MAX_LENGTH else ""
