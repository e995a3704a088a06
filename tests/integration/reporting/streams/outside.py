"""A consumer as somebody outside would write it from docs/subscribers-replay.md: httpx, JSON, and the sequence rule."""

import json
from collections import Counter
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any

import httpx

CONTROL = "care.jitasa.stream."
COUNTS = ("persons", "dose_0", "dose_1", "dose_2", "dose_3", "wanting", "wanting_608", "undecided", "refusing")


class EventsMissing(Exception):
    """By the sequence rule."""


@dataclass
class Kept:
    """What the consumer keeps, all of it written at once: where it goes on, the sequence rule's `last` by partition,
    and the effects."""

    cursor: str | None = None
    last: dict[int, int] = field(default_factory=dict)
    number: int = 0
    ids: list[str] = field(default_factory=list)
    sums: dict[str, Counter[str]] = field(default_factory=dict)

    def copy(self) -> "Kept":
        """What a transaction begins with."""
        sums = {area: Counter(figures) for area, figures in self.sums.items()}
        return Kept(self.cursor, dict(self.last), self.number, list(self.ids), sums)


@dataclass
class Outside:
    """One consumer of one stream."""

    client: httpx.AsyncClient
    stream: str
    area: str | None = None
    start: str = "start"
    kept: Kept = field(default_factory=Kept)
    gaps: list[dict[str, Any]] = field(default_factory=list)
    repetitions: int = 0

    def parameters(self, **more: Any) -> dict[str, Any]:
        """Of the next question."""
        begin = {"from": self.start} if self.kept.cursor is None else {"cursor": self.kept.cursor}
        area = {} if self.area is None else {"area": self.area}
        return {**begin, **area, **more}

    async def lines(self, **more: Any) -> AsyncGenerator[dict[str, Any], None]:
        """The CloudEvents of one answer in lines."""
        accept = {"Accept": "application/x-ndjson"}
        url = f"/v1/streams/{self.stream}/events"
        async with self.client.stream("GET", url, params=self.parameters(**more), headers=accept) as response:
            if response.status_code != 200:
                raise AssertionError((await response.aread()).decode())
            async for line in response.aiter_lines():
                yield json.loads(line)

    async def once(self, **more: Any) -> bool:
        """Takes one answer; whether the stream's end was reached."""
        working = self.kept.copy()
        async for event in self.lines(**more):
            working, ended = self.take(working, event)
            if ended:
                return True
        return False

    async def to_the_end(self, **more: Any) -> None:
        """Takes answers until the end."""
        while not await self.once(**more):
            pass

    def take(self, working: Kept, event: dict[str, Any]) -> tuple[Kept, bool]:
        """One event: effects, or a cursor, with which they are kept."""
        if not event["type"].startswith(CONTROL):
            self.apply(working, event)
            return working, False
        if event["type"] == CONTROL + "gap.v1":
            self.gaps.append(event["data"])
        working.cursor = event["data"]["cursor"]
        self.kept = working
        return working.copy(), event["type"] == CONTROL + "end.v1"

    def apply(self, working: Kept, event: dict[str, Any]) -> None:
        """The sequence rule, and the effects."""
        sequence, previous = int(event["sequence"]), event["previous"]
        last = working.last.get(event["partition"])
        if last is not None and sequence <= last:
            self.repetitions += 1
            return
        if previous != "-" and (last is None or int(previous) > last):
            raise EventsMissing(event)
        if working.number and int(event["number"]) != working.number + 1:
            raise EventsMissing(event)
        working.last[event["partition"]] = sequence
        working.number = int(event["number"])
        working.ids.append(event["id"])
        data = event["data"]
        figures = working.sums.setdefault(data["area"], Counter())
        if "household_id" in data:
            figures["submissions"] += data["kind"] != "erasure" and data["volunteer_id"] is not None
            for count in COUNTS:
                before, after = data["before"] or {}, data["after"] or {}
                figures[count] += after.get(count, 0) - before.get(count, 0)
