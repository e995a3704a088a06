"""The kinds of place: the directive's five, and further ones that are data."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from shared.contracts.events import FacilityKind


class Field(StrEnum):
    """What is asked of some kinds only."""

    LANES_PER_HOUR = "lanes_per_hour"
    VACCINES = "vaccines"
    ACCESS = "access"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of place. beds: its capacity is beds, some of them free; otherwise persons a day. standard: one of the
    directive's five."""

    kind: str
    th: str
    en: str
    beds: bool
    fields: frozenset[Field]
    standard: bool = False


Kinds = Mapping[str, Kind]
"""Every kind that is known, by its name."""

_POINT = frozenset({Field.LANES_PER_HOUR, Field.ACCESS})

STANDARD: Kinds = {
    kind.kind: kind
    for kind in (
        Kind(FacilityKind.TEST_POINT, "จุดตรวจโควิด", "Test point", False, _POINT, True),
        Kind(FacilityKind.VACCINATION_POINT, "จุดฉีดวัคซีน", "Vaccination point", False, _POINT | {Field.VACCINES}, True),
        Kind(FacilityKind.HOSPITAL, "โรงพยาบาล", "Hospital", True, frozenset(Field), True),
        Kind(FacilityKind.FIELD_HOSPITAL, "โรงพยาบาลสนาม", "Field hospital", True, frozenset({Field.ACCESS}), True),
        Kind(FacilityKind.WAITING_CENTRE, "ศูนย์พักคอย", "Waiting centre", True, frozenset({Field.ACCESS}), True),
    )
}
"""The five of the directive (clause P), as the migration has them too. A hospital also tests and vaccinates."""

KIND_STAYS: Final = (
    "kind_stays",
    "สถานที่ในห้าประเภทเปลี่ยนเป็นประเภทอื่นนอกห้าประเภทไม่ได้ และกลับกัน โปรดปิดสถานที่นี้แล้วลงทะเบียนใหม่",
    "A place of the five kinds cannot become one of another kind, nor the reverse: close it and enter it anew",
)
"""Code and sentences for a change that `crosses`."""


def crosses(before: str, after: str) -> bool:
    """Whether a change of kind would move a place between the streams of the five and of further kinds.

    Who reads one stream only would then have to be told that a place is gone, which no event of the contract says.
    """
    return (before in STANDARD) != (after in STANDARD)
