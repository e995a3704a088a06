"""Which area a row is about: by its code, by Thai or English names, or by both, which have to agree."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Final

from services.reporting.wholes.faults import BadCell
from services.reporting.wholes.words import plain, tidy
from shared.areas.register import AbolishedArea, Area, UnknownArea, children
from shared.areas.register import area as registered_area

COUNTRY: Final = frozenset(
    map(
        plain,
        ("ประเทศไทย", "ทั่วประเทศ", "ทั้งประเทศ", "รวมทั้งประเทศ", "รวมทั่วประเทศ", "Thailand", "whole country", "country"),
    )
)
_SUMS: Final = re.compile(r"(รวม|ทั้งหมด|ยอดรวม|total|sum|all)\w*")
_CODE: Final = re.compile(r"(?:TH-?)?(\d{2})[\s.-]?(\d{2})?[\s.-]?(\d{2})?[\s.-]?(\d{2})?(?:\.0)?", re.ASCII | re.I)
_TITLE: Final = re.compile(r"^(จังหวัด|จ\.|กิ่งอำเภอ|อำเภอ|อ\.|เขต|ตำบล|ต\.|แขวง)\s*")
_CAPITAL: Final = frozenset(map(plain, ("กทม", "กทม.", "กรุงเทพ", "กรุงเทพฯ", "กรุงเทพมหานครฯ")))


def read_area(code: str, name: str, province: str, district: str, subdistrict: str) -> str | None:
    """Return the code of the area that a row is about; None where it says none.

    name: of an area of any level; without a code, of a province. A row of a sum is about the area that it names
    besides: `จ.เชียงใหม่, รวม` is the province, `รวมทั้งประเทศ` the country. Raises `BadCell`: unknown_area,
    abolished_area, not_an_area, village, areas_disagree, unknown_name.
    """
    names = [_unless_sum(each) for each in (province or name, district, subdistrict)]
    if code.strip():
        found = _by_code(code)
        _demand_agreement(found, [_unless_sum(each) for each in (province, district, subdistrict)])
        if _unless_sum(name) and not _is_called(_unless_sum(name), found):
            raise BadCell("areas_disagree", f"{found.code} {found.name_th} ≠ {tidy(name)[:40]}")
        return found.code
    if any(plain(each) in COUNTRY for each in names):
        return ""
    if not any(names):
        return "" if any(map(str.strip, (name, province, district, subdistrict))) else None
    return _by_names(names)


def has_code(text: str) -> bool:
    """Tell whether a cell holds the code of an area of today or before."""
    try:
        _by_code(text)
    except AbolishedArea:
        return True
    except BadCell as error:
        return error.code == "abolished_area"
    return True


def _unless_sum(name: str) -> str:
    name = tidy(name)
    return "" if _SUMS.fullmatch(plain(name)) and plain(name) not in COUNTRY else name


def _by_code(text: str) -> Area:
    if plain(text) in COUNTRY:
        return registered_area("")
    found = _CODE.fullmatch(tidy(text))
    if found is None:
        raise BadCell("not_an_area", tidy(text)[:40])
    code = "".join(part or "" for part in found.groups())
    # Tables of the civil register write a district as 50010000 and the country as 00.
    while code.endswith("00"):
        code = code[:-2]
    if len(code) > 6:
        raise BadCell("village", code)
    try:
        return registered_area(code)
    except AbolishedArea as error:
        raise BadCell("abolished_area", f"{code} → {', '.join(error.successors) or '-'}") from None
    except UnknownArea:
        raise BadCell("unknown_area", code) from None


def _demand_agreement(area: Area, names: list[str]) -> None:
    """A code and a name that say different areas are a slip: which of them is right nobody knows here."""
    for digits, name in zip((2, 4, 6), names, strict=True):
        if not name or plain(name) in COUNTRY:
            continue
        if len(area.code) < digits:
            raise BadCell("areas_disagree", f"{area.code} {area.name_th} ≠ {name[:40]}")
        expected = registered_area(area.code[:digits])
        if not _is_called(name, expected):
            raise BadCell("areas_disagree", f"{expected.code} {expected.name_th} ≠ {name[:40]}")


def _is_called(name: str, area: Area) -> bool:
    called = COUNTRY if area.code == "" else _names_of(area)
    return bool({plain(name), plain(_bare(name))} & called)


def _by_names(names: list[str]) -> str:
    found = ""
    for name in names:
        if not name:
            if any(names[names.index(name) :]):
                raise BadCell("unknown_name", next(filter(None, names)))
            break
        below = _below(found)
        code = below.get(plain(name)) or below.get(plain(_bare(name)))
        if code is None:
            raise BadCell("unknown_name", name[:40])
        found = code
    return found


def _bare(name: str) -> str:
    return _TITLE.sub("", name)


@cache
def _names_of(area: Area) -> frozenset[str]:
    """What an area is called, without what is before it; a capital district also just เมือง, and Bangkok as it is."""
    names = {plain(word) for name in (area.name_th, area.name_en) for word in (name, _bare(name))}
    if area.parent and len(area.code) == 4 and area.name_th == f"เมือง{registered_area(area.parent).name_th}":
        names.add("เมือง")
    return frozenset(names | (_CAPITAL if area.code == "10" else frozenset()))


@cache
def _below(code: str) -> Mapping[str, str]:
    """The codes one level below by what they are called; a name of two areas is none."""
    found: dict[str, str] = {}
    twice = set()
    for area in children(code):
        for name in _names_of(area):
            if name in found:
                twice.add(name)
            found[name] = area.code
    return {name: one for name, one in found.items() if name not in twice}
