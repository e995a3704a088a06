"""How much one may ask for, and why no more."""

from datetime import timedelta
from typing import Final

from shared.postgres.throttle import Limit

REQUESTS_PER_PHONE: Final = Limit("help.phone", 10, timedelta(hours=24))
"""One request of each kind is open at a time; who cancels and asks again all day is stopped before he wears out a
village's volunteers. The same request sent again is not counted."""
REQUESTS_PER_ADDRESS: Final = Limit("help.address", 500, timedelta(minutes=10))
"""A flooded village behind one carrier's address; each phone has proved itself by an SMS before."""
PUBLIC_KEPT_SECONDS: Final = 5.0
"""Public counts are read again after this long at the earliest, whoever asks: the same few rows for everybody."""
MOST_PUBLIC_AREAS: Final = 1_006
"""The country's provinces and districts: every area that can be asked for."""

PEOPLE: Final = 50
"""A household, or the guests of a shelter; a village asks through its coordinator."""
NAME: Final = 100
ADDRESS: Final = 300
NOTE: Final = 500
"""Letters: some sentences, typed on a phone."""

PAGE: Final = 100
"""Requests in one answer, some 60 KB: more than anybody reads before acting."""

WATCHERS: Final = 1_000
"""Streams in one process, a quarter of its connections: intake keeps the rest. Who finds no place asks by the list."""
WAITING_EVENTS: Final = 600
"""Events that a stream may be behind: what the keeper does at once (500), and then some; 360 KB in shared bytes."""
HEARTBEAT_SECONDS: Final = 10.0
"""So long a silent stream goes on after its reader's role ended; proxies wait for a minute at least."""
SEND_SECONDS: Final = 10.0
"""A client that takes nothing for so long is gone."""
