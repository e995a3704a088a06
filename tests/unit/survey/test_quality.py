"""Each flag with its bounds, and that what is compared accuses nobody who could have been there."""

import json
from datetime import UTC, datetime, timedelta
from math import asin, cos, radians, sin, sqrt
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.survey.domain import Counts
from services.survey.quality import (
    FASTEST_KM_PER_HOUR,
    LEAST_KM,
    MEANINGS,
    Comparison,
    Evidence,
    Sighting,
    evidence_of,
    too_fast,
)
from services.survey.records import IntakeRecord, decode, encode
from services.survey.submission import check, read_submission
from shared.areas.districts import cell_of
from shared.contracts.events import QualityFlag
from shared.security.blind_index import BlindIndex

NOW = datetime(2022, 2, 5, 3, 0, tzinfo=UTC)
AT = datetime(2022, 1, 15, 2, 30, tzinfo=UTC)
HOME = {"lat": 18.7883, "lon": 98.9853}
BANGKOK = {"lat": 13.7563, "lon": 100.5018}
RIGHT, WRONG = "1101700230708", "1101700230704"
INDEX = BlindIndex(b"k" * 32)
SPEED, PERSON = QualityFlag.IMPLAUSIBLE_SPEED.value, QualityFlag.SAME_PERSON.value


def evidence(*persons: dict[str, Any], **changes: Any) -> Evidence:
    """What intake notes of a good submission in Chiang Mai's old town."""
    body = {
        "submission_id": str(UUID(int=1)),
        "captured_at": AT.isoformat(),
        "address": {"area": "500101", "house": "1"},
        "persons": persons,
    } | changes
    submission = read_submission(json.dumps(body).encode())
    assert check(submission, NOW) == []
    return evidence_of(submission, "500101", INDEX)


def test_an_ordinary_submission_is_not_odd() -> None:
    assert evidence({"age": 71}) == Evidence()
    assert evidence({"age": 71}, position=HOME) == Evidence((), (1878, 9898), ())


@pytest.mark.parametrize(
    ("position", "flags", "has_cell"),
    [
        (BANGKOK, ("position_elsewhere",), True),
        (BANGKOK | {"accuracy_m": 1e6}, ("position_elsewhere",), False),
        (HOME | {"accuracy_m": 1_000}, (), True),
        (HOME | {"accuracy_m": 1_001}, (), False),
        ({"lat": 0, "lon": 0}, ("position_elsewhere",), True),
    ],
)
def test_a_position(position: dict[str, float], flags: tuple[str, ...], has_cell: bool) -> None:
    found = evidence(position=position)
    assert found.flags == flags
    assert (found.cell is not None) is has_cell


def test_a_wrong_check_digit_as_the_card_shows_it_is_flagged_and_is_nobody_s_index() -> None:
    assert evidence({"national_id": WRONG, "national_id_as_shown": True}) == Evidence(("check_digit",), None, ())
    assert evidence({"national_id": RIGHT, "national_id_as_shown": True}).flags == ()
    many = [{"national_id": WRONG, "national_id_as_shown": True}] * 2
    assert evidence(*many, position=BANGKOK).flags == ("check_digit", "position_elsewhere")


def test_a_person_is_the_same_however_the_number_is_spelled_and_unlike_a_volunteer() -> None:
    spelled = [RIGHT, "1-1017-00230-70-8", "๑๑๐๑๗๐๐๒๓๐๗๐๘"]
    [index] = {evidence({"national_id": one}).persons for one in spelled}
    assert evidence({"national_id": RIGHT, "national_id_as_shown": True}).persons == index
    assert RIGHT.encode() not in index[0]
    assert not INDEX.of_national_id(RIGHT).startswith(index[0])


def test_every_flag_has_a_meaning_in_both_languages() -> None:
    assert MEANINGS.keys() == set(QualityFlag)
    for message in MEANINGS.values():
        assert message.en.isascii()
        assert not message.th.isascii()


def sighting(minutes: float, lat: float, lon: float) -> Sighting:
    return Sighting(AT + timedelta(minutes=minutes), *cell_of(lat, lon))


@pytest.mark.parametrize(
    ("minutes", "lat", "fast"),
    [
        (0, 18.05, False),  # not 5 km between the cells, whatever the clocks say
        (0, 18.06, True),
        (2.7, 18.06, True),  # 5.5 km between the cells: 2.8 minutes
        (2.8, 18.06, False),
        (-2.7, 18.06, True),
        (-2.8, 18.06, False),
        (54, 19.0, True),  # 109.5 km: 55 minutes
        (55, 19.0, False),
    ],
)
def test_the_bounds_of_speed(minutes: float, lat: float, fast: bool) -> None:
    one, other = sighting(0, 18.005, 99.0), sighting(minutes, lat + 0.005, 99.0)
    assert too_fast(one, other) is too_fast(other, one) is fast


