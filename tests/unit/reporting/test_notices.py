"""Notices: what is written is read back, and never longer than PostgreSQL takes."""

import pytest

from services.reporting.notices import MAX_NOTICE_BYTES, Kind, Notice, read_notice
from shared.areas.register import subdistricts

EVERYWHERE = frozenset(area.code for area in subdistricts())


@pytest.mark.parametrize("areas", [frozenset({"500101"}), frozenset({"50", "500102", "5001"}), None])
def test_round_trip(areas: frozenset[str] | None) -> None:
    """A few areas, or anywhere."""
    notice = Notice(Kind.SURVEY, areas)
    assert read_notice(notice.text()) == notice


@pytest.mark.parametrize("areas", [EVERYWHERE, frozenset({""}), frozenset({"", "50"})])
def test_too_many_areas_are_anywhere(areas: frozenset[str]) -> None:
    """So is the country itself."""
    assert read_notice(Notice(Kind.PLACES, areas).text()) == Notice(Kind.PLACES, None)


def test_the_longest_notice_fits() -> None:
    """One more area makes it "anywhere"."""
    codes = sorted(EVERYWHERE)
    most = (MAX_NOTICE_BYTES - len("survey")) // len(" 500101")
    assert len(Notice(Kind.SURVEY, frozenset(codes[:most])).text()) in range(7_900, MAX_NOTICE_BYTES + 1)
    assert Notice(Kind.SURVEY, frozenset(codes[: most + 1])).text() == "survey *"


def test_an_unknown_notice_is_refused() -> None:
    """It comes from a newer version."""
    with pytest.raises(ValueError, match="weather"):
        read_notice("weather 50")
