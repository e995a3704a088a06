"""Formal Thai: digits, years of the Buddhist era, the clock of Thailand."""

from datetime import UTC, date, datetime, timedelta, timezone

from services.reporting.documents.numerals import change, long_date, long_month, long_time, number


def test_counts() -> None:
    assert number(66_171_439, "th") == "๖๖,๑๗๑,๔๓๙"
    assert number(1_234, "en") == "1,234"
    assert [change(value, "th") for value in (1_500, -20, 0)] == ["+๑,๕๐๐", "−๒๐", "–"]


def test_days_and_months() -> None:
    assert long_date(date(2022, 2, 5), "th") == "๕ กุมภาพันธ์ ๒๕๖๕"
    assert long_date(date(2022, 2, 5), "en") == "5 February 2022"
    assert long_month(date(2021, 12, 1), "th") == "ธันวาคม ๒๕๖๔"
    assert long_month(date(2022, 1, 1), "en") == "January 2022"


def test_a_moment_is_told_by_thailand_s_clock() -> None:
    """Whatever the zone that it comes in."""
    moment = datetime(2022, 1, 31, 19, 30, tzinfo=UTC)
    assert long_time(moment, "th") == "๑ กุมภาพันธ์ ๒๕๖๕ เวลา ๐๒.๓๐ น."
    assert long_time(moment.astimezone(timezone(timedelta(hours=-5))), "en") == "1 February 2022, 02:30"
