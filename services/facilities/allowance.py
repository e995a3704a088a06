"""How much one address may ask of the public interface: a bucket that fills again (token bucket), in each process."""

import time
from collections import OrderedDict
from collections.abc import Callable
from math import ceil
from typing import Final

A_SECOND: Final = 50.0
"""A whole hospital's phones behind one address, each moving a map."""
AT_ONCE: Final = 500.0
"""What an address may use up before the rate holds: a classroom that opens the page together."""
MOST_ADDRESSES: Final = 20_000
"""Kept at a time, some 4 MB; who was not seen for longest is forgotten, and has a full bucket anyway by then."""


class Allowance:
    """Counts requests by address."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, address: str) -> int:
        """Take one request from an address' bucket: 0, or the whole seconds after which there is one again."""
        now = self._clock()
        left, seen = self._left.pop(address, (AT_ONCE, now))
        left = min(AT_ONCE, left + (now - seen) * A_SECOND)
        spent = left >= 1
        self._left[address] = (left - 1 if spent else left, now)
        if len(self._left) > MOST_ADDRESSES:
            self._left.popitem(last=False)
        return 0 if spent else ceil((1 - left) / A_SECOND)
