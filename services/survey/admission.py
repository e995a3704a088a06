"""Bounded admission: how much intake holds at once, and whose it is.

What finds no room is refused before it is read, since judging and sealing are what intake spends its time on: under a
flood nearly all of it goes to what is accepted. The rule, the same for records and for bytes, in constant time:

1. while less than half of the room is used, anybody may use it up to that half;
2. up to seven eighths of the room, a party may hold its fair share of these seven eighths: they are divided by the
   parties that hold something now;
3. the last eighth is for newcomers, of whom each may hold a thirty-second of the room (125 records, 1 MiB):
   whatever the others hold, somebody new finds room, and by holding something makes the others' shares smaller.

A party is an organisation, or a volunteer who belongs to none.
"""

import asyncio
from enum import StrEnum

from services.survey.precedence import Precedence
from shared.observability.metrics import IN_FLIGHT, IN_FLIGHT_BYTES, NO_ROOM
from shared.security.principal import Principal

MAX_RECORDS = 4_000
"""Read and not yet acknowledged. Half of it, which anybody may use, is the work of 0.2 s at 10,000 a second, about as
long as the slowest answers take then; with all of it the last one waits for less than a second."""
MAX_BYTES = 32 * 1024 * 1024
"""Of bodies that are on their way in or being worked on: some 900 phones with 50 households each on a slow net, or 8
of the largest batches."""

Party = int
"""The number of the UUID of an organisation or a volunteer: as a key it costs a tenth of the UUID itself."""


class Cause(StrEnum):
    """Which limit was met."""

    COUNT = "count"
    """All records that may be in flight are."""
    BYTES = "bytes"
    """All bytes that may be held are."""
    SHARE = "share"
    """There is room, but not for a party that holds its share already."""


def party_of(principal: Principal) -> Party:
    """Whose share the principal's submissions take."""
    return (principal.organisation or principal.subject).int


class Room:
    """One limited thing, and how much of it each party holds."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._anybodys = size // 2
        self._shared = size - size // 8
        self._newcomers = -(-size // 32)
        self._held: dict[Party, int] = {}
        self.used = 0

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
        return self._size - self.used

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

    def __init__(
        self,
        max_records: int = MAX_RECORDS,
        max_bytes: int = MAX_BYTES,
        precedence: Precedence | None = None,
    ) -> None:
        self._precedence = precedence or Precedence()
        self._records = Room(max_records)
        self._bytes = Room(max_bytes)
        self._turn = asyncio.Lock()
        for cause in Cause:
            NO_ROOM.labels(cause)  # there from the beginning, so that the first refusal shows as one
        IN_FLIGHT.set_function(lambda: self.records_held)
        IN_FLIGHT_BYTES.set_function(lambda: self.bytes_held)

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

    @property
    def turn(self) -> asyncio.Lock:
        """Held by who judges a stretch of a batch: batches go one after another, in the order in which they came."""
        return self._turn

    async def pause(self) -> None:
        """Lets all others in the event loop go on, and whoever waits for a page until it is read: who is refused, or
        asks for a list, must not wait until what was let in is judged."""
        await asyncio.sleep(0)
        await self._precedence.give_way()

    def give_back(self, party: Party, records: int) -> None:
        """Records that were let in are answered."""
        self._records.give_back(party, records)
