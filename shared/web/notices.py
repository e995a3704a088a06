"""Privacy notices: what people are told before they are asked about themselves, in dated versions.

A version is never edited: a new text is a new version with the day from which it holds, so that what was shown at a
visit or sign-up can always be said. Each service has its own; here is what they share.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from shared.observability.clock import BANGKOK
from shared.web.problems import Message

UNKNOWN_NOTICE: Final = Message("ไม่มีประกาศรุ่นนี้", "There is no such version of the notice")
"""What is said of a version that never was, under the code `unknown_notice`."""
MOST_VERSION: Final = 20
"""Characters of a version, such as `2022-01`."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One version. spoken: in two sentences, to be read out or shown first; text: the whole, by paragraphs."""

    version: str
    since: date
    spoken: Message
    text: Sequence[Message]


def current(notices: Sequence[Notice], now: datetime) -> Notice:
    """The version of `notices`, the oldest first, that holds at `now`; the first before any has begun."""
    today = now.astimezone(BANGKOK).date()
    return next((one for one in reversed(notices) if one.since <= today), notices[0])
