"""The register of areas and the two boundary files of the map."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.areas import register
from shared.areas.digits import to_arabic_digits
from shared.areas.register import AbolishedArea, Area, UnknownArea

DATA = Path(register.__file__).with_name("data")


def test_the_country_has_77_provinces_928_districts_and_7436_subdistricts() -> None:
    provinces = register.provinces()
    districts = [district for province in provinces for district in register.children(province.code)]
    subdistricts = [each for district in districts for each in register.children(district.code)]
    assert (len(provinces), len(districts), len(subdistricts)) == (77, 928, 7436)
    assert tuple(subdistricts) == register.subdistricts()
    assert {each.level for each in subdistricts} == {"subdistrict"}


def test_an_area_knows_its_names_and_what_lies_around_it() -> None:
    assert register.area("500101") == Area("500101", "subdistrict", "ศรีภูมิ", "Si Phum", "5001")
    assert register.area("5001").parent == "50"
    assert register.area("50").parent == ""
    assert register.area("") == Area("", "country", "ประเทศไทย", "Thailand", None)
    assert register.area("1001").name_th == "เขตพระนคร"
    assert register.children("500101") == ()


@pytest.mark.parametrize("prefix", ["", "10", "50", "5001", "500101", "96"])
def test_subdistricts_are_those_that_begin_with_the_prefix(prefix: str) -> None:
    expected = [each for each in register.subdistricts() if each.code.startswith(prefix)]
    assert list(register.subdistricts(prefix)) == expected
    assert expected


def test_an_abolished_code_names_its_successors() -> None:
    with pytest.raises(AbolishedArea) as caught:
        register.area("100205")
    assert caught.value.code == "100205"
    assert caught.value.successors == ("102901",)
    assert str(caught.value) == "the area 100205 was abolished; it is now 102901"
    assert register.is_current("102901")
    with pytest.raises(AbolishedArea, match="nothing on record"):
        register.area("1081")


def test_every_successor_is_current_and_no_abolished_code_is() -> None:
    for code, successors in register._abolished().items():
        assert not register.is_current(code)
        assert all(register.is_current(each) for each in successors)


@pytest.mark.parametrize("code", ["5", "00", "9999", "500199", "50010101", "๕๐๐๑๐๑", " 50", "ab"])
def test_a_code_that_never_was_is_unknown(code: str) -> None:
    assert not register.is_current(code)
    for question in (register.area, register.children, register.subdistricts):
        with pytest.raises(UnknownArea) as caught:
            question(code)
        assert not isinstance(caught.value, AbolishedArea)
        assert caught.value.code == code


@given(st.text())
def test_thai_digits_become_arabic_and_nothing_else_changes(text: str) -> None:
    written = to_arabic_digits(text)
    assert len(written) == len(text)
    for before, after in zip(text, written, strict=True):
        assert after == ("0123456789"["๐๑๒๓๔๕๖๗๘๙".index(before)] if before in "๐๑๒๓๔๕๖๗๘๙" else before)


def test_thai_digits_of_a_house_number() -> None:
    assert to_arabic_digits("๙๙/๑ หมู่ ๓") == "99/1 หมู่ 3"


@pytest.mark.parametrize(("name", "codes"), [("provinces", 77), ("districts", 928)])
def test_boundaries_hold_exactly_the_areas_of_the_register(name: str, codes: int) -> None:
    path = DATA / f"{name}.topojson"
    topology: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    geometries = topology["objects"][name]["geometries"]
    assert len({geometry["properties"]["code"] for geometry in geometries}) == len(geometries) == codes
    for geometry in geometries:
        area = register.area(geometry["properties"]["code"])
        assert geometry["properties"] == {"code": area.code, "name_th": area.name_th, "name_en": area.name_en}
        assert area.level == name.removesuffix("s")
        assert geometry["type"] in {"Polygon", "MultiPolygon"}
        assert geometry["arcs"]
    # The page loads districts only when somebody asks for them, and a phone on 3G should still have them in seconds.
    assert path.stat().st_size < 450_000


@pytest.mark.parametrize("name", ["provinces", "districts"])
def test_boundaries_share_their_borders(name: str) -> None:
    topology: dict[str, Any] = json.loads((DATA / f"{name}.topojson").read_text(encoding="utf-8"))
    uses: dict[int, int] = {}
    for geometry in topology["objects"][name]["geometries"]:
        for arc in _arcs(geometry["arcs"]):
            uses[arc] = uses.get(arc, 0) + 1
    assert set(uses) == set(range(len(topology["arcs"])))
    assert max(uses.values()) == 2  # a border lies between two areas; three would be an overlap
    assert sum(count == 2 for count in uses.values()) > len(uses) / 5  # most of the others are islands


def test_boundaries_lie_in_thailand() -> None:
    for name in ("provinces", "districts"):
        topology: dict[str, Any] = json.loads((DATA / f"{name}.topojson").read_text(encoding="utf-8"))
        west, south, east, north = topology["bbox"]
        assert 97 < west < 98
        assert 5 < south < 6
        assert 105 < east < 106
        assert 20 < north < 21


def _arcs(value: Any) -> list[int]:
    """Flatten the nested arc numbers; a negative one is the same arc run backwards."""
    if isinstance(value, int):
        return [value if value >= 0 else ~value]
    return [arc for each in value for arc in _arcs(each)]
