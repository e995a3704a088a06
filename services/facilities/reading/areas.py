"""The subdistrict of a place: by its code, or by Thai or English names in one cell or in several.

Names are compared by geothai's own matching. A name that several subdistricts have is told with all of them and never
decided here; a name that none has is told with those that look like it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache, lru_cache
from types import ModuleType
from typing import Any, Final

from services.facilities.reading.faults import Unreadable
from services.facilities.reading.words import plain
from shared.areas.register import AbolishedArea, UnknownArea, area, provinces, subdistricts

_CODE: Final = re.compile(
    r"(?:TH-?|tis-?1099:?)?\s*(\d{2})[\s.\-/]?(\d{2})?[\s.\-/]?(\d{2})?(?:[\s.\-/]?\d{2})?(?:\.0)?", re.ASCII | re.I
)
"""Of 2, 4 or 6 digits, with what people put between them; a village's two more digits are left out."""
_PART: Final = re.compile(r"(\d{1,2})(?:\.0)?", re.ASCII)
# No area's Thai name has a space in it.
_NAME: Final = r"\s*([^\s\d,/()]{2,40})"
_SUBDISTRICT: Final = re.compile(rf"(?:(?<!สาม)ตำบล|แขวง|(?<![ก-๛])ต\.){_NAME}")
_DISTRICT: Final = re.compile(rf"(?:กิ่งอำเภอ|อำเภอ|เขต|(?<![ก-๛])อ\.){_NAME}")
_PROVINCE: Final = re.compile(rf"(?:จังหวัด|(?<![ก-๛])จ\.){_NAME}|(กรุงเทพ\S{{0,12}}|กทม\.?)")
_LAST_WORD: Final = re.compile(r"(?:^|\s)([^\s\d,/().]{2,40})\s*$")
_SEPARATORS_TH: Final = re.compile(r"[\s,/>|]+")
_SEPARATORS_EN: Final = re.compile(r"\s*[,/>|]\s*")
_POSTAL: Final = re.compile(r"(?<!\d)\d{5}(?!\d)", re.ASCII)
_ABBREVIATIONS: Final = re.compile(r"ฯลฯ|ฯ")
_ABBREVIATED: Final = re.compile(r"ฯ.*$")
_NAMED_IN_FAULT: Final = 5
_SUBDISTRICT_DIGITS: Final = 6
_LONGEST_NAME: Final = 40


@dataclass(frozen=True, slots=True)
class Names:
    """What a row says of its area. `whole` is a code or an address in one cell."""

    whole: str = ""
    subdistrict: str = ""
    district: str = ""
    province: str = ""


@lru_cache(maxsize=16_384)
def read_area(names: Names, within: str = "") -> str:
    """Return the code of the subdistrict that is meant, or of a larger area where a code says so.

    within: names are looked for inside of this area only. Raises `Unreadable`: unknown_area, abolished_area,
    not_a_subdistrict, no_such_subdistrict, ambiguous_area, areas_disagree, required.
    """
    joined = _code_of_parts(names)
    code = joined or (_code(names.whole) if names.whole else None) or _code(names.subdistrict)
    if code is None and not names.subdistrict and names.whole:
        return _by_address(names, within)
    if code is None:
        if not names.subdistrict:
            raise Unreadable("not_a_subdistrict" if names.district or names.province else "required")
        _demand_no_larger_area(names.subdistrict)
        return _by_names(names.subdistrict, _name(names.district), _name(names.province), "", within)
    found = _registered(code)
    if not joined and len(found) == _SUBDISTRICT_DIGITS and names.subdistrict and _code(names.subdistrict) is None:
        _demand_agreement(found, names)
    return found


def _code(text: str) -> str | None:
    found = _CODE.fullmatch(text.strip())
    return "".join(part or "" for part in found.groups()) if found else None


def _code_of_parts(names: Names) -> str | None:
    """Put two digits of each level together, zeros restored; or the codes of levels that are named by longer ones."""
    parts = [_PART.fullmatch(text.strip()) for text in (names.province, names.district, names.subdistrict)]
    if all(parts):
        return "".join(part[1].zfill(2) for part in parts if part)
    return None


def _registered(code: str) -> str:
    try:
        return area(code).code
    except AbolishedArea as error:
        successors = ", ".join(described(each) for each in error.successors) or "-"
        raise Unreadable("abolished_area", code=code, successors=successors) from None
    except UnknownArea:
        raise Unreadable("unknown_area", code=code) from None


def _by_address(names: Names, within: str) -> str:
    """Find the subdistrict in an address of one cell, with the help of columns for district and province."""
    text = _ABBREVIATIONS.sub(" ", names.whole)
    district, province = _name(names.district), _name(names.province)
    if marked := _SUBDISTRICT.search(text):
        return _by_marks(text, marked, district, province, within)
    _demand_no_larger_area(text)
    postal = _POSTAL.search(text)
    bare = _POSTAL.sub(" ", text).strip()
    parts = [part for part in (_SEPARATORS_EN if bare.isascii() else _SEPARATORS_TH).split(bare) if part]
    if not parts or len(parts) > 3:
        raise Unreadable("no_such_subdistrict", name=names.whole[:60], near="")
    if len(parts) == 2 and not district and not province:
        # The second name may be a district's or a province's: both are asked.
        found = {*_matches(parts[0], parts[1], "", "", within), *_matches(parts[0], "", parts[1], "", within)}
        return _one(sorted(found), names.whole, parts[0], "", "")
    return _by_names(
        parts[0],
        parts[1] if len(parts) > 1 else district,
        parts[2] if len(parts) > 2 else province,
        postal[0] if postal else "",
        within,
    )


