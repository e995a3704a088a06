"""The monitor as a list for spreadsheets."""

from collections.abc import Mapping, Sequence
from typing import Final, Literal

from services.reporting.monitor.answers import MonitorRow
from shared.areas.register import UnknownArea
from shared.areas.register import area as registered_area
from shared.contracts.events import VolunteerStatus

Language = Literal["th", "en"]

TITLES: Final[Mapping[Language, Sequence[str]]] = {
    "th": (
        *("ลำดับ", "รหัสพื้นที่", "จังหวัด", "อำเภอ/เขต", "ตำบล/แขวง", "สถานะ", "ครัวเรือนที่สำรวจในช่วงเวลา", "ครัวเรือนใหม่"),
        *("สำรวจซ้ำ", "วันที่มีผลล่าสุด", "จำนวนวันที่ไม่มีผล", "7 วันล่าสุด", "7 วันก่อนหน้า", "เปลี่ยนแปลง"),
        *("สำรวจแล้วทั้งหมด", "จำนวนบ้าน", "ร้อยละของบ้าน", "ครัวเรือนใหม่ต่อวัน", "คาดว่าแล้วเสร็จ", "ผู้ประสานงาน"),
    ),
    "en": (
        *("Rank", "Area code", "Province", "District", "Subdistrict", "State", "Households surveyed in the period"),
        *("New households", "Surveyed again", "Day of the last result", "Days since", "Last 7 days", "7 days before"),
        *("Change", "Surveyed in all", "Houses", "Per cent of houses", "New households a day", "Expected completion"),
        "Coordinators",
    ),
}

_STATES: Final[Mapping[Language, Mapping[str, str]]] = {
    "th": {"never": "ยังไม่เคยมีผล", "none": "ไม่มีผลในช่วงนี้", "some": "มีผล", "complete": "ครบแล้ว"},
    "en": {"never": "never any", "none": "none in the period", "some": "some", "complete": "complete"},
}
_FORECASTS: Final[Mapping[Language, Mapping[str, str]]] = {
    "th": {"complete": "ครบแล้ว", "standing": "ไม่มีความคืบหน้า", "beyond": "เกินสิบปี", "no_houses": "ไม่ทราบจำนวนบ้าน"},
    "en": {
        "complete": "complete",
        "standing": "no progress",
        "beyond": "beyond ten years",
        "no_houses": "houses unknown",
    },
}


def cells_of(row: MonitorRow, language: Language) -> Sequence[object]:
    """Return the cells of one area, in the order of `TITLES`; days as they sort, per cents with one decimal."""
    named = [_name(row.area[:digits], language) for digits in range(2, len(row.area) + 1, 2)]
    progress, ends = row.progress, row.forecast
    return (
        row.rank,
        row.area,
        *named,
        *[""] * (3 - len(named)),
        _STATES[language][row.state],
        row.surveyed,
        row.households,
        row.revisits,
        None if row.last_day is None else row.last_day.isoformat(),
        row.days_since,
        row.week,
        row.week_before,
        _per_cent(row.trend),
        progress.numerator,
        progress.denominator,
        _per_cent(progress.ratio),
        round(row.pace, 1),
        ends.day.isoformat() if ends.day is not None else _FORECASTS[language][ends.state],
        row.coordinators.get(VolunteerStatus.APPROVED, 0),
    )


def _per_cent(part: float | None) -> float | None:
    return None if part is None else round(100 * part, 1)


def _name(code: str, language: Language) -> str:
    try:
        found = registered_area(code)
    except UnknownArea:  # was abolished since it was surveyed
        return code
    return found.name_th if language == "th" else found.name_en
