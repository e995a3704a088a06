"""Where a running stack can be reached: what the demo and the checks need to know of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Addresses:
    """Base addresses of the four services, without a slash at the end, and a central administrator's credentials."""

    registration: str
    survey: str
    facilities: str
    reporting: str
    sms_sink: Path
    """One-time codes as JSON lines, instead of phones."""
    client_id: str
    client_secret: str
