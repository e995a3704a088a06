"""In which order persons are to be reached: dated data, with the sentence that explains each step on the screen.

A person's rank is the number of the first group that takes him; within a rank who has waited longest comes first,
which is not part of the rank since it changes by itself. The order is our own design, after the ministry's wish that
the bedridden and the risk group 608 come first; a change is an entry here.
"""

from bisect import bisect_right
from datetime import date
from functools import lru_cache
from typing import Final, NamedTuple

from shared.web.problems import Message


class Group(NamedTuple):
    """Persons of one rank. A condition that is None or False asks nothing; `least_age` takes nobody of unknown age."""

    meaning: Message
    home_visit: bool = False
    at_risk: bool = False
    least_age: int | None = None

    def takes(self, *, home_visit: bool, at_risk: bool, age: int | None) -> bool:
        """Whether a person belongs to the group."""
        return (
            (home_visit or not self.home_visit)
            and (at_risk or not self.at_risk)
            and (self.least_age is None or (age is not None and age >= self.least_age))
        )


class Priorities(NamedTuple):
    """From `since` on the groups are reached in this order; the last one takes everybody."""

    since: date
    groups: tuple[Group, ...]

    def rank_of(self, *, home_visit: bool, at_risk: bool, age: int | None) -> int:
        """The number of a person's group, 0 first. age: in years."""
        for rank, group in enumerate(self.groups):
            if group.takes(home_visit=home_visit, at_risk=at_risk, age=age):
                return rank
        raise LookupError("the last group takes everybody")


_BEDRIDDEN_AT_RISK = Group(
    Message("ผู้ป่วยติดเตียงหรือต้องเยี่ยมที่บ้าน ในกลุ่ม 608", "Needs a visit at home, and of the risk group 608"),
    home_visit=True,
    at_risk=True,
)
_BEDRIDDEN = Group(Message("ผู้ป่วยติดเตียงหรือต้องเยี่ยมที่บ้าน", "Needs a visit at home"), home_visit=True)
_AT_RISK = Group(Message("กลุ่ม 608", "Of the risk group 608"), at_risk=True)
_ADULTS = Group(Message("อายุ 18 ปีขึ้นไป", "18 years or older"), least_age=18)
_EVERYBODY = Group(Message("คนอื่น ๆ", "Everybody else"))

PRIORITIES: Final = (
    Priorities(date(2021, 2, 28), (_BEDRIDDEN_AT_RISK, _AT_RISK, _BEDRIDDEN, _ADULTS, _EVERYBODY)),
    # Omicron: the oldest died most, so that they come before others of the group.
    Priorities(
        date(2022, 1, 1),
        (
            _BEDRIDDEN_AT_RISK,
            _BEDRIDDEN,
            Group(Message("กลุ่ม 608 อายุ 80 ปีขึ้นไป", "608, 80 years or older"), at_risk=True, least_age=80),
            Group(Message("กลุ่ม 608 อายุ 70-79 ปี", "608, 70 to 79 years"), at_risk=True, least_age=70),
            _AT_RISK,
            _ADULTS,
            _EVERYBODY,
        ),
    ),
)
"""In the order of their dates; the first one holds for everything before the second."""

WITHIN_A_RANK: Final = Message("ในลำดับเดียวกัน ผู้ที่รอนานที่สุดมาก่อน", "Within a rank, who has waited longest comes first")

_STARTS: Final = [priorities.since for priorities in PRIORITIES]


@lru_cache(maxsize=4096)  # some days' visits; whatever else is sent does not pile up
def rank_on(day: date, home_visit: bool, at_risk: bool, age: int | None) -> int:
    """A person's rank by the priorities of a day in Thailand."""
    return priorities_on(day).rank_of(home_visit=home_visit, at_risk=at_risk, age=age)


def priorities_on(day: date) -> Priorities:
    """The priorities of a day in Thailand."""
    return PRIORITIES[max(0, bisect_right(_STARTS, day) - 1)]
