"""What a column seems to hold by what stands in it, where its title says nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

from services.facilities.reading.fields import Field
from services.facilities.reading.links import LINK
from services.facilities.reading.words import tidy
from shared.areas.register import is_current

_MOST: Final = 0.8
"""So much of a column has to look alike."""
_LEAST_CELLS: Final = 3
_LATITUDE: Final = re.compile(r"(?:[5-9]|1\d|20)\.\d{3,}", re.ASCII)
_LONGITUDE: Final = re.compile(r"(?:9[7-9]|10[0-5])\.\d{3,}", re.ASCII)
_PAIR: Final = re.compile(r"(?:[5-9]|1\d|20)\.\d{3,}\s*,\s*(?:9[7-9]|10[0-5])\.\d{3,}", re.ASCII)
_PHONE: Final = re.compile(r"0[2-9][\d\- ]{7,12}", re.ASCII)
_EMAIL: Final = re.compile(r"[^@\s]+@[^@\s]+\.[a-z]{2,}", re.I)

_LOOKS: Final[Sequence[tuple[Field, Callable[[str], object]]]] = (
    (Field.AREA, lambda text: len(text) == 6 and text.isdigit() and is_current(text)),
    (Field.POSITION, lambda text: _PAIR.fullmatch(text) or LINK.match(text)),
    (Field.LATITUDE, _LATITUDE.fullmatch),
    (Field.LONGITUDE, _LONGITUDE.fullmatch),
    (Field.PHONE, _PHONE.fullmatch),
    (Field.EMAIL, _EMAIL.fullmatch),
)


def field_of_contents(cells: Sequence[str]) -> Field | None:
    """Return what nearly all of some cells look like."""
    texts = [text for text in map(tidy, cells) if text]
    if len(texts) < _LEAST_CELLS:
        return None
    for field, looks in _LOOKS:
        if sum(bool(looks(text)) for text in texts) >= _MOST * len(texts):
            return field
    return None


def halves_of(cells: Sequence[str]) -> Field | None:
    """Return which half of a position a column holds whose title speaks of positions; None for whole ones."""
    texts = [text for text in map(tidy, cells) if text]
    for field, form in ((Field.LATITUDE, _LATITUDE), (Field.LONGITUDE, _LONGITUDE)):
        if texts and sum(bool(form.fullmatch(text)) for text in texts) >= _MOST * len(texts):
            return field
    return None
