"""What `ledger` compares id by id, for more submissions than memory holds: by their number and the sum of their ids."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, cast

import msgspec

from shared.contracts.chain import Verdict, judge
from shared.contracts.envelope import from_headers
from shared.contracts.topics import SURVEY_SUBMITTED
from tests.faults import ledger
from tests.lists import NOT_LISTED
from tests.runtime import Runtime

_DIGITS: Final = 16
"""Of an id, from its end: 64 bits by chance in ids of every version that is used here."""
TALLIED: Final = """
SELECT count(*), coalesce(sum(('x' || right(replace(submission_id::text, '-', ''), 16))::bit(64)::bigint), 0)
FROM submission
"""


@dataclass
class Tally:
    """How many ids, and the sum of their last 64 bits as signed numbers: another set of ids of the same number has
    another sum, unless by chance, once in 2^64."""

    number: int = 0
    total: int = 0

    def add(self, ids: Iterable[str]) -> None:
        """Counts ids that were not counted before."""
        for one in ids:
            self.number += 1
            value = int(one.replace("-", "")[-_DIGITS:], 16)
            self.total += value - (1 << 64) if value >> 63 else value


async def differences(runtime: Runtime, told: Tally) -> list[str]:
    """What is not equal, once nothing moves any more. told: all submissions that were answered 202."""
    found = await ledger.all_recorded(runtime)
    row = (await ledger.rows(runtime, "survey", TALLIED))[0]
    found += _unlike("recorded", Tally(int(row[0]), int(row[1])), told)
    households = await ledger.sums_of(runtime, "survey", ledger.HOUSEHOLDS)
    found += await asyncio.to_thread(_of_the_stream, runtime, told, households)
    if persons := await ledger.settled(runtime, "survey", NOT_LISTED, 0):
        found.append(f"{persons} persons to reach stand otherwise in the lists than in their households")
    if (visits := await ledger.settled(runtime, "reporting", ledger.VISITS, told.number)) != told.number:
        found.append(f"{told.number} submissions were told to clients, reporting counts {visits}")
    found += ledger.unequal("aggregates", await ledger.sums_of(runtime, "reporting", ledger.AGGREGATES), households)
    for service in ("survey", "reporting"):
        if letters := await ledger.value(runtime, service, ledger.DEAD_LETTERS):
            found.append(f"{letters} dead letters of {service}")
    return found


def _of_the_stream(runtime: Runtime, told: Tally, households: ledger.Sums) -> list[str]:
    """What a subscriber finds who begins at the beginning of survey-submitted and keeps the sequence rule."""
    found: list[str] = []
    last: dict[int | None, int] = {}
    published = Tally()
    sums: ledger.Sums = defaultdict(Counter)
    for record in ledger.records(runtime, SURVEY_SUBMITTED):
        envelope = from_headers(cast(list[tuple[str, bytes | None]], record.headers()))
        match judge(last.get(record.partition()), envelope.sequence, envelope.previous):
            case Verdict.APPLY:
                last[record.partition()] = envelope.sequence
                published.add([envelope.id])
                ledger.add(sums, msgspec.json.decode(record.value() or b""))
            case Verdict.GAP:
                return [f"survey-submitted {record.partition()}: a gap before {envelope.sequence}"]
    found += _unlike("published", published, told)
    return found + ledger.unequal("events", sums, households)


def _unlike(name: str, tally: Tally, told: Tally) -> list[str]:
    if tally == told:
        return []
    return [f"{told.number} submissions were told to clients, {tally.number} were {name}, of other ids by their sum"]
