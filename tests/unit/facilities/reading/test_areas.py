"""Areas by codes and by names: what is clear is read, what is not is told and never guessed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.facilities.reading.areas import Names, described, read_area
from services.facilities.reading.faults import Unreadable
from shared.areas.register import Area, area, subdistricts

SUTHEP = "500108"


@pytest.mark.parametrize(
    "names",
    [
        Names("500108"),
        Names("50-01-08"),
        Names("50 01 08"),
        Names("TH500108"),
        Names("500108.0"),
        Names("50010803"),
        Names(province="50", district="1", subdistrict="8"),
        Names(province="50", district="01", subdistrict="08"),
        Names(subdistrict="500108"),
        Names(subdistrict="สุเทพ", district="5001"),
        Names("ต.สุเทพ อ.เมือง จ.เชียงใหม่"),
        Names("123/4 ม.4 ถ.สมมุติ ต.สุเทพ อ.เมืองเชียงใหม่ จ.เชียงใหม่ 50200"),
        Names("ตำบลสุเทพ อำเภอเมืองเชียงใหม่ จังหวัดเชียงใหม่"),
        Names("จังหวัดเชียงใหม่ อำเภอเมืองเชียงใหม่ ตำบลสุเทพ"),
        Names("ต.สุเทพ อ.เมือง เชียงใหม่"),
        Names("สุเทพ/เมือง/เชียงใหม่"),
        Names("สุเทพ เชียงใหม่"),
        Names("Suthep, Mueang Chiang Mai, Chiang Mai"),
        Names(subdistrict="ต.สุเทพ", district="อ.เมืองฯ", province="จ.เชียงใหม่"),
        Names("ต.สุเทพ อ.เมือง", province="เชียงใหม่"),
        Names("500108", subdistrict="สุเทพ", district="เมือง", province="เชียงใหม่"),
        Names("500108", subdistrict="ที่อ่านไม่ได้"),
    ],
)
def test_one_subdistrict_is_read_in_any_spelling(names: Names) -> None:
    assert read_area(names) == SUTHEP


@pytest.mark.parametrize(
    ("names", "code", "named"),
    [
        (Names("999999"), "unknown_area", "999999"),
        (Names("500201"), "abolished_area", "502403"),
        (Names(subdistrict="แขวงบางนา", district="เขตบางนา", province="กทม."), "abolished_area", "104702"),
        (Names("วังทอง"), "ambiguous_area", "วังทอง"),
        (Names(subdistrict="ในเมือง", district="เมือง"), "ambiguous_area", "เมืองนครราชสีมา"),
        (Names(subdistrict="สุเทพย์", province="เชียงใหม่"), "no_such_subdistrict", SUTHEP),
        (Names(subdistrict="สุเทพ", district="สันทราย", province="เชียงใหม่"), "no_such_subdistrict", SUTHEP),
        (Names("500109", subdistrict="สุเทพ", district="เมือง", province="เชียงใหม่"), "areas_disagree", SUTHEP),
        (Names("อ.เมือง จ.เลย"), "not_a_subdistrict", ""),  # a subdistrict เมือง is in Loei, and is not meant
        (Names(subdistrict="อ.เมือง", province="เลย"), "not_a_subdistrict", ""),
        (Names(district="เมือง", province="เชียงใหม่"), "not_a_subdistrict", ""),
        (Names(), "required", ""),
    ],
)
def test_what_is_not_clear_is_told(names: Names, code: str, named: str) -> None:
    with pytest.raises(Unreadable) as unreadable:
        read_area(names)
    assert unreadable.value.code == code
    assert named in str(unreadable.value.named)


def test_names_are_looked_for_in_the_area_of_the_list() -> None:
    assert read_area(Names("วังทอง"), "65") == "650801"
    with pytest.raises(Unreadable, match="no_such_subdistrict"):
        read_area(Names(subdistrict="สุเทพ"), "65")


# Two subdistricts of one district share a name nowhere, but for one whose name has brackets.
@given(st.sampled_from([one for one in subdistricts() if "(" not in one.name_th]))
def test_every_subdistrict_is_found_by_its_names(one: Area) -> None:
    code = one.code
    names = [area(code[:digits]).name_th for digits in (6, 4, 2)]
    assert read_area(Names("", *names)) == code
    assert read_area(Names(f"1/2 ต.{names[0]} อ.{names[1]} จ.{names[2]}")) == code or "." in names[0]
    assert read_area(Names(" ".join(names))) == code
    assert read_area(Names(code)) == code
    assert described(code).endswith(f"({code})")
