"""How many ask for help, as everybody may see it: by subdistrict and status, without those of few persons."""

from collections import Counter, OrderedDict, defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from pydantic import BaseModel

from services.survey.help.domain import OPEN
from services.survey.help.limits import MOST_PUBLIC_AREAS, PUBLIC_KEPT_SECONDS
from services.survey.help.store import HelpRequests
from shared.areas.register import subdistricts
from shared.areas.suppression import DISTRICT, withheld
from shared.contracts.events import HelpStatus
from shared.observability.clock import Clock

SHOWN: Final = (*OPEN, HelpStatus.DONE)


class SubdistrictCounts(BaseModel):
    """Requests of one subdistrict by status (waiting, accepted, helping, done); null and `suppressed` where so few
    asked that one could be told."""

    area: str
    name_th: str
    name_en: str
    statuses: Mapping[str, int] | None
    suppressed: bool


class PublicAnswer(BaseModel):
    """The sums of an area, which withhold nothing, and of those of its subdistricts from which anybody asked."""

    area: str
    as_of: datetime
    statuses: Mapping[str, int]
    subdistricts: Sequence[SubdistrictCounts]


class PublicCounts:
    """What was counted a moment ago, by area: the database is asked once for all who look."""

    def __init__(self, requests: HelpRequests, clock: Clock) -> None:
        self._requests = requests
        self._clock = clock
        self._kept: OrderedDict[str, PublicAnswer] = OrderedDict()

    async def of(self, area: str) -> PublicAnswer:
        """The counts of a province or district."""
        now, kept = self._clock.now(), self._kept.get(area)
        if kept is not None and timedelta() <= now - kept.as_of < timedelta(seconds=PUBLIC_KEPT_SECONDS):
            return kept
        answer = _answer(area, await self._requests.counts(area), now)
        self._kept[area] = answer
        if len(self._kept) > MOST_PUBLIC_AREAS:
            self._kept.popitem(last=False)
        return answer


def _answer(area: str, rows: Sequence[Mapping[str, Any]], now: datetime) -> PublicAnswer:
    """The answer about an area of at least one whole district: what is withheld depends on all of a district."""
    assert len(area) <= DISTRICT, area  # noqa: S101 - the route lets in no other
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        found[row["area"]][row["status"]] += row["requests"]
    names = {each.code: each for each in subdistricts(area)}
    hidden = withheld({code: found[code].total() if code in found else 0 for code in {*names, *found}})
    return PublicAnswer(
        area=area,
        as_of=now,
        statuses={status: sum(counts[status] for counts in found.values()) for status in SHOWN},
        subdistricts=[
            SubdistrictCounts(
                area=code,
                name_th=each.name_th,
                name_en=each.name_en,
                statuses=None if code in hidden else {status: found[code][status] for status in SHOWN},
                suppressed=code in hidden,
            )
            for code, each in names.items()
            if code in found or code in hidden
        ],
    )
