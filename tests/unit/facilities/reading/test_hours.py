"""Opening hours from texts, and back."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.facilities.reading.days import DAYS, read_days
from services.facilities.reading.faults import Unreadable
from services.facilities.reading.hours import read_hours, written
from services.facilities.reading.times import read_time
from services.facilities.reading.words import tidy

WEEK = list(DAYS)
WORK = WEEK[:5]


@pytest.mark.parametrize(
    ("text", "spans", "holidays"),
    [
        ("จันทร์-ศุกร์ 8:30-16:30", [(WORK, "08:30", "16:30")], None),
        ("จ.-ศ. ๐๘.๓๐ - ๑๖.๓๐ น.", [(WORK, "08:30", "16:30")], None),
        ("วันจันทร์ถึงวันศุกร์ เวลา 08.30 น. ถึง 16.30 น.", [(WORK, "08:30", "16:30")], None),
        ("Mon-Fri 8:30 am - 4:30 pm", [(WORK, "08:30", "16:30")], None),
        ("08.30-16.30 น. จันทร์-ศุกร์", [(WORK, "08:30", "16:30")], None),
        ("จันทร์-ศุกร์ 0830-1630 น.", [(WORK, "08:30", "16:30")], None),
        ("8-16 น. ทุกวัน", [(WEEK, "08:00", "16:00")], None),
        ("ทุกวันพุธ 9.00-12.00 น.", [(["wed"], "09:00", "12:00")], None),
        ("จันทร์, พุธ, ศุกร์ 9.00-12.00 น.", [(["mon", "wed", "fri"], "09:00", "12:00")], None),
        ("ศุกร์-จันทร์ 9.00-12.00 น.", [(["mon", "fri", "sat", "sun"], "09:00", "12:00")], None),
        ("เสาร์-อาทิตย์ 20.00-02.00 น.", [(["sat", "sun"], "20:00", "02:00")], None),
        ("จ-ศ 8.30-16.30 น. ส. 9.00-12.00 น.", [(WORK, "08:30", "16:30"), (["sat"], "09:00", "12:00")], None),
        ("8.30-16.30 จ-ศ, 9.00-12.00 เสาร์", [(WORK, "08:30", "16:30"), (["sat"], "09:00", "12:00")], None),
        ("ทุกวัน เว้นเสาร์ อาทิตย์ 8-16 น.", [(WORK, "08:00", "16:00")], None),
        ("ทุกวัน 9.00-17.00 ยกเว้นวันอาทิตย์", [(WEEK[:6], "09:00", "17:00")], None),
        ("จ-ศ 8.30-16.30 (พักเที่ยง 12.00-13.00)", [(WORK, "08:30", "12:00"), (WORK, "13:00", "16:30")], None),
        ("เปิดตลอด 24 ชม. ทุกวัน", [(WEEK, "00:00", "24:00")], None),
        ("24/7", [(WEEK, "00:00", "24:00")], None),
        ("ทุกวัน 24 ชั่วโมง ไม่เว้นวันหยุดราชการ", [(WEEK, "00:00", "24:00")], "open"),
        ("จันทร์-ศุกร์ 8.30-16.30 น. เว้นวันหยุดราชการ", [(WORK, "08:30", "16:30")], "closed"),
        ("08.30-16.30 น. เว้นวันหยุดราชการ", [(WORK, "08:30", "16:30")], "closed"),
        ("วันทำการ 08.30-16.30 น.", [(WORK, "08:30", "16:30")], "closed"),
        ("ในเวลาราชการ", [(WORK, "08:30", "16:30")], "closed"),
        ("จันทร์-เสาร์ 8.00-16.00 น. หยุดวันอาทิตย์และวันนักขัตฤกษ์", [(WEEK[:6], "08:00", "16:00")], "closed"),
        ("Daily 08:00-16:00 except public holidays", [(WEEK, "08:00", "16:00")], "closed"),
    ],
)
def test_hours_are_read(text: str, spans: list[tuple[list[str], str, str]], holidays: str | None) -> None:
    hours = read_hours(tidy(text))
    assert [(span["days"], span["open"], span["close"]) for span in hours.spans] == spans
    assert hours.holidays == holidays


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("08.30-16.30 น.", "days_not_said"),
        ("24 ชม.", "days_not_said"),
        ("ทุกวัน", "hours_as_note"),
        ("นอกเวลาราชการ", "hours_as_note"),
        ("อังคารต้นเดือน 13.00-16.00 น.", "hours_as_note"),
        ("อังคาร 13.00-16.00 เฉพาะผู้สูงอายุ", "hours_as_note"),
        ("วันเสาร์ที่ 5 มีนาคม 9.00-12.00 น.", "hours_as_note"),
        ("ทุกวัน 8.30-25.00 น.", "hours_as_note"),
        ("ทุกวัน 8.30-8.30 น.", "hours_as_note"),
        ("โทรนัดก่อน", "hours_as_note"),
    ],
)
def test_half_of_a_text_is_not_taken_for_hours(text: str, code: str) -> None:
    with pytest.raises(Unreadable, match=f"^{code}$"):
        read_hours(tidy(text))


def test_days_that_hold_for_the_whole_list_make_hours_of_times() -> None:
    assert read_hours("08.30-16.30 น.", tuple(WORK)).spans == [{"days": WORK, "open": "08:30", "close": "16:30"}]
    assert read_hours("เสาร์ 9.00-12.00 น.", tuple(WORK)).spans == [{"days": ["sat"], "open": "09:00", "close": "12:00"}]


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("8.30", "08:30"),
        ("8.3", "08:30"),
        ("08:30:00", "08:30"),
        ("0830", "08:30"),
        ("8 น.", "08:00"),
        ("4:30 PM", "16:30"),
        ("12 am", "00:00"),
        ("24.00 น.", "24:00"),
        ("0.354166666666667", "08:30"),
    ],
)
def test_times_are_read(text: str, time: str) -> None:
    assert read_time(text) == time


@pytest.mark.parametrize("text", ["8.5", "25.00", "8.60", "24.30", "13 pm", "เช้า", ""])
def test_what_could_be_two_times_is_none(text: str) -> None:
    with pytest.raises(Unreadable, match="not_a_time"):
        read_time(text)


def test_days_are_read_alone() -> None:
    assert read_days("จันทร์-ศุกร์") == (WORK, False)
    assert read_days("วันทำการ") == (WORK, True)
    assert read_days("อังคาร และ พฤหัสบดี") == (["tue", "thu"], False)
    with pytest.raises(Unreadable):
        read_days("วันพระ")


times = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.integers(0, 59))
span = st.builds(
    lambda days, opens, closes: {"days": [day for day in DAYS if day in days], "open": opens, "close": closes},
    st.sets(st.sampled_from(DAYS), min_size=1),
    times,
    times | st.just("24:00"),
).filter(lambda span: span["open"] != span["close"])


@given(st.lists(span, min_size=1, max_size=4))
def test_written_hours_are_read_as_they_were(spans: list[dict[str, object]]) -> None:
    assert read_hours(tidy(written(spans))).spans == spans


@given(st.text("จ.ศ-0123456789:น วันเว้นทุก;()พัก24ชมap", max_size=40))
def test_no_text_does_more_than_be_refused(text: str) -> None:
    with contextlib.suppress(Unreadable):
        read_hours(tidy(text))