def great_circle_km(one: tuple[float, float], other: tuple[float, float]) -> float:
    """By haversines, on a sphere."""
    (lat1, lon1), (lat2, lon2) = ((radians(lat), radians(lon)) for lat, lon in (one, other))
    root = sin((lat2 - lat1) / 2) ** 2 + cos(lat1) * cos(lat2) * sin((lon2 - lon1) / 2) ** 2
    return 2 * 6371.0 * asin(sqrt(root))


places = st.tuples(st.floats(5.6, 20.5), st.floats(97.3, 105.7))


@given(places, st.floats(-0.3, 0.3), st.floats(-0.3, 0.3), st.floats(0, 1))
def test_nobody_who_kept_the_limit_is_accused(
    place: tuple[float, float], north: float, east: float, more: float
) -> None:
    """However the two doors lie in their cells."""
    other = (place[0] + north, place[1] + east)
    minutes = great_circle_km(place, other) / FASTEST_KM_PER_HOUR * 60 * (1.001 + more)
    assert not too_fast(sighting(0, *place), sighting(minutes, *other))


@given(places, st.floats(-0.3, 0.3), st.floats(-0.3, 0.3))
def test_whoever_was_twice_as_fast_far_enough_is_found(place: tuple[float, float], north: float, east: float) -> None:
    """Far enough for the cells' size, two sides of 1.1 km each way, not to matter."""
    other = (place[0] + north, place[1] + east)
    km = great_circle_km(place, other)
    if km > 2 * LEAST_KM:
        assert too_fast(sighting(0, *place), sighting(km / FASTEST_KM_PER_HOUR * 60 / 2, *other))


def record(number: int, minutes: float = 0, **changes: Any) -> IntakeRecord:
    """A record of intake by volunteer 7, `minutes` after `AT`."""
    fields: dict[str, Any] = {
        "submission_id": UUID(int=number),
        "household_id": UUID(int=1000 + number),
        "volunteer_id": UUID(int=7),
        "organisation_id": None,
        "area": "500101",
        "village": None,
        "captured_at": AT + timedelta(minutes=minutes),
        "received_at": NOW,
        "kind": "survey",
        "counts": Counts(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, {}),
        "digest": b"d",
        "key_id": "k",
        "wrapped_key": b"w",
        "sealed": b"s",
    }
    return IntakeRecord(**fields | changes)


NEAR, FAR = (1878, 9898), (1778, 9898)


def flagged(
    records: list[IntakeRecord], last: Sighting | None = None, known: dict[bytes, UUID] | None = None
) -> tuple[dict[int, tuple[str, ...]], Comparison]:
    comparison = Comparison(records, {UUID(int=7): last} if last else {}, known or {})
    found = {one.submission_id.int: comparison.flags(one) for one in records}
    return {number: flags for number, flags in found.items() if flags}, comparison


def test_the_later_of_two_doors_is_flagged_in_whatever_order_they_come() -> None:
    records = [record(3, 60, cell=NEAR), record(1, 0, cell=NEAR), record(2, 70, cell=FAR), record(4, 65)]
    found, comparison = flagged(records)
    assert found == {2: (SPEED,)}
    assert comparison.seen == {UUID(int=7): Sighting(AT + timedelta(minutes=70), *FAR)}


def test_a_batch_is_compared_with_the_last_door_before_it() -> None:
    last = Sighting(AT, *NEAR)
    assert flagged([record(1, 10, cell=FAR)], last)[0] == {1: (SPEED,)}
    assert flagged([record(1, 100, cell=FAR)], last)[0] == {}
    found, comparison = flagged([record(1, -10, cell=FAR)], last)  # from a phone that was long offline
    assert (found, comparison.seen) == ({1: (SPEED,)}, {})


def test_two_volunteers_are_not_one() -> None:
    assert flagged([record(1, 0, cell=NEAR), record(2, 1, cell=FAR, volunteer_id=UUID(int=8))])[0] == {}


def test_a_person_in_another_household_is_flagged_and_one_visited_again_is_not() -> None:
    first = {b"a": UUID(int=1001), b"b": UUID(int=1003)}
    again = record(2, persons=(b"a",), household_id=UUID(int=1001))
    found, _ = flagged([record(1, persons=(b"a",)), again, record(3, persons=(b"b", b"a"))], known=first)
    assert found == {3: (PERSON,)}


def test_all_flags_stand_in_alphabetical_order() -> None:
    odd = record(1, 1, cell=FAR, persons=(b"a",), flags=("check_digit", "on_behalf", "position_elsewhere"))
    found, _ = flagged([odd], Sighting(AT, *NEAR), {b"a": UUID(int=5)})
    assert found == {1: tuple(sorted(QualityFlag))}


def test_a_record_from_before_there_were_flags_is_read() -> None:
    old = msgspec.msgpack.encode(msgspec.msgpack.decode(encode(record(1)))[:-3])
    assert decode(old) == record(1)
    odd = record(1, flags=("check_digit",), cell=NEAR, persons=(b"a", b"b"))
    assert decode(encode(odd)) == odd
