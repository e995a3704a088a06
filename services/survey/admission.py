"""Bounded admission: how much intake holds at once, and whose it is.

What finds no room is refused before it is read, since judging and sealing are what intake spends its time on: under a
flood nearly all of it goes to what is accepted. The rule, the same for records and for bytes, in constant time:

1. while less than half of the room is used, anybody may use it up to that half;
2. up to seven eighths of the room, a party may hold its fair share of these seven eighths: they are divided by the
   parties that hold something now;
3. the last eighth is for newcomers, of whom each may hold a thirty-second of the room (125 records, 1 MiB):
   whatever the others hold, somebody new finds room, and by holding something makes the others' shares smaller.

What is let in waits for its turn, so the room is also how long one waits. It is as large as the machine is fast: it
shrinks while batches are answered late, and grows again while they are answered soon.
"""

from asyncio import sleep
from enum import StrEnum
from time import monotonic

from services.survey.parties import Party
from shared.observability.metrics import IN_FLIGHT, IN_FLIGHT_BYTES, NO_ROOM, ROOM

MOST_RECORDS = 4_000
"""Read and not yet acknowledged. Half of it, which anybody may use, is the work of 0.2 s at 10,000 a second, about as
long as the slowest answers take then."""
LEAST_RECORDS = 1_000
"""However long answers take. Half of it is ten phones' batches: while one is judged, Kafka answers the others."""
SLOW_SECONDS = 0.5
"""Whoever waits longer makes the room smaller, so that in a flood answers take about as long, and less than a second
each, on a machine that takes 2,000 records a second as on one that takes 20,000."""
QUICK_SECONDS = 0.25
"""Whoever waits less makes it larger. Between the two it stays, else it would swing."""
RECORDS_A_CHANGE = 2
"""Of batches, answered late or soon, for one record's room less or more. What is answered late was let in half a second
before: a room that changed faster would swing, and one that changed slower would keep a slow machine's flood waiting
for long."""
REFUSED_A_SECOND = 2_000
"""Of small bodies, by one process. Each costs 45 to 110 us, so that they take a fifth of a processor at most, and those
who ask again and again leave the rest to what is accepted. Who waits for a refusal sends nothing meanwhile, and waits
for two seconds at most, when all connections that there may be wait."""
REFUSED_AT_ONCE = 200
"""... without waiting, after a while with fewer."""
SMALL_BYTES = 8 * 1024
"""A single record has less, and a phone's batch more, which is refused at once: its body would lie in memory until
then, and of small ones no more does than may be let in."""
MAX_BYTES = 32 * 1024 * 1024
"""Of bodies that are on their way in or being worked on: some 900 phones with 50 households each on a slow net, or 8
of the largest batches."""


class Cause(StrEnum):
    """Which limit was met."""

    COUNT = "count"
    """All records that may be in flight are."""
    BYTES = "bytes"
    """All bytes that may be held are."""
    SHARE = "share"
    """There is room, but not for a party that holds its share already."""


