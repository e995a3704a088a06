"""Copies of somebody's data as a page: times are shown, and what looks like one is left as it was typed."""

import pytest

from shared.web.printable import Page
from shared.web.problems import Message

PAGE = Page(Message("สำเนา", "Copy"), {"notes": Message("บันทึก", "Notes")}, {}, "cut", Message("มีอีก", "There is more"))


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("2022-02-05T03:00:00+00:00", "2022-02-05 10:00"),
        ("2022-02-31T03:00:00+00:00", "2022-02-31T03:00:00+00:00"),
        ("9999-12-31T23:59:59+00:00", "9999-12-31T23:59:59+00:00"),
        ("0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00+14:00"),
    ],
)
def test_what_cannot_be_a_time_of_ours_is_shown_as_it_was_typed(written: str, shown: str) -> None:
    document = {"made_at": "2022-02-05T03:00:00+00:00", "notes": [written], "cut": False}
    assert f"<li>{shown}</li>" in PAGE.of(document, "en")
