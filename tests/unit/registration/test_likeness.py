"""Sketches tell how alike titles are, and nothing that they say."""

from services.registration.likeness import ALIKE, COMPONENTS, Likeness
from shared.security.blind_index import BlindIndex

LIKENESS = Likeness(BlindIndex(bytes(32)))


def alike(one: str, other: str) -> float:
    return len(set(LIKENESS.sketch(one)) & set(LIKENESS.sketch(other))) / COMPONENTS


def test_likeness_orders_titles_as_people_would() -> None:
    asked = "แผนที่ไม่แสดงจุดฉีดวัคซีน"
    assert alike(asked, "  แผนที่ ไม่แสดง จุดฉีดวัคซีน ๑๒") == 1.0
    assert alike(asked, "แผนที่ไม่แสดงจุดฉีดวัคซีนของอำเภอเมือง") > ALIKE
    assert alike(asked, "เปลี่ยนหมายเลขโทรศัพท์ไม่ได้") < ALIKE
    assert alike("Cannot sign in with the code", "cannot SIGN IN with code") > ALIKE
    assert alike("Cannot sign in with the code", "The map stays white") < ALIKE


def test_a_sketch_holds_no_numbers_and_is_keyed() -> None:
    assert LIKENESS.sketch("โทร 0812345678") == LIKENESS.sketch("โทร 0999999999")
    assert LIKENESS.sketch("0812345678 !?") == []
    title = "เข้าระบบไม่ได้"
    assert not set(LIKENESS.sketch(title)) & set(Likeness(BlindIndex(b"k" * 32)).sketch(title))
    assert len(LIKENESS.sketch(title)) == COMPONENTS
    assert max(LIKENESS.sketch(title)) < 2**22


def test_the_longest_title_is_sketched_soon() -> None:
    assert len(LIKENESS.sketch("ก" + "เข้าระบบ" * 25)) == COMPONENTS
