"""Positions in links to maps: Google's usual forms, and geo: links."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote_plus

from services.facilities.reading.faults import Noted, Unreadable

LINK: Final = re.compile(r"(?:https?://|geo:|(?:www\.|maps\.)?google\.|maps\.app\.|goo\.gl)\S+", re.I)

_SHORT: Final = re.compile(
    r"^(?:https?://)?(?:goo\.gl|maps\.app\.goo\.gl|g\.co|g\.page|bit\.ly|shorturl\.at|tinyurl\.com|lin\.ee)/", re.I
)
_NUMBER: Final = r"([-+]?\d{1,3}(?:\.\d{1,20})?)"
_PAIR: Final = rf"{_NUMBER}\s*,\s*{_NUMBER}(?![\d.])"
_PIN: Final = re.compile(rf"!3d{_NUMBER}!4d{_NUMBER}")
# Longitude stands first in the older form of embedded maps.
_PIN_LON_FIRST: Final = re.compile(rf"!2d{_NUMBER}!3d{_NUMBER}")
_NAMED: Final = re.compile(rf"[?&#](?:q|query|ll|sll|daddr|destination|center|mlat)=(?:loc:)?\s*{_PAIR}", re.I)
_PATH: Final = re.compile(rf"/(?:place|search|dir)/(?:[^@]{{0,200}}?/)?{_PAIR}", re.I)
_DEGREES: Final = re.compile(r"/(?:place|search|dir)/([^/@?]{0,100}[°º][^/@?]{0,100})", re.I)
_GEO: Final = re.compile(rf"geo:{_PAIR}", re.I)
_VIEW: Final = re.compile(rf"@{_PAIR}")


def read_link(link: str) -> tuple[float, float, Noted | None] | str:
    """Return latitude and longitude that a link holds, with a note where they are only the middle of a view; or the
    text in degrees, minutes and seconds that stands in it.

    A pin comes before what was asked for, and that before the view. Raises `Unreadable`: short_link,
    no_position_in_link.
    """
    if _SHORT.match(link):
        raise Unreadable("short_link")
    link = unquote_plus(link)
    for pattern in (_PIN, _NAMED, _PATH, _GEO):
        if found := pattern.search(link):
            return float(found[1]), float(found[2]), None
    if found := _DEGREES.search(link):
        return found[1]
    if found := _PIN_LON_FIRST.search(link):
        return float(found[2]), float(found[1]), None
    if found := _VIEW.search(link):
        return float(found[1]), float(found[2]), Noted("map_view", {})
    raise Unreadable("no_position_in_link")
