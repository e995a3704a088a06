"""Months of Thailand's, by whose ends other systems take figures."""

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date
from typing import Final

EARLIEST: Final = "2020-01"
"""Before the epidemic nothing was surveyed."""


class NotAMonth(ValueError):
    """The text is no month."""


class FutureMonth(ValueError):
    """The month has not begun."""


@dataclass(frozen=True, slots=True)
class Month:
    """A month until `until`: its last day, or today while it is not over."""

    first: date
    last: date
    until: date

    @property
    def over(self) -> bool:
        """Whether all of its days are."""
        return self.until == self.last


def month_of(text: str, today: date, *, between: str = "-") -> Month:
    """The month of YYYY-MM, or with nothing between; raises `NotAMonth` and `FutureMonth`."""
    found = re.fullmatch(rf"([0-9]{{4}}){between}(0[1-9]|1[0-2])", text)
    if found is None or f"{found[1]}-{found[2]}" < EARLIEST:
        raise NotAMonth
    year, number = int(found[1]), int(found[2])
    first = date(year, number, 1)
    if first > today:
        raise FutureMonth
    last = first.replace(day=monthrange(year, number)[1])
    return Month(first, last, min(last, today))