class Room:
    """One limited thing, and how much of it each party holds."""

    def __init__(self, size: int) -> None:
        self.resize(size)
        self._newcomers = -(-size // 32)
        self._held: dict[Party, int] = {}
        self.used = 0

    def resize(self, size: int) -> None:
        """From now on it has this size. What is held stays, even where that is more; and so does what a newcomer may
        hold, else it would be less than a phone's batch."""
        self._size = size
        self._anybodys = size // 2
        self._shared = size - size // 8

    def fits(self, party: Party, amount: int) -> bool:
        """Whether `party` may take so much more now."""
        return self.used + amount <= self._anybodys or amount <= self.left(party)

    def left(self, party: Party) -> int:
        """How much more `party` may take now."""
        held = self._held.get(party, 0)
        parties = len(self._held) + (not held)
        of_share = min(self._shared // parties - held, self._shared - self.used)
        allowed = max(self._anybodys - self.used, of_share, self._newcomers - held)
        return max(0, min(allowed, self._size - self.used))

    @property
    def free(self) -> int:
        """How much nobody holds."""
        return max(0, self._size - self.used)

    def take(self, party: Party, amount: int) -> None:
        """`party` holds so much more; not more than is left for it."""
        if amount:
            self._held[party] = self._held.get(party, 0) + amount
            self.used += amount

    def give_back(self, party: Party, amount: int) -> None:
        """`party` holds so much less."""
        if amount:
            rest = self._held[party] - amount
            if rest:
                self._held[party] = rest
            else:
                del self._held[party]
            self.used -= amount


class Admission:
    """The room of one process. Bodies are let in before they are read, records before they are judged."""

    def __init__(self, max_records: int = MOST_RECORDS, max_bytes: int = MAX_BYTES) -> None:
        self._most = max_records
        self._least = min(LEAST_RECORDS, max_records)
        self._size = float(max_records)
        self._records = Room(max_records)
        self._bytes = Room(max_bytes)
        self._refused_until = 0.0
        for cause in Cause:
            NO_ROOM.labels(cause)  # there from the beginning, so that the first refusal shows as one
        IN_FLIGHT.set_function(lambda: self.records_held)
        IN_FLIGHT_BYTES.set_function(lambda: self.bytes_held)
        ROOM.set_function(lambda: int(self._size))

    @property
    def records_held(self) -> int:
        """Records in flight."""
        return self._records.used

    @property
    def bytes_held(self) -> int:
        """Bytes of bodies that are let in."""
        return self._bytes.used

    def open(self, party: Party, body_bytes: int) -> bool:
        """Lets a body in, if there is room for it and for a record of its; it is given back with `close`."""
        if not self._records.fits(party, 1):
            NO_ROOM.labels(Cause.SHARE if self._records.free else Cause.COUNT).inc()
            return False
        if not self._bytes.fits(party, body_bytes):
            NO_ROOM.labels(Cause.SHARE if self._bytes.free >= body_bytes else Cause.BYTES).inc()
            return False
        self._bytes.take(party, body_bytes)
        return True

    def close(self, party: Party, body_bytes: int) -> None:
        """A body that was let in is held no more."""
        self._bytes.give_back(party, body_bytes)

    def take(self, party: Party, records: int) -> int:
        """Lets as many of `records` in as find room, and says how many; they are given back with `give_back`."""
        granted = records
        if not self._records.fits(party, records):
            granted = self._records.left(party)
            NO_ROOM.labels(Cause.SHARE if self._records.free > granted else Cause.COUNT).inc()
        self._records.take(party, granted)
        return granted

    def give_back(self, party: Party, records: int) -> None:
        """Records that were let in are answered."""
        self._records.give_back(party, records)

    def took(self, seconds: float, records: int) -> None:
        """So many records of a batch were answered so long after they were let in."""
        if seconds > SLOW_SECONDS:
            self._resize(-records)
        elif seconds < QUICK_SECONDS:
            self.grow(records)

    def grow(self, records: int) -> None:
        """So many records were answered soon; or they came alone, however late. To refuse a batch costs a hundredth of
        what judging it costs, to refuse one record nearly half: a crowd of such is answered soonest when few of them
        are refused."""
        if self._size < self._most:
            self._resize(records)

    async def refuse(self, body_bytes: int) -> None:
        """Returns when somebody who finds no room may be told so: at once, but in the largest crowds."""
        if body_bytes > SMALL_BYTES:
            return
        now = monotonic()
        self._refused_until = max(self._refused_until, now - REFUSED_AT_ONCE / REFUSED_A_SECOND) + 1 / REFUSED_A_SECOND
        if self._refused_until > now:
            await sleep(self._refused_until - now)

    def _resize(self, records: int) -> None:
        self._size = min(self._most, max(self._least, self._size + records / RECORDS_A_CHANGE))
        self._records.resize(int(self._size))
