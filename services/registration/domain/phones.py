"""Phone numbers of volunteers: Thai mobile ones, to which alone codes are sent."""

from __future__ import annotations

import re

from shared.areas.digits import to_arabic_digits
from shared.security.identifiers import MAX_LENGTH, InvalidIdentifier, mobile_number

# With an international prefix, and not the one of Thailand. The prefix 00 is not that of a Thai number without one.
_ABROAD = re.compile(r"\s*(?:\+|00)[\s\-.()]*(?!66)[1-9]")


def thai_mobile(text: str) -> str:
    """Return a Thai mobile number as 10 digits. Raises `InvalidIdentifier`: mobile_foreign for a number that names
    another country, mobile_malformed for anything else."""
    try:
        return mobile_number(text)
    except InvalidIdentifier:
        if _ABROAD.match(to_arabic_digits(text[:MAX_LENGTH])):
            raise InvalidIdentifier("mobile_foreign") from None
        raise
