"""What the routes of requests for help work with: made by the composition root, found at `app.state.help`."""

from dataclasses import dataclass

import asyncpg
from starlette.requests import Request

from services.survey.help.live import HelpLive
from services.survey.help.public_counts import PublicCounts
from services.survey.help.store import HelpRequests
from shared.observability.clock import Clock
from shared.postgres.throttle import Throttle
from shared.security.blind_index import BlindIndex
from shared.security.sealing import KeyRing


@dataclass(frozen=True, slots=True)
class HelpParts:
    """The stores and tools of this subject."""

    requests: HelpRequests
    live: HelpLive
    throttle: Throttle
    public: PublicCounts
    index: BlindIndex
    clock: Clock

    @classmethod
    def of(cls, pool: "asyncpg.Pool[asyncpg.Record]", ring: KeyRing, index: BlindIndex, clock: Clock) -> "HelpParts":
        """Those of a database."""
        requests = HelpRequests(pool, ring)
        return cls(requests, HelpLive(pool), Throttle(pool, index), PublicCounts(requests, clock), index, clock)


def parts(request: Request) -> HelpParts:
    """Give a route its parts."""
    found: HelpParts = request.app.state.help
    return found
