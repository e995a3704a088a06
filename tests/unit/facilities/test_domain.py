"""The register's rules, without anything around them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.facilities.domain import events, freshness, places
from services.facilities.domain.checks import checked
from services.facilities.domain.kinds import STANDARD
from services.facilities.domain.places import ClosedFacility, Contact, Content, Hours, Position
from services.facilities.domain.positions import checked_position
from services.facilities.domain.violations import InvalidContent, Violation
from shared.contracts.events import Day, FacilityChange, FacilityKind, FacilityStatus, FacilityUpdated

ID = UUID("0190b1c2-0000-4000-8000-000000000001")
MONDAY = datetime(2022, 2, 7, 2, 0, tzinfo=UTC)

FIELD_HOSPITAL = Content(
    kind=FacilityKind.FIELD_HOSPITAL,
    name="โรงพยาบาลสนาม ศูนย์ประชุม",
    area="500101",
    official_code="10713",
    position=Position(18.7883, 98.9853),
    capacity=200,
    free=12,
    hours=(Hours((Day.MONDAY, Day.SUNDAY), "08:30", "16:30"),),
    hours_note="หยุดวันนักขัตฤกษ์",
    services=("oxygen", "x_ray"),
    contact=Contact("053 936 150 ต่อ 12", "field@example.go.th", "https://example.go.th/field?id=1"),
)


def violations(content: Content) -> set[tuple[str, str]]:
    with pytest.raises(InvalidContent) as caught:
        checked(content, STANDARD)
    assert all(each.th and each.en and each.th != each.en for each in caught.value.violations)
    return {(each.path, each.code) for each in caught.value.violations}


def test_good_content_stays_as_it_is() -> None:
    assert checked(FIELD_HOSPITAL, STANDARD) == FIELD_HOSPITAL


def test_content_is_brought_to_one_spelling() -> None:
    draft = replace(
        FIELD_HOSPITAL,
        name="  โรงพยาบาล\u200bสนาม   ศูนย์ประชุม\n",
        area="๕๐๐๑๐๑",
        official_code=" ๑๐๗๑๓ ",
        hours=(Hours((Day.SUNDAY, Day.MONDAY), "๐๘:๓๐", "๑๖:๓๐"),),
        hours_note=" หยุดวันนักขัตฤกษ์ \r\n\n",
        contact=replace(FIELD_HOSPITAL.contact, phone="๐๕๓ ๙๓๖ ๑๕๐ ต่อ ๑๒"),
    )
    assert checked(draft, STANDARD) == FIELD_HOSPITAL


@given(st.text(max_size=50), st.text(max_size=80))
def test_the_one_spelling_is_spelled_alike_when_checked_again(name: str, note: str) -> None:
    try:
        once = checked(replace(FIELD_HOSPITAL, name=name, hours_note=note), STANDARD)
    except InvalidContent:
        return
    assert checked(once, STANDARD) == once


@pytest.mark.parametrize("code", ["10713", "001071300", "EA0012345", "๑๐๗๑๓", "A00000000"])
def test_three_forms_of_official_code(code: str) -> None:
    spelled = checked(replace(FIELD_HOSPITAL, official_code=code), STANDARD).official_code
    assert spelled is not None
    assert spelled.isascii()


@pytest.mark.parametrize("code", ["", "1071", "107133", "1071A", "ea0012345", "EA001234", "EA00123456", "ก00123456"])
def test_other_official_codes_are_refused(code: str) -> None:
    assert violations(replace(FIELD_HOSPITAL, official_code=code)) == {("official_code", "wrong_form")}


@pytest.mark.parametrize(
    ("area", "code"),
    [
        ("999999", "unknown_area"),
        ("50010", "unknown_area"),
        ("50", "not_a_subdistrict"),
        ("5001", "not_a_subdistrict"),
        ("", "not_a_subdistrict"),
    ],
)
def test_areas_that_a_place_cannot_lie_in(area: str, code: str) -> None:
    assert violations(replace(FIELD_HOSPITAL, area=area)) == {("area", code)}


def test_an_abolished_area_names_its_successor(abolished_subdistrict: tuple[str, str]) -> None:
    abolished, successor = abolished_subdistrict
    with pytest.raises(InvalidContent) as caught:
        checked(replace(FIELD_HOSPITAL, area=abolished), STANDARD)
    (violation,) = caught.value.violations
    assert (violation.path, violation.code) == ("area", "abolished_area")
    assert successor in violation.th
    assert successor in violation.en


@pytest.mark.parametrize(
    ("position", "path"),
    [
        (Position(5.4, 100.0), "position.lat"),
        (Position(20.7, 100.0), "position.lat"),
        (Position(13.7, 97.1), "position.lon"),
        (Position(13.7, 105.9), "position.lon"),
        (Position(float("nan"), 100.0), "position.lat"),
        (Position(13.7, float("inf")), "position.lon"),
    ],
)
def test_a_position_outside_thailand_is_refused(position: Position, path: str) -> None:
    assert violations(replace(FIELD_HOSPITAL, position=position)) == {(path, "outside_thailand")}


def test_swapped_coordinates_are_said_to_be_swapped() -> None:
    with pytest.raises(InvalidContent) as caught:
        checked(replace(FIELD_HOSPITAL, position=Position(98.9853, 18.7883)), STANDARD)
    (violation,) = caught.value.violations
    assert (violation.path, violation.code) == ("position", "swapped")
    assert "18.7883 north, 98.9853 east" in violation.en


@pytest.mark.parametrize(
    ("position", "confirmed", "found"),
    [
        (Position(18.79, 98.98), False, set()),
        (Position(18.92, 98.99), False, {("position", "outside_area")}),  # Mae Rim, some 12 km north of the city
        (Position(18.92, 98.99), True, set()),
        (Position(19.91, 99.83), True, {("position", "outside_area")}),  # Chiang Rai, 150 km away
        (Position(10.5, 101.0), False, {("position", "in_the_sea")}),
        (Position(10.5, 101.0), True, {("position", "in_the_sea")}),
    ],
)
def test_a_position_lies_on_land_and_near_the_district_that_is_named(
    position: Position, confirmed: bool, found: set[tuple[str, str]]
) -> None:
    told: list[Violation] = []
    checked_position(position, FIELD_HOSPITAL.area, told, confirmed=confirmed)
    assert {(each.path, each.code) for each in told} == found


@pytest.mark.parametrize(
    ("kind", "capacity", "free", "found"),
    [
        (FacilityKind.HOSPITAL, 10, 10, set()),
        (FacilityKind.HOSPITAL, 10, None, set()),
        (FacilityKind.WAITING_CENTRE, None, None, set()),
        (FacilityKind.VACCINATION_POINT, 500, None, set()),
        (FacilityKind.HOSPITAL, 10, 11, {("free", "more_than_capacity")}),
        (FacilityKind.FIELD_HOSPITAL, None, 3, {("capacity", "required")}),
        (FacilityKind.TEST_POINT, 10, 3, {("free", "not_for_this_kind")}),
        (FacilityKind.VACCINATION_POINT, None, 3, {("free", "not_for_this_kind")}),
        (FacilityKind.HOSPITAL, -1, None, {("capacity", "too_small")}),
        (FacilityKind.HOSPITAL, 100_001, None, {("capacity", "too_large")}),
        (FacilityKind.HOSPITAL, 10, -1, {("free", "too_small")}),
    ],
)
def test_capacity_by_kind(
    kind: FacilityKind, capacity: int | None, free: int | None, found: set[tuple[str, str]]
) -> None:
    content = replace(FIELD_HOSPITAL, kind=kind, capacity=capacity, free=free)
    if found:
        assert violations(content) == found
    else:
        assert checked(content, STANDARD) == content


@pytest.mark.parametrize(
    ("span", "found"),
    [
        (Hours((Day.MONDAY,), "8.30", "16:30"), {("hours[0].open", "not_a_time")}),
        (Hours((Day.MONDAY,), "24:00", "16:30"), {("hours[0].open", "not_a_time")}),
        (Hours((Day.MONDAY,), "08:30", "24:01"), {("hours[0].close", "not_a_time")}),
        (Hours((Day.MONDAY,), "08:30", "08:30"), {("hours[0].close", "empty_span")}),
        (Hours((), "08:30", "16:30"), {("hours[0].days", "required")}),
        (Hours((Day.MONDAY, Day.MONDAY), "08:30", "16:30"), {("hours[0].days", "repeated")}),
    ],
)
def test_bad_opening_hours(span: Hours, found: set[tuple[str, str]]) -> None:
    assert violations(replace(FIELD_HOSPITAL, hours=(span,))) == found


def test_a_span_may_last_all_day_or_past_midnight() -> None:
    hours = (Hours((Day.MONDAY,), "00:00", "24:00"), Hours((Day.TUESDAY,), "20:00", "04:00"))
    assert checked(replace(FIELD_HOSPITAL, hours=hours), STANDARD).hours == hours


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (replace(FIELD_HOSPITAL, name=" \u200b\n"), {("name", "required")}),
        (replace(FIELD_HOSPITAL, name="ก" * 201), {("name", "too_long")}),
        (replace(FIELD_HOSPITAL, name="a\u0000b"), {("name", "control_character")}),
        (replace(FIELD_HOSPITAL, name="a\u202eb"), {("name", "control_character")}),
        (replace(FIELD_HOSPITAL, hours_note="ก" * 501), {("hours_note", "too_long")}),
        (replace(FIELD_HOSPITAL, hours_note="a\u0000"), {("hours_note", "control_character")}),
        (replace(FIELD_HOSPITAL, hours=FIELD_HOSPITAL.hours * 22), {("hours", "too_many")}),
        (replace(FIELD_HOSPITAL, services=tuple(f"s{n}" for n in range(31))), {("services", "too_many")}),
        (replace(FIELD_HOSPITAL, services=("x_ray", "x_ray")), {("services[1]", "repeated")}),
        (replace(FIELD_HOSPITAL, services=("X-Ray",)), {("services[0]", "wrong_form")}),
    ],
)
def test_text_and_lists_are_bounded(content: Content, found: set[tuple[str, str]]) -> None:
    assert violations(content) == found


@pytest.mark.parametrize(
    "phone", ["1422", "053-936150", "+66 53 936 150", "02 123 4567 ext. 8", "(bad", "call me", "0" * 41]
)
def test_phone_numbers(phone: str) -> None:
    content = replace(FIELD_HOSPITAL, contact=Contact(phone=phone))
    if phone[0] in "(c" or len(phone) > 40:
        assert {path for path, _ in violations(content)} == {"contact.phone"}
    else:
        assert checked(content, STANDARD).contact.phone == phone


@pytest.mark.parametrize(
    "website", ["javascript:alert(1)", "http://", "ftp://example.org", 'https://a"><script>', "example"]
)
def test_web_addresses_cannot_carry_a_script(website: str) -> None:
    assert violations(replace(FIELD_HOSPITAL, contact=Contact(website=website))) == {("contact.website", "wrong_form")}


@pytest.mark.parametrize("email", ["nobody", "a@b", "a b@example.org", "<a@example.org>"])
def test_bad_email_addresses(email: str) -> None:
    assert violations(replace(FIELD_HOSPITAL, contact=Contact(email=email))) == {("contact.email", "wrong_form")}


def test_every_bad_field_is_named_at_once() -> None:
    content = replace(FIELD_HOSPITAL, name="", area="999999", official_code="1", capacity=1, free=2, services=("A",))
    assert {path for path, _ in violations(content)} == {"name", "area", "official_code", "free", "services[0]"}


def test_what_each_change_means() -> None:
    entered = places.created(ID, FIELD_HOSPITAL, MONDAY)
    assert (entered.kind, entered.before, entered.after.revision) == (FacilityChange.CREATED, None, 1)

    tuesday = MONDAY + timedelta(days=1)
    fuller = places.updated(entered.after, replace(FIELD_HOSPITAL, free=3), tuesday)
    assert (fuller.kind, fuller.after.revision, fuller.after.confirmed_at) == (FacilityChange.UPDATED, 2, tuesday)
    assert fuller.after.created_at == MONDAY

    same = places.updated(fuller.after, fuller.after.content, tuesday)
    assert (same.kind, same.after.revision) == (FacilityChange.CONFIRMED, 3)

    closed = places.updated(same.after, replace(same.after.content, status=FacilityStatus.CLOSED), tuesday)
    assert closed.kind is FacilityChange.CLOSED
    renamed = places.updated(closed.after, replace(closed.after.content, name="เดิม"), tuesday)
    assert renamed.kind is FacilityChange.UPDATED
    reopened = places.updated(closed.after, replace(closed.after.content, status=FacilityStatus.OPEN), tuesday)
    assert reopened.kind is FacilityChange.UPDATED
    with pytest.raises(ClosedFacility):
        places.confirmed(closed.after, tuesday)


def test_overdue_after_more_than_seven_days() -> None:
    facility = places.created(ID, FIELD_HOSPITAL, MONDAY).after
    week = timedelta(days=7)
    assert not freshness.is_overdue(facility, MONDAY + week)
    assert freshness.is_overdue(facility, MONDAY + week + timedelta(microseconds=1))
    assert not freshness.is_overdue(places.confirmed(facility, MONDAY + week).after, MONDAY + 2 * week)
    closed = places.updated(facility, replace(FIELD_HOSPITAL, status=FacilityStatus.CLOSED), MONDAY).after
    assert not freshness.is_overdue(closed, MONDAY + 10 * week)


def test_the_event_holds_the_state_before_and_after() -> None:
    entered = places.created(ID, FIELD_HOSPITAL, MONDAY)
    assert events.event(entered, ID).before is None

    moved = replace(FIELD_HOSPITAL, area="500102", status=FacilityStatus.FULL, free=0)
    told = events.event(places.updated(entered.after, moved, MONDAY + timedelta(days=1)), ID)
    assert told.before is not None
    assert (told.before.area, told.before.status, told.before.free) == ("500101", "open", 12)
    assert (told.area, told.status, told.free, told.revision, told.change) == ("500102", "full", 0, 2, "updated")
    assert told.confirmed_at == MONDAY + timedelta(days=1)
    assert told.before.confirmed_at == MONDAY
    assert FacilityUpdated.model_validate_json(told.model_dump_json()) == told


@given(
    st.builds(
        Content,
        kind=st.sampled_from(FacilityKind),
        name=st.text(min_size=1, max_size=220),
        area=st.sampled_from(["500101", "100101", "๕๐๐๑๐๑"]),
        official_code=st.none() | st.from_regex(r"[0-9A-Z]{5,9}", fullmatch=True),
        position=st.none() | st.builds(Position, st.floats(0, 25), st.floats(95, 110)),
        status=st.sampled_from(FacilityStatus),
        capacity=st.none() | st.integers(-1, 200_000),
        free=st.none() | st.integers(-1, 200_000),
        hours=st.lists(
            st.builds(
                Hours,
                st.lists(st.sampled_from(Day), max_size=8).map(tuple),
                st.sampled_from(["00:00", "08:30", "24:00"]),
                st.sampled_from(["00:00", "16:30", "24:00"]),
            ),
            max_size=3,
        ).map(tuple),
        hours_note=st.none() | st.text(max_size=520),
        services=st.lists(st.from_regex(r"[a-z0-9_]{1,41}", fullmatch=True), max_size=32).map(tuple),
        contact=st.builds(
            Contact,
            st.none() | st.text("0123456789 -ต่อ", max_size=45),
            st.none() | st.emails(),
            st.none() | st.just("https://example.org/"),
        ),
    )
)
def test_whatever_passes_the_rules_makes_a_valid_event(draft: Content) -> None:
    try:
        content = checked(draft, STANDARD)
    except InvalidContent:
        return
    told = events.event(places.created(ID, content, MONDAY), ID)
    assert FacilityUpdated.model_validate_json(told.model_dump_json()) == told
