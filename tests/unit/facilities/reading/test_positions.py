"""Positions in every form that lists have them in."""

import contextlib

import pytest
import utm
from hypothesis import given
from hypothesis import strategies as st

from services.facilities.reading.faults import Unreadable
from services.facilities.reading.positions import Position, Where, read_parts, read_position
from services.facilities.reading.words import tidy
from shared.areas.districts import read_rings

CHIANG_MAI = Where(district="5001")
LAT, LON = 18.7883, 98.9853


@pytest.mark.parametrize(
    "text",
    [
        "18.7883, 98.9853",
        "18.7883 98.9853",
        "18.7883/98.9853",
        "๑๘.๗๘๘๓, ๙๘.๙๘๕๓",
        "18,7883 98,9853",
        "18,7883; 98,9853",
        "(18.7883,98.9853)",
        "N18.7883 E98.9853",
        "18.7883N, 98.9853E",
        "E98.9853 N18.7883",
        "18.7883° N 98.9853° E",
        "lat: 18.7883 long: 98.9853",
        "ละติจูด 18.7883 ลองจิจูด 98.9853",
        "18°47'17.88\"N 98°59'07.08\"E",
        "18° 47' 17.88\", 98° 59' 7.08\"",
        "E98°59'07.08\" N18°47'17.88\"",
        "18 องศา 47 ลิปดา 17.88 ฟิลิปดา 98 องศา 59 ลิปดา 7.08 ฟิลิปดา",
        "๑๘๐๔๗'๑๗.๘๘\" ๙๘๐๕๙'๗.๐๘\"",
        "47Q 498451 2077404",
        "47N 498451E 2077404N",
        "498451 2077404",
        "2077404 498451",
        "E 498,451 N 2,077,404",
        "498,451 2,077,404",
        "UTM zone 47: 498451, 2077404",
        "https://www.google.com/maps/place/X/@18.7,98.9,17z/data=!3m1!4b1!4m5!3m4!1s0x0:0x0!8m2!3d18.7883!4d98.9853",
        "https://maps.google.com/?q=18.7883,98.9853",
        "https://www.google.com/maps?ll=18.7883,98.9853&z=16",
        "https://www.google.com/maps/search/?api=1&query=18.7883%2C98.9853",
        "https://www.google.com/maps/search/18.7883,+98.9853?entry=tts",
        "https://www.google.co.th/maps/dir//18.7883,98.9853/@18.7,98.9,12z",
        "https://www.google.com/maps/place/18%C2%B047'17.9%22N+98%C2%B059'07.1%22E/@18.7,98.9,17z",
        "https://www.google.com/maps/@18.7883,98.9853,17z",
        "google.com/maps?q=loc:18.7883,98.9853",
        "geo:18.7883,98.9853",
        "พิกัด https://maps.google.com/?q=18.7883,98.9853",
    ],
)
def test_a_position_is_read_in_any_form(text: str) -> None:
    found = read_position(tidy(text), CHIANG_MAI)
    assert (found.latitude, found.longitude) == pytest.approx((LAT, LON), abs=2e-5)


def test_latitude_and_longitude_stay_in_the_order_in_which_they_are_given() -> None:
    assert read_position("98.9853, 18.7883", CHIANG_MAI) == Position(LON, LAT)
    assert read_parts("98.9853", "18.7883", CHIANG_MAI) == Position(LON, LAT)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("18.7883", "98.9853"),
        ("18,7883", "98,9853"),
        ("18.7883 N", "98.9853 E"),
        ("18°47'17.88\"", "98°59'07.08\""),
        ("2077404", "498451"),
        ("2,077,404", "498,451"),
        ("498451", "2077404"),
    ],
)
def test_a_position_is_read_from_two_cells(first: str, second: str) -> None:
    found = read_parts(first, second, CHIANG_MAI)
    assert (found.latitude, found.longitude) == pytest.approx((LAT, LON), abs=2e-5)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("https://goo.gl/maps/abc", "short_link"),
        ("รพ. https://maps.app.goo.gl/abc", "short_link"),
        ("https://maps.google.com/?q=โรงพยาบาล", "no_position_in_link"),
        ("18.7883", "not_a_position"),
        ("18.7 98.9 5", "not_a_position"),
        ("หน้าตลาด 18.7883 98.9853", "not_a_position"),
        ("18°71'17\"N 98°59'07\"E", "not_a_position"),
        ("18°47'17\"N 98°59'07\"N", "not_a_position"),
        ("18°47'17\"N", "incomplete_position"),
        ("18.78x 98.98", "not_a_position"),
        ("Indian 1975 498451 2077404", "other_datum"),
        ("?", "not_a_point"),
    ],
)
def test_what_is_no_position_is_said(text: str, code: str) -> None:
    with pytest.raises(Unreadable, match=f"^{code}$"):
        read_position(tidy(text), CHIANG_MAI)


def test_the_middle_of_a_view_is_told_from_a_pin() -> None:
    noted = read_position("https://www.google.com/maps/@18.7883,98.9853,17z", Where()).noted
    assert noted is not None
    assert noted.code == "map_view"


def test_metres_without_a_zone_need_an_area_that_tells_it() -> None:
    with pytest.raises(Unreadable, match="zone_needed"):
        read_position("498451 2077404", Where())
    with pytest.raises(Unreadable, match="zone_needed"):  # in neither zone near the district
        read_position("800000 700000", CHIANG_MAI)
    assert read_position("498451 2077404", Where(zone=48)).longitude > 104


MIDDLES = {
    code: (sum(y for _, y in rings[0]) / len(rings[0]), sum(x for x, _ in rings[0]) / len(rings[0]))
    for code, rings in read_rings().items()
}


@given(st.sampled_from(sorted(MIDDLES)))
def test_the_zone_of_any_district_is_told_by_its_area(district: str) -> None:
    latitude, longitude = MIDDLES[district]
    east, north, zone, _ = utm.from_latlon(latitude, longitude)
    found = read_parts(f"{north:.2f}", f"{east:.2f}", Where(district=district))
    assert (found.latitude, found.longitude) == pytest.approx((latitude, longitude), abs=2e-6)
    assert found.noted is not None
    assert found.noted.named == {"zone": zone}


@given(st.text("0123456789.,°'\"NE -/@!?=:dh๐ก", max_size=60))
def test_no_text_does_more_than_be_refused(text: str) -> None:
    with contextlib.suppress(Unreadable):
        read_position(tidy(text), CHIANG_MAI)
    with contextlib.suppress(Unreadable):
        read_parts(tidy(text), "98.9", CHIANG_MAI)
