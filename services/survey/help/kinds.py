"""What help can be asked for, and how soon it has to come: data, to be changed here and nowhere else.

The times are the house's own proposal: the directive names none. Breathing comes first, then what cannot wait for the
next day; what is planned has days.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of help.

    accept_within: somebody has to have accepted it by then; complete_within: and brought it to an end, from the
    acceptance on; hand_up_every: so long after a deadline, and again so long after that, the next one above is told;
    expires_after: of nothing happening, it is given up.
    """

    code: str
    name_th: str
    name_en: str
    accept_within: timedelta
    complete_within: timedelta
    hand_up_every: timedelta
    expires_after: timedelta


def _hours(hours: float) -> timedelta:
    return timedelta(hours=hours)


KINDS: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        kind.code: kind
        for kind in (
            Kind("oxygen", "ออกซิเจน", "Oxygen", _hours(0.25), _hours(2), _hours(0.25), _hours(48)),
            Kind("bed", "เตียงผู้ป่วย", "Hospital bed", _hours(0.5), _hours(6), _hours(0.5), _hours(72)),
            Kind("medicine", "ยา", "Medicine", _hours(2), _hours(24), _hours(1), _hours(96)),
            Kind("food", "อาหาร น้ำ ของใช้", "Food and supplies", _hours(4), _hours(24), _hours(2), _hours(96)),
            Kind("transport", "รถรับส่ง", "Transport", _hours(2), _hours(12), _hours(1), _hours(72)),
            Kind(
                "vaccine_at_home",
                "ฉีดวัคซีนที่บ้าน",
                "Vaccination at home",
                _hours(24),
                _hours(14 * 24),
                _hours(24),
                _hours(30 * 24),
            ),
            Kind("advice", "คำปรึกษา", "Advice", _hours(4), _hours(24), _hours(4), _hours(7 * 24)),
            Kind("other", "เรื่องอื่น", "Something else", _hours(4), _hours(48), _hours(4), _hours(7 * 24)),
        )
    }
)
"""By code, the most urgent first. A kind that was taken away would leave its open requests without a rule: add only."""
