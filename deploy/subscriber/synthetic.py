"""A stream of synthetic survey events with the truth about it, for trying consumers: made-up households, real rules.

It lies on a topic of its own and never among real events.
"""

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from aiokafka import AIOKafkaProducer

from shared.contracts.envelope import Envelope, to_headers
from shared.contracts.events import HouseholdCounts, SubmissionKind, SubmissionOutcome, SurveySubmitted
from shared.contracts.topics import Topic

COUNTED: Final = ("persons", "dose_0", "dose_1", "dose_2", "dose_3", "wanting")
SUMMED: Final = ("events", *COUNTED)
"""What the truth of an area is, in this order."""
HOUSEHOLDS: Final = 20
"""In each area: few, so that most events have something before."""

_NOW: Final = datetime(2022, 2, 7, 2, 0, tzinfo=UTC)
_EPOCH: Final = 10**15
_ERASED: Final = 0.1

Sums = dict[str, tuple[int, ...]]
Headers = list[tuple[str, bytes]]


@dataclass
class SyntheticStream:
    """Events are made first, which counts them, and published then: in order, again, or not at all."""

    producer: AIOKafkaProducer
    topic: Topic
    dice: random.Random
    epoch: int = 0
    sums: Sums = field(default_factory=dict)
    last: dict[int, int] = field(default_factory=dict)
    records: dict[int, list[tuple[bytes, bytes, Headers]]] = field(default_factory=dict)
    """By partition, all that was made: key, value, headers."""
    _households: dict[str, HouseholdCounts | None] = field(default_factory=dict)

    def make(self, area: str, count: int = 1, **more: Any) -> int:
        """The next events of a subdistrict, all in one partition, which is returned.

        more: fields that no published schema has.
        """
        return [self._make(area, more) for _ in range(count)][-1]

    def make_other(self, area: str, value: bytes, kind: str | None = None) -> int:
        """The next event, which changes no sum: of another type, or one that cannot be read. Returns the partition."""
        key = _household(area, 0)
        partition = self.topic.partition_of(key)
        self._append(partition, key, value, kind or self.topic.event_type or "")
        return partition

    async def publish(
        self, partition: int, first: int = 0, after: int | None = None, headers: Sequence[tuple[str, bytes]] = ()
    ) -> None:
        """Publish a stretch of what was made, for the first time or again. headers: more than the contract names."""
        for key, value, own in self.records[partition][first:after]:
            await self.producer.send(self.topic.name, value, key=key, partition=partition, headers=[*own, *headers])
        await self.producer.flush()

    async def publish_foreign(self, partition: int) -> None:
        """Publish a record that is no event."""
        await self.producer.send_and_wait(self.topic.name, b"hello", partition=partition)

    def _make(self, area: str, more: dict[str, Any]) -> int:
        household = _household(area, self.dice.randrange(HOUSEHOLDS))
        partition = self.topic.partition_of(household)
        before = self._households.get(household)
        erased = before is not None and self.dice.random() < _ERASED
        after = None if erased else self._counts()
        event = SurveySubmitted(
            submission_id=self._id(),
            household_id=UUID(household),
            volunteer_id=None if erased else UUID(int=1),
            organisation_id=None,
            area=area,
            captured_at=_NOW,
            recorded_at=_NOW,
            kind=SubmissionKind.ERASURE if erased else SubmissionKind.SURVEY,
            outcome=SubmissionOutcome.RECORDED,
            revision=1,
            before=before,
            after=after,
        )
        self._households[household] = after
        self._count(area, before, after)
        value = event.model_dump_json().encode()
        if more:
            value = json.dumps(json.loads(value) | more, ensure_ascii=False).encode()
        self._append(partition, household, value, self.topic.event_type or "")
        return partition

    def _counts(self) -> HouseholdCounts:
        doses = [self.dice.randrange(3) for _ in range(4)]
        named = dict(zip(COUNTED[1:5], doses, strict=True))
        none = dict.fromkeys(("wanting_608", "undecided", "refusing", "home_visit"), 0)
        reasons = {"a_reason_yet_unknown": doses[0]} if doses[0] else {}
        return HouseholdCounts(persons=sum(doses), wanting=doses[0], reasons=reasons, **named, **none)

    def _count(self, area: str, before: HouseholdCounts | None, after: HouseholdCounts | None) -> None:
        more = (1, *(getattr(after, name, 0) - getattr(before, name, 0) for name in COUNTED))
        old = self.sums.get(area, (0,) * len(SUMMED))
        self.sums[area] = tuple(a + b for a, b in zip(old, more, strict=True))

    def _append(self, partition: int, key: str, value: bytes, kind: str) -> None:
        previous = self.last.get(partition)
        # Sequences have holes, and a topic that was made anew goes on above all of the old one.
        sequence = max(self.epoch * _EPOCH, -1 if previous is None else previous) + self.dice.randint(1, 3)
        self.last[partition] = sequence
        source, schema = self.topic.source or "", self.topic.dataschema or ""
        envelope = Envelope(str(self._id()), source, kind, key, _NOW, sequence, previous, schema)
        self.records.setdefault(partition, []).append((key.encode(), value, to_headers(envelope)))

    def _id(self) -> UUID:
        return UUID(int=self.dice.getrandbits(128), version=4)


def _household(area: str, number: int) -> str:
    return str(UUID(f"{area}00-0000-8000-8000-{number:012x}"))