def _by_marks(text: str, subdistrict: re.Match[str], district: str, province: str, within: str) -> str:
    """Read ต.สุเทพ อ.เมือง จ.เชียงใหม่ 50200, in any order, house and road before it, จ. left out perhaps."""
    postal = _POSTAL.search(text)
    in_district, in_province = (
        _DISTRICT.search(text, subdistrict.end()) or _DISTRICT.search(text),
        _PROVINCE.search(text),
    )
    if in_province:
        province = in_province[1] or in_province[2]
    else:
        rest = _POSTAL.sub(" ", text[max(subdistrict.end(), in_district.end() if in_district else 0) :])
        last = _LAST_WORD.search(rest)
        province = last[1] if last and _province(last[1]) else province
    return _by_names(
        subdistrict[1], in_district[1] if in_district else district, province, postal[0] if postal else "", within
    )


def _by_names(subdistrict: str, district: str, province: str, postal: str, within: str) -> str:
    found = _matches(subdistrict, district, province, postal, within)
    if not found and postal:  # the post's borders are not the areas'
        found = _matches(subdistrict, district, province, "", within)
    return _one(found, " ".join(filter(None, (subdistrict, district, province))), subdistrict, district, province)


def _one(found: Sequence[str], asked: str, subdistrict: str, district: str, province: str) -> str:
    if len(found) == 1:
        return found[0]
    if found:
        places = "; ".join(described(code) for code in found[:_NAMED_IN_FAULT])
        raise Unreadable("ambiguous_area", places=places + (" ..." if len(found) > _NAMED_IN_FAULT else ""))
    if abolished := _abolished(subdistrict, district, province):
        successors = sorted({each for one in abolished for each in one.successors})
        told = ", ".join(described(each) for each in successors[:_NAMED_IN_FAULT]) or "-"
        raise Unreadable("abolished_area", code=" ".join((subdistrict, abolished[0].code)), successors=told)
    raise Unreadable("no_such_subdistrict", name=asked[:80], near=_alike(subdistrict, district, province))


def _matches(subdistrict: str, district: str, province: str, postal: str, within: str) -> list[str]:
    found = _geothai().match(
        _name(subdistrict),
        district=_name(district) or None,
        province=_name(province) or None,
        postal_code=postal or None,
    )
    codes = [one.subdistrict.code for one in found]
    return [code for code in codes if code.startswith(within)]


def _alike(subdistrict: str, district: str, province: str) -> str:
    """Name the subdistricts of the same name elsewhere, or else those of the province whose names look alike."""
    elsewhere = [one.subdistrict.code for one in _geothai().match(_name(subdistrict))]
    if not elsewhere:
        near, bare = _province(_name(province)), _bare(subdistrict)
        if near is None or not bare:
            return ""
        # Comparing costs 10 us a name, and a list may have 100,000 wrong ones: few begin with another letter.
        of_name = {one.name_th: one.code for one in subdistricts(near) if one.name_th[0] == bare[0]}
        elsewhere = [of_name[name] for name in get_close_matches(bare[:_LONGEST_NAME], of_name, 3, 0.7)]
    told = "; ".join(described(code) for code in elsewhere[:_NAMED_IN_FAULT])
    return f" ({told})" if told else ""


def _demand_no_larger_area(text: str) -> None:
    """Refuse อ.เมือง where a subdistrict has to be named: subdistricts of that name exist, and none of them is meant."""
    if re.match(r"อำเภอ|อ\.|จังหวัด|จ\.(?!ป\.ร)", text.strip()):
        raise Unreadable("not_a_subdistrict")


def _demand_agreement(code: str, names: Names) -> None:
    """Refuse a code and names that are both good and mean two places. Names that cannot be read stand back."""
    try:
        by_names = _by_names(names.subdistrict, _name(names.district), _name(names.province), "", "")
    except Unreadable:
        return
    if by_names != code:
        raise Unreadable("areas_disagree", place=described(code), name=described(by_names))


def described(code: str) -> str:
    """Return an area as people know it, with its code: สุเทพ เมืองเชียงใหม่ เชียงใหม่ (500108)."""
    names = [area(code[:digits]).name_th for digits in range(len(code), 0, -2)]
    return f"{' '.join(names)} ({code})"


def _name(text: str) -> str:
    """Return a name as geothai compares it; a code becomes the name of its area."""
    text = _ABBREVIATED.sub("", text).strip()
    code = _code(text) if text else None
    if code is not None:
        try:
            return area(code).name_th
        except UnknownArea:
            return text
    return text.removeprefix("กิ่ง").replace("กทม.", "กทม")


def _bare(text: str) -> str:
    return re.sub(r"^(?:ตำบล|แขวง|ต\.)\s*", "", text).strip()


def _province(name: str) -> str | None:
    bare = re.sub(r"^(?:จังหวัด|จ\.)\s*", "", name)
    return next((one.code for one in provinces() if bare in (one.name_th, one.name_en)), None)


@cache
def _geothai() -> ModuleType:
    # Its types and indexes take a third of a second and 5 MB, which a process that reads no lists does not need.
    import geothai

    module: ModuleType = geothai
    return module


def _abolished(subdistrict: str, district: str, province: str) -> list[Any]:
    # All abolished areas are gone through for each question: it is asked for their names only.
    if plain(_bare(subdistrict)) not in _abolished_names():
        return []
    from geothai.abolished import match_abolished

    found: list[Any] = match_abolished(
        _name(subdistrict), district=_name(district) or None, province=_name(province) or None
    )
    return found


@cache
def _abolished_names() -> frozenset[str]:
    from geothai.abolished import abolished_areas

    return frozenset(plain(name) for one in abolished_areas() for name in (one.name_th, one.name_en) if name)
