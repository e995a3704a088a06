"""When organisations are reminded of places that nobody has confirmed, and when coordinators hear of them.

The directive (clause 3) asks for fresh data every week. Weeks are Thailand's, from Monday, as the register's are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

BANGKOK: Final = ZoneInfo("Asia/Bangkok")
EARLIEST: Final = time(8)
LATEST: Final = time(20)
"""Nobody is woken by a phone: what is left at eight in the evening goes out in the morning."""


class Stage(StrEnum):
    """What a notice is for."""

    REMINDER = "reminder"
    ESCALATION = "escalation"


BEGINS: Final[Mapping[Stage, tuple[int, time]]] = {
    Stage.REMINDER: (2, time(9)),
    Stage.ESCALATION: (4, time(9)),
}
"""Wednesday leaves three working days to look after the places; Friday one, to a coordinator who calls. A round that
was missed is made later in its week, and not in the next."""


@dataclass(frozen=True, slots=True)
class Neglected:
    """Open places of an organisation (None: nobody keeps them) in a district that nobody has confirmed this week.

    due: last confirmed in the week before; overdue: more than seven days ago; emails: the institutions' own addresses.
    """

    organisation_id: UUID | None
    district: str
    due: int
    overdue: int
    emails: Sequence[str]


@dataclass(frozen=True, slots=True)
class Notice:
    """What is told: to an organisation about its places, or to a district's coordinator about those there."""

    stage: Stage
    organisation_id: UUID | None
    area: str | None
    due: int
    overdue: int
    emails: Sequence[str] = ()


def week_of(now: datetime) -> date:
    """The Monday of the present week in Thailand."""
    local = now.astimezone(BANGKOK).date()
    return local - timedelta(days=local.weekday())


def begun(now: datetime) -> Sequence[Stage]:
    """The rounds that should have been made in this week."""
    local = now.astimezone(BANGKOK)
    week = week_of(now)
    return [
        stage
        for stage, (weekday, at) in BEGINS.items()
        if local >= datetime.combine(week + timedelta(days=weekday), at, BANGKOK)
    ]


def may_send(now: datetime) -> bool:
    """Whether it is day."""
    return EARLIEST <= now.astimezone(BANGKOK).time() < LATEST


def notices(stage: Stage, neglected: Sequence[Neglected], most_emails: int) -> Sequence[Notice]:
    """What is to be told in a round: each organisation once, or each district with overdue places once."""
    groups: dict[UUID | str, list[Neglected]] = {}
    for one in neglected:
        key = one.organisation_id if stage is Stage.REMINDER else (one.district if one.overdue else None)
        if key is not None:
            groups.setdefault(key, []).append(one)
    return [
        Notice(
            stage,
            key if isinstance(key, UUID) else None,
            key if isinstance(key, str) else None,
            sum(one.due for one in those),
            sum(one.overdue for one in those),
            sorted({email for one in those for email in one.emails})[:most_emails] if isinstance(key, UUID) else (),
        )
        for key, those in groups.items()
    ]


def text_of(stage: Stage, due: int, overdue: int, link: str) -> str:
    """The message, Thai first."""
    if stage is Stage.REMINDER:
        return (
            f"Jitasa: สถานที่ของหน่วยงานท่าน {due + overdue} แห่งยังไม่ได้ยืนยันข้อมูลสัปดาห์นี้ "
            f"(เกินกำหนด {overdue} แห่ง) โปรดยืนยันที่ {link} / "
            f"{due + overdue} places of your organisation are not confirmed this week, {overdue} of them overdue"
        )
    return (
        f"Jitasa: ในเขตของท่านมีสถานที่ {overdue} แห่งที่ไม่ได้ยืนยันข้อมูลเกิน 7 วัน โปรดติดตามที่ {link} / "
        f"{overdue} places in your district were not confirmed for more than 7 days"
    )


def subject_of(stage: Stage) -> str:
    """An e-mail's subject."""
    if stage is Stage.REMINDER:
        return "โปรดยืนยันข้อมูลสถานที่ประจำสัปดาห์ / Please confirm your places this week"
    return "สถานที่ที่เกินกำหนดยืนยันข้อมูล / Places that are overdue"
