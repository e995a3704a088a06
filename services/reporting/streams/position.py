"""How far a feed has come: the events of one stream in one area, as one subscriber reads them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

NOTHING: Final = -1
"""`Place.last` of a partition of which the feed has met nothing, and everything is still to come."""
ANYTHING: Final = -2
"""`Place.last` of a partition that the feed began in the middle: what came before is not its business."""

_PAD: Final = 64
"""Packed positions have a multiple of so many bytes: their length tells nothing of how much others have published."""
_LONGEST_NUMBER: Final = 10
"""Bytes of a packed number: 64 bits in groups of seven."""


class NotAPosition(ValueError):
    """These bytes hold no position."""


@dataclass(slots=True)
class Place:
    """In one partition: `next_offset`, to be read next; `last`, the stream's own sequence up to which everything was
    met; `count`, the sequence that the feed itself gave last, 0 before the first."""

    next_offset: int = 0
    last: int = NOTHING
    count: int = 0
    packed: bytes | None = field(default=None, compare=False)
    """The place as `Position.pack` writes it, until it moves: of 24 places one moves with an event."""


@dataclass(slots=True)
class Position:
    """In a whole stream. area: code prefix; topic_id: Kafka's id of the topic; number: of the feed's last event."""

    stream: str
    area: str
    topic_id: str
    number: int = 0
    places: list[Place] = field(default_factory=list)
    base: int = field(default=0, compare=False)
    """Sequences are packed as what they exceed this by: they begin with the topic's epoch, the same in all places."""

    def rebase(self) -> None:
        """Makes packing short again, after sequences have grown. Where one is not known yet it may turn out small."""
        self.base = max(0, min((place.last for place in self.places), default=0))
        for place in self.places:
            place.packed = None

    def pack(self) -> bytes:
        """The position as bytes, a multiple of `_PAD`."""
        head = b"".join(map(_text, (self.stream, self.area, self.topic_id)))
        numbers = _number(self.number) + _number(self.base) + _number(len(self.places))
        packed = head + numbers + b"".join([place.packed or self._pack(place) for place in self.places])
        return packed + bytes(-len(packed) % _PAD)

    def _pack(self, place: Place) -> bytes:
        last = place.last + 2 if place.last < 0 else place.last - self.base + 2
        count = 1 if place.count == place.last else place.count + 1 if place.count else 0
        place.packed = _number(place.next_offset) + _number(last) + _number(count)
        return place.packed


def unpack(packed: bytes) -> Position:
    """The position that these bytes hold; raises `NotAPosition`."""
    reading = iter(packed)
    try:
        stream, area, topic_id = (_read_text(reading) for _ in range(3))
        number, base, places = (_read_number(reading) for _ in range(3))
        position = Position(stream, area, topic_id, number, base=base)
        for _ in range(places):
            next_offset, last, count = (_read_number(reading) for _ in range(3))
            last = last - 2 if last < 2 else last - 2 + base
            position.places.append(Place(next_offset, last, last if count == 1 else max(0, count - 1)))
    except (StopIteration, RuntimeError, UnicodeDecodeError) as error:  # a generator turns the first into the second
        raise NotAPosition("the bytes end too early, or are no text") from error
    return position


def _text(text: str) -> bytes:
    encoded = text.encode()
    return bytes([len(encoded)]) + encoded


def _number(number: int) -> bytes:
    if number < 0x80:
        return bytes((number,))
    groups = bytearray()
    while number >= 0x80:
        groups.append(number & 0x7F | 0x80)
        number >>= 7
    groups.append(number)
    return bytes(groups)


def _read_text(reading: Iterator[int]) -> str:
    return bytes([next(reading) for _ in range(next(reading))]).decode()


def _read_number(reading: Iterator[int]) -> int:
    number = 0
    for group in range(_LONGEST_NUMBER):
        byte = next(reading)
        number |= (byte & 0x7F) << (7 * group)
        if byte < 0x80:
            return number
    raise NotAPosition("a number is too long")
