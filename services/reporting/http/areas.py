"""Which areas a reader asks for, and what is wrong with a code."""

from bisect import bisect_right
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Annotated, Final

from fastapi import Depends, Query
from pydantic import BaseModel, ConfigDict

from services.reporting.areas import DIGITS, LEVELS, areas_of
from services.reporting.http.cursors import not_a_cursor
from shared.areas.digits import to_arabic_digits
from shared.areas.register import Area, Level, UnknownArea
from shared.areas.register import area as registered_area
from shared.web.fields import area_refusal
from shared.web.problems import FieldError, Message, Problem

__all__ = ["DIGITS", "LEVELS", "Asked", "Wanted", "area_error", "area_of", "areas_of", "read_code"]

MOST_AREAS: Final = 10_000
"""More than there are of any level: without a limit an answer has all of them, as a map needs them."""


def read_code(text: str) -> Area:
    """The area of a code, Thai digits accepted; raises `UnknownArea`."""
    return registered_area(to_arabic_digits(text).strip())


def area_of(text: str) -> Area:
    """The area that the query's `area` names; raises a problem."""
    try:
        return read_code(text)
    except UnknownArea as error:
        raise Problem(400, "invalid", errors=[area_error("area", error)]) from None


def area_error(path: str, error: UnknownArea) -> FieldError:
    """What is wrong with the code at `path`; of an abolished area, its successors."""
    return FieldError(path, *area_refusal(error))


@dataclass(frozen=True, slots=True)
class Page:
    """Some of the areas that are asked for; `cursor` leads to the next ones and is null on the last page."""

    areas: Sequence[Area]
    cursor: str | None


class Asked(BaseModel):
    """Which areas are asked for: those of `level` inside `area`, `limit` of them behind `after`."""

    model_config = ConfigDict(frozen=True)

    area: str
    level: Level
    after: str = ""
    limit: int = MOST_AREAS

    @property
    def key(self) -> tuple[str, str, str, int]:
        """What of this makes two answers differ."""
        return self.area, self.level, self.after, self.limit

    @property
    def around(self) -> str:
        """The area whose figures have to be known: of subdistricts the whole district's, since what may be shown of one
        depends on the others."""
        return self.area[: DIGITS["district"]] if self.level == "subdistrict" else self.area

    @property
    def digits(self) -> int:
        """How long the codes of the level are."""
        return DIGITS[self.level]

    def page(self, found: Collection[str | None], at_most: int = MOST_AREAS) -> Page:
        """The areas that are asked for, with results or without, or fewer where an answer has room for `at_most`.

        Codes that were `found` and are no longer in the register are listed as well, under the code for a name: what
        was surveyed before an area was abolished stays, and the rows sum up to the row above them.
        """
        current = areas_of(self.area, self.level)
        codes = {area.code for area in current}
        former = sorted(code for code in found if code and code.startswith(self.area) and code not in codes)
        areas = [*current, *(Area(code, self.level, code, code, code[:-2]) for code in former)]
        if former:
            areas.sort(key=attrgetter("code"))
        first = bisect_right(areas, self.after, key=attrgetter("code")) if self.after else 0
        last = first + min(self.limit, at_most)
        return Page(areas[first:last], areas[last - 1].code if last < len(areas) else None)


def asked_for(area: str, level: Level | None, cursor: str | None, limit: int, *, named: str = "cursor") -> Asked:
    """What a query asks for; raises a problem. named: the name of the parameter that holds the cursor."""
    found = area_of(area)
    own = LEVELS.index(found.level)
    if level is None:
        level = LEVELS[min(own + 1, len(LEVELS) - 1)]
    if LEVELS.index(level) < own:
        message = Message("ระดับนี้กว้างกว่าพื้นที่ที่ถาม", "This level is wider than the area that is asked for")
        raise Problem(400, "invalid", errors=[FieldError("level", "wider_than_area", message)])
    after = cursor or ""
    if after and not (after.isascii() and after.isdigit() and len(after) == DIGITS[level]):
        raise not_a_cursor(named)
    return Asked(area=found.code, level=level, after=after, limit=limit)


AreaAsked = Annotated[str, Query(max_length=20, description="Code of 2, 4 or 6 digits; the country without")]
LevelAsked = Annotated[Level | None, Query(description="Broken down to; without it, one level below `area`")]


def _asked(
    area: AreaAsked = "",
    level: LevelAsked = None,
    cursor: Annotated[str | None, Query(max_length=20, description="Of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=MOST_AREAS, description="Areas in one answer")] = MOST_AREAS,
) -> Asked:
    """What the query asks for."""
    return asked_for(area, level, cursor, limit)


Wanted = Annotated[Asked, Depends(_asked)]
