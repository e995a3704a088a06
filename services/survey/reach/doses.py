"""How many doses a person has to have had to lack none: it changed while vaccines and variants came, so it is data.

The dates are our own reading of what the ministry announced and are to be confirmed by it; a change is a line here.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from datetime import date
from functools import lru_cache
from typing import Final, NamedTuple

from shared.web.problems import Message

JANSSEN: Final = "212"
"""CVX code of the vaccine whose first course is one dose."""


class DoseRule(NamedTuple):
    """From `since` on, a person lacks vaccine with fewer than `doses`, or than those of a vaccine among his doses.

    by_vaccine: by CVX code; of several that were given the fewest count.
    """

    since: date
    doses: int
    by_vaccine: Mapping[str, int]
    meaning: Message

    def needed(self, vaccines: Iterable[str | None]) -> int:
        """How many doses lack nothing, for somebody who had doses of these vaccines."""
        by_vaccine = self.by_vaccine
        return min((by_vaccine.get(vaccine or "", self.doses) for vaccine in vaccines), default=self.doses)


RULES: Final = (
    DoseRule(
        date(2020, 12, 1),
        2,
        {JANSSEN: 1},
        Message("ครบเมื่อได้รับ 2 เข็ม หรือ Janssen 1 เข็ม", "Complete with two doses, or one of Janssen"),
    ),
    DoseRule(
        date(2021, 12, 20),
        3,
        {JANSSEN: 2},
        Message(
            "ครบเมื่อได้รับเข็มกระตุ้น: 3 เข็ม หรือ Janssen 1 เข็มกับเข็มกระตุ้น",
            "Complete with the booster: three doses, or one of Janssen and the booster",
        ),
    ),
)
"""In the order of their dates; the first one holds for everything before the second."""

_STARTS: Final = [rule.since for rule in RULES]


@lru_cache(maxsize=1024)  # days; whatever else is sent does not pile up
def rule_on(day: date) -> DoseRule:
    """The rule of a day in Thailand."""
    return RULES[max(0, bisect_right(_STARTS, day) - 1)]
