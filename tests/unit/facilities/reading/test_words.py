"""Dates, numbers, codes, phones and words of short lists, as people type them."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.facilities.reading import choices
from services.facilities.reading.codes import are_of_five, read_code
from services.facilities.reading.contacts import read_phone
from services.facilities.reading.dates import read_date, read_dates
from services.facilities.reading.faults import Unreadable
from services.facilities.reading.kinds import Kinds
from services.facilities.reading.numbers import read_number
from services.facilities.reading.words import plain, tidy
from tests.unit.facilities.reading.known_kinds import KINDS

FIRST_OF_MARCH = date(2022, 3, 1)


@pytest.mark.parametrize(
    "text",
    [
        "2022-03-01",
        "2565-03-01 00:00:00",
        "2022-03-01T10:00:00+07:00",
        "๑/๓/๒๕๖๕",
        "1/3/65",
        "01-03-22",
        "1.3.2565",
        "1 มีนาคม 2565",
        "1 มี.ค. 65",
        "1มี.ค.2565",
        "วันที่ 1 เดือน มีนาคม พ.ศ. 2565",
        "วันอังคารที่ 1 มีนาคม 2565",
        "1 March 2022",
        "Mar 1, 2022",
        "1-Mar-22",
        "1/3/2565 08:30 น.",
        "44621",
        "44621.5",
    ],
)
def test_a_day_is_read_in_both_eras(text: str) -> None:
    assert read_date(tidy(text)) == FIRST_OF_MARCH


@given(st.dates(date(2000, 1, 1), date(2049, 12, 31)))
def test_the_numbers_of_a_spreadsheet_are_days_of_either_era(day: date) -> None:
    begin = date(1899, 12, 30)
    assert read_date(str((day - begin).days)) == day
    if not (day.month == 2 and day.day == 29):  # no such day in a year 25xx that is taken for C.E., or rarely
        assert read_date(str((day.replace(year=day.year + 543) - begin).days)) == day
    assert read_date(f"{day.day}/{day.month}/{day.year + 543}") == day


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("1/3/50", "unclear_year"),
        ("12/31/2022", "not_a_date"),  # month first could be day first in another row
        ("31/2/2565", "not_a_date"),
        ("มีนาคม 2565", "not_a_date"),
        ("1 มีน 2565", "not_a_date"),
        ("123", "not_a_date"),
        ("99999", "not_a_date"),
        ("1/3/1565", "not_a_date"),
        ("ทุกวัน", "not_a_date"),
    ],
)
def test_what_is_no_clear_day_is_said(text: str, code: str) -> None:
    with pytest.raises(Unreadable, match=f"^{code}$"):
        read_date(text)


def test_several_days_are_read_from_one_cell() -> None:
    days = [FIRST_OF_MARCH + timedelta(days=more) for more in range(3)]
    assert read_dates("1 มี.ค. 65, 2/3/2565; 2022-03-03") == days


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("120", 120),
        ("1,200", 1200),
        ("120.0", 120),
        ("๑,๒๐๐ เตียง", 1200),
        ("300 คน/วัน", 300),
        ("-5", -5),
        ("50 beds", 50),
    ],
)
def test_numbers_are_read(text: str, number: int) -> None:
    assert read_number(tidy(text)) == number


@pytest.mark.parametrize("text", ["1.5", "ห้าสิบ", "50-60", "ประมาณ 50", "1,20", "1.200", "ไม่มี", "9" * 13])
def test_what_is_no_whole_number_is_said(text: str) -> None:
    with pytest.raises(Unreadable, match="not_a_number"):
        read_number(text)


@pytest.mark.parametrize(
    ("text", "of_five", "code", "mended"),
    [
        ("10713", False, "10713", False),
        ("001071300", False, "001071300", False),
        ("001071300", True, "001071300", False),
        ("1071300", False, "001071300", True),
        ("612300", True, "000612300", True),
        ("6123", True, "06123", True),
        ("6123.0", True, "06123", True),
        ("EA0010713", False, "EA0010713", False),
        ("ea0010713", False, "EA0010713", False),
        ('="06123"', False, "06123", False),
        ("'06123", False, "06123", False),
        ("0-0107-1300", False, "001071300", False),
    ],
)
def test_codes_get_their_zeros_back_where_only_one_code_can_be_meant(
    text: str, of_five: bool, code: str, mended: bool
) -> None:
    read, noted = read_code(text, of_five=of_five)
    assert (read, noted is not None) == (code, mended)


def test_codes_whose_zeros_cannot_be_told_are_a_fault() -> None:
    for text, error in (("6123", "zeros_lost"), ("1.07E+08", "scientific_notation"), ("12345X", "wrong_form")):
        with pytest.raises(Unreadable, match=error):
            read_code(text, of_five=False)


@pytest.mark.parametrize(
    ("title", "sample", "of_five"),
    [
        ("รหัสสถานพยาบาล 5 หลัก", [], True),
        ("code9", ["10713"], False),
        ("รหัส (5 หรือ 9 หลัก)", ["10713"], False),
        ("รหัส", ["10713", "6123", ""], True),
        ("รหัส", ["001071300", "1071300"], False),
        ("รหัส", ["10713", "001071300"], False),
        ("รหัส", ["6123", "612"], False),  # none has all its digits
        ("รหัส", ["10713", "EA0010713"], False),
        ("รหัส", [], False),
    ],
)
def test_codes_of_five_digits_are_told_by_their_title_or_by_all_of_them(
    title: str, sample: list[str], of_five: bool
) -> None:
    assert are_of_five(title, sample) is of_five


@pytest.mark.parametrize(
    ("text", "phone", "codes"),
    [
        ("053-123456", "053-123456", []),
        ("0 5312 3456", "0 5312 3456", []),
        ("โทร. 053-123456 ต่อ 12", "053-123456 ต่อ 12", []),
        ("53123456", "053123456", ["phone_zero_restored"]),
        ("812345678.0", "0812345678", ["phone_zero_restored"]),
        ("053.123.456", "053-123-456", []),
        ("053-123456, 053-123457", "053-123456", ["further_phones"]),
        ("053-123456 หรือ 081-234-5678", "053-123456", ["further_phones"]),
        ("053-123456-7", "053-123456-7", []),
        ("+66 53 123 456", "+66 53 123 456", []),
        ("1669", "1669", []),
        ('="053123456"', "053123456", []),
    ],
)
def test_one_phone_is_kept(text: str, phone: str, codes: list[str]) -> None:
    read, notes = read_phone(text)
    assert (read, [noted.code for noted in notes]) == (phone, codes)


@pytest.mark.parametrize(
    ("text", "code"), [("8.12E+08", "scientific_notation"), ("ถามหน้าร้าน", "not_a_phone"), ("=1+1", "not_a_phone")]
)
def test_what_is_no_phone_is_said(text: str, code: str) -> None:
    with pytest.raises(Unreadable, match=code):
        read_phone(text)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("จุดตรวจ ATK", "test_point"),
        ("จุดฉีด", "vaccination_point"),
        ("รพ.", "hospital"),
        ("โรงพยาบาลชุมชน", "hospital"),
        ("รพ.สนาม", "field_hospital"),
        ("Field Hospital", "field_hospital"),
        ("CI", "waiting_centre"),
        ("Community Isolation", "waiting_centre"),
        ("waiting_centre", "waiting_centre"),
        ("เมรุ", "cremation_temple"),
    ],
)
def test_kinds_are_known_by_many_names(text: str, kind: str) -> None:
    assert Kinds(KINDS).read(tidy(text)) == kind


@pytest.mark.parametrize("text", ["รพ.สต.", "ร้านค้า", "ATK"])
def test_other_kinds_are_not_guessed(text: str) -> None:
    with pytest.raises(Unreadable, match="unknown_kind"):
        Kinds(KINDS).read(text)


def test_only_kinds_of_the_register_are_read() -> None:
    kinds = Kinds(KINDS[:2])
    with pytest.raises(Unreadable, match="unknown_kind"):
        kinds.read("รพ.สนาม")
    assert kinds.named_in("บัญชีรายชื่อจุดฉีดวัคซีน อำเภอเมือง") == "vaccination_point"
    assert Kinds(KINDS).named_in("แบบรายงานโรงพยาบาลสนาม") == "field_hospital"
    assert kinds.named_in("บัญชีรายชื่อ") is None


@pytest.mark.parametrize(
    ("reader", "text", "read"),
    [
        (choices.read_status, "เปิดให้บริการ", "open"),
        (choices.read_status, "เตียงเต็ม", "full"),
        (choices.read_status, "งดชั่วคราว", "suspended"),
        (choices.read_status, "Closed", "closed"),
        (choices.read_access, "Walk-in", "walk_in"),
        (choices.read_access, "จองล่วงหน้า", "appointment"),
        (choices.read_access, "walk in, นัดหมาย", "both"),
        (choices.read_holidays, "หยุด", "closed"),
        (choices.read_vaccines, "ไฟเซอร์, โมเดอร์นา", ["208", "207"]),
        (choices.read_vaccines, "AZ PZ AZ", ["210", "208"]),
        (choices.read_vaccines, "Pfizer 5-11 / Sinovac", ["218", "511"]),
        (choices.read_vaccines, "J&J", ["212"]),
        (choices.read_services, "ATK และ RT-PCR", ["antigen_test", "pcr_test"]),
        (choices.read_services, "oxygen; own_slug", ["oxygen", "own_slug"]),
    ],
)
def test_words_of_short_lists_are_read(reader: Callable[[str], object], text: str, read: object) -> None:
    assert reader(tidy(text)) == read


@pytest.mark.parametrize(
    ("reader", "code"),
    [
        (choices.read_status, "unknown_status"),
        (choices.read_access, "unknown_access"),
        (choices.read_holidays, "unknown_holidays"),
        (choices.read_vaccines, "unknown_vaccine"),
        (choices.read_services, "unknown_service"),
    ],
)
def test_other_words_are_not_guessed(reader: Callable[[str], object], code: str) -> None:
    with pytest.raises(Unreadable, match=code):
        reader("อะไรสักอย่าง")


def test_words_are_compared_as_they_are_seen() -> None:
    assert plain("จํานวน เตียง") == plain("จำนวนเตียง")
    assert plain("เเพ\u200bร่") == plain("แพร่")
    assert plain("Walk-In") == plain("walk in")
