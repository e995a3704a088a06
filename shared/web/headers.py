"""The headers of safety: those of every answer, and those that an answer has unless its route says otherwise.

What forgets to say how it may be kept or shown is kept by nobody and shown nowhere.
"""

from collections.abc import Iterable
from typing import Final

Header = tuple[bytes, bytes]

ALWAYS: Final[tuple[Header, ...]] = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"permissions-policy", b"camera=(), geolocation=(self), microphone=()"),
)
UNLESS_SAID: Final[tuple[Header, ...]] = (
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)
"""An answer may hold personal data, and is no page."""
OVER_TLS: Final[tuple[Header, ...]] = ((b"strict-transport-security", b"max-age=31536000"),)
"""For a year. Only for this host: those below its name may be others' to decide about."""


def safe(headers: Iterable[Header], scheme: str) -> list[Header]:
    """`headers` of an answer with those of safety. scheme: by which the client came, as a trusted proxy says."""
    given = list(headers)
    names = {name.lower() for name, _ in given}
    missing = (each for each in UNLESS_SAID if each[0] not in names)
    return [*given, *ALWAYS, *missing, *(OVER_TLS if scheme == "https" else ())]
