"""Where a place lies, as a FHIR Address; and which areas somebody means who names one."""

from collections.abc import Sequence
from enum import Enum
from functools import cache
from typing import Any, Final, NamedTuple

from services.facilities.http.fhir.names import AREA_CODE, TRANSLATION
from shared.areas.digits import to_arabic_digits
from shared.areas.register import Area, area, children, provinces, subdistricts

COUNTRY: Final = "TH"
BANGKOK: Final = "10"
_WORDS: Final = ("จังหวัด", "อำเภอ", "เขต", "ตำบล", "แขวง", "จ.", "อ.", "ต.")


class Part(Enum):
    """What of an address is an area, by how many digits its code has."""

    STATE = 2
    DISTRICT = 4
    CITY = 6


class Match(Enum):
    """How a name has to be matched."""

    STARTS = "starts"
    CONTAINS = "contains"
    EXACT = "exact"


def address_of(code: str) -> dict[str, Any]:
    """The address of a subdistrict: Thai names, each with its English one."""
    province, district, subdistrict = area(code[:2]), area(code[:4]), area(code)
    bangkok = province.code == BANGKOK
    first = (
        f"แขวง{subdistrict.name_th} เขต{_bare(district)}"
        if bangkok
        else f"ตำบล{subdistrict.name_th} อำเภอ{district.name_th}"
    )
    return {
        "extension": [{"url": AREA_CODE, "valueCode": code}],
        "use": "work",
        "type": "physical",
        "text": f"{first} {province.name_th}" if bangkok else f"{first} จังหวัด{province.name_th}",
        "city": subdistrict.name_th,
        "_city": _translated(subdistrict),
        "district": district.name_th,
        "_district": _translated(district),
        "state": province.name_th,
        "_state": _translated(province),
        "country": COUNTRY,
    }


def subdistricts_named(text: str, parts: Sequence[Part], match: Match) -> list[str]:
    """The codes of all subdistricts in the areas of a name, Thai or English, or of a code of 2, 4 or 6 digits."""
    asked = text if match is Match.EXACT else text.strip().casefold()
    word = next((word for word in _WORDS if asked.startswith(word) and len(asked) > len(word)), "")
    wanted = _Wanted(asked, asked[len(word) :].strip() if word else None, to_arabic_digits(asked), match)
    found: set[str] = set()
    for part in parts:
        for spelling in _spellings(part):
            if wanted.is_meant(spelling):
                found.update(one.code for one in subdistricts(spelling.code))
    return sorted(found)


class _Spelling(NamedTuple):
    code: str
    thai: str
    english: str
    small: str


class _Wanted(NamedTuple):
    asked: str
    without_word: str | None
    code: str
    match: Match

    def is_meant(self, area: _Spelling) -> bool:
        asked = self.asked
        if self.match is Match.EXACT:
            return asked in (area.thai, area.english, area.code)
        if self.match is Match.CONTAINS:
            return asked in area.thai or asked in area.small or self.code == area.code
        if area.thai.startswith(asked) or area.small.startswith(asked) or self.code == area.code:
            return True
        return self.without_word is not None and area.thai.removeprefix("เขต").startswith(self.without_word)


@cache
def _spellings(part: Part) -> Sequence[_Spelling]:
    found: Sequence[Area] = subdistricts() if part is Part.CITY else provinces()
    if part is Part.DISTRICT:
        found = [district for province in found for district in children(province.code)]
    return tuple(_Spelling(each.code, each.name_th, each.name_en, each.name_en.casefold()) for each in found)


def _bare(district: Area) -> str:
    return district.name_th.removeprefix("เขต")


def _translated(each: Area) -> dict[str, Any]:
    return {
        "extension": [
            {
                "url": TRANSLATION,
                "extension": [{"url": "lang", "valueCode": "en"}, {"url": "content", "valueString": each.name_en}],
            }
        ]
    }
