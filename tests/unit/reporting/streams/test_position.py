"""Positions as bytes and as cursors: what goes in comes out, and nothing else is taken for one."""

from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.reporting.streams.cursors import MOST_CHARACTERS, BadCursor, Seal
from services.reporting.streams.position import ANYTHING, NOTHING, NotAPosition, Place, Position, unpack
from shared.contracts.topics import NUMBERS_OF_PARTITIONS

LARGEST = 2**63 - 1
numbers = st.integers(0, LARGEST)
lasts = st.one_of(st.sampled_from([NOTHING, ANYTHING]), numbers)
places = st.builds(Place, numbers, lasts, numbers)
positions = st.builds(
    Position,
    st.sampled_from(["survey-submitted", "further-facility-updated"]),
    st.sampled_from(["", "50", "5001", "500101"]),
    st.text("abcXYZ019_-", max_size=22),
    numbers,
    st.lists(places, max_size=48),
)
SEAL = Seal(bytes(range(32)))


@given(positions)
def test_what_is_packed_is_unpacked(position: Position) -> None:
    """Whatever the numbers, before and after packing was made short."""
    assert unpack(position.pack()) == position
    position.rebase()
    assert unpack(position.pack()) == position
    assert SEAL.position_of(SEAL.cursor_of(position)) == position


@given(positions, st.data())
def test_a_place_that_moved_is_packed_anew(position: Position, data: st.DataObject) -> None:
    """The others are kept as they were packed."""
    position.rebase()
    position.pack()
    for place in position.places[:1]:
        place.next_offset, place.packed = data.draw(numbers), None
    assert unpack(position.pack()) == position


@given(st.binary(max_size=300))
def test_other_bytes_are_no_position_and_do_no_harm(junk: bytes) -> None:
    """They are refused, or are a position by chance; only what this service sealed comes here."""
    try:
        unpack(junk)
    except NotAPosition:
        return


@given(st.text(max_size=200))
def test_other_texts_are_no_cursors(junk: str) -> None:
    """Each is refused, with a reason."""
    with pytest.raises(BadCursor):
        SEAL.position_of(junk)


def test_a_cursor_fits_its_parameter_and_its_key() -> None:
    """The longest one of a topic that cannot grow further, too; another service's cannot be read."""
    largest = Position("further-facility-updated", "500101", "x" * 22, LARGEST)
    largest.places = [Place(LARGEST, LARGEST - number, LARGEST) for number in range(NUMBERS_OF_PARTITIONS[-1])]
    cursor = SEAL.cursor_of(largest)
    assert len(cursor) <= MOST_CHARACTERS
    ordinary = Position("survey-submitted", "500101", "x" * 22, 10**6)
    ordinary.places = [Place(10**6, 2 * 10**15 + 10**6 + number * 1000, 10**5) for number in range(24)]
    ordinary.rebase()
    assert len(SEAL.cursor_of(ordinary)) < 500
    with pytest.raises(BadCursor):
        Seal(uuid4().bytes * 2).position_of(cursor)


def test_the_length_of_a_cursor_hides_small_changes() -> None:
    """An offset more does not make it longer."""
    lengths = set()
    for offset in (1, 100, 200, 20_000):
        places = [Place(offset, 10**15 + offset, 7), *(Place() for _ in range(2))]
        lengths.add(len(Position("help-updated", "50", "x" * 22, 3, places).pack()))
    assert len(lengths) == 1
