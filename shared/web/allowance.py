"""How much one address may ask of what is open to everybody: a bucket that fills again (token bucket), in each process.

It stands before every route that anybody or any citizen may call (`shared.web.access`), so that a new one is bounded
too. What is rarer than that by its nature, such as sign-ups, is counted in the database on top
(`shared.postgres.throttle`).
"""

import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable
from functools import lru_cache
from math import ceil
from typing import Any, Final
from weakref import WeakKeyDictionary

from starlette.requests import Request

from shared.web.access import Demand, demand_of
from shared.web.origin import address_of
from shared.web.problems import Message, Problem

A_SECOND: Final = 50.0
"""A whole hospital's phones behind one address, each moving a map."""
AT_ONCE: Final = 500.0
"""What an address may use up before the rate holds: a classroom that opens the page together."""
MOST_ADDRESSES: Final = 20_000
"""Kept at a time, some 4 MB; who was not seen for longest is forgotten, and has a full bucket anyway by then."""


class Allowance:
    """Counts requests by address. a_second: how fast a bucket fills again; at_once: what it holds."""

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, *, a_second: float = A_SECOND, at_once: float = AT_ONCE
    ) -> None:
        self._clock = clock
        self._a_second = a_second
        self._at_once = at_once
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, address: str) -> int:
        """Take one request from an address' bucket: 0, or the whole seconds after which there is one again."""
        now = self._clock()
        left, seen = self._left.pop(address, (self._at_once, now))
        left = min(self._at_once, left + (now - seen) * self._a_second)
        spent = left >= 1
        self._left[address] = (left - 1 if spent else left, now)
        if len(self._left) > MOST_ADDRESSES:
            self._left.popitem(last=False)
        return 0 if spent else ceil((1 - left) / self._a_second)


def crowd(clock: Callable[[], float] = time.monotonic) -> Allowance:
    """For what a whole province's phones do behind one address, that of their operator's network translation, and what
    costs little: a tenth of what a process answers."""
    return Allowance(clock, a_second=10 * A_SECOND, at_once=10 * AT_ONCE)


async def admit(request: Request) -> None:
    """A dependency of every route: takes one question from what the address may ask, where anybody or any citizen may
    ask. Raises a 429 problem.

    Who asks from this machine itself is let through; a proxy that stands on it says for whom it asks.
    """
    if not _open_to_all(request.scope["route"]):
        return
    address = address_of(request)
    if _is_own(address):
        return
    wait = request.app.state.allowance.wait(address)
    if wait:
        raise Problem(429, detail=_TOO_OFTEN, headers={"Retry-After": str(wait)})


_TOO_OFTEN: Final = Message("ถามบ่อยเกินไป โปรดรอสักครู่", "This address asks too often; please wait a moment")


_known: Final[WeakKeyDictionary[Any, bool]] = WeakKeyDictionary()
"""Whether a route is open, by what answers it: looked at once, for a route's dependencies are many."""


def _open_to_all(route: Any) -> bool:
    known = _known.get(route.endpoint)
    if known is None:
        known = demand_of(route.dependant) in (Demand.NOTHING, Demand.OPTIONAL, Demand.CITIZEN)
        _known[route.endpoint] = known
    return known


@lru_cache(maxsize=2_000)
def _is_own(address: str) -> bool:
    try:
        return ipaddress.ip_network(address).is_loopback
    except ValueError:
        return False
