"""A piece of a stream on its way: events of several partitions at once, those of one partition one after another."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import msgspec

from services.reporting.webhooks.leases import Delivered, Message

Send = Callable[[Message], Awaitable[bool]]
"""Sends one; whether it was delivered."""


class _Partitioned(msgspec.Struct):
    partition: int | None = None


_read = msgspec.json.Decoder(_Partitioned).decode


@dataclass(frozen=True, slots=True)
class Step:
    """What has arrived since the step before: `events` up to and with `last`, without which nothing is missing; None
    where something before them all is."""

    delivered: Delivered
    last: Message | None
    events: int


class Piece:
    """Messages by place, and which of them have arrived. at_end: there is nothing behind them now."""

    def __init__(self, messages: Sequence[Message], *, at_end: bool) -> None:
        self.messages = messages
        self.at_end = at_end
        self._arrived = {each.place for each in messages if each.delivered}
        self._whole = 0
        """So many messages have arrived without one missing before them."""
        self._stepped = True

    @property
    def arrived(self) -> bool:
        """Whether all of it has."""
        return len(self._arrived) == len(self.messages)

    def has_arrived(self, message: Message) -> None:
        """Notes it."""
        self._arrived.add(message.place)
        self._stepped = False

    def step(self) -> Step | None:
        """What is to be written down now; None where nothing has arrived since."""
        if self._stepped:
            return None
        self._stepped, first = True, self._whole
        while self._whole < len(self.messages) and self.messages[self._whole].place in self._arrived:
            self._whole += 1
        passed = self.messages[first : self._whole]
        until = self.messages[self._whole - 1].place if self._whole else -1
        ahead = [place for place in self._arrived if place > until]
        return Step(Delivered(until, ahead), passed[-1] if passed else None, sum(each.is_event for each in passed))

    async def send(self, send: Send, at_once: int, *, alone: bool) -> None:
        """Everything that has not arrived, until one does not. alone: the first before any other, to see whether
        somebody is there."""
        if at_once == 1:
            left = [each for each in self.messages if each.place not in self._arrived]
            await _in_lanes([left], send, 1)
            return
        for messages in self._groups(alone=alone):
            lanes: dict[int | None, list[Message]] = {}
            for each in messages:
                lanes.setdefault(_read(each.body).partition, []).append(each)
            if not await _in_lanes(list(lanes.values()), send, at_once):
                return

    def _groups(self, *, alone: bool) -> Iterator[list[Message]]:
        """What may be on its way together: a gap waits for all before it, and all behind it wait for the gap."""
        left = [each for each in self.messages if each.place not in self._arrived]
        if alone and left:
            yield [left.pop(0)]
        for _, group in groupby(left, lambda each: -1 if each.is_event else each.place):
            yield list(group)


async def _in_lanes(lanes: Sequence[Sequence[Message]], send: Send, at_once: int) -> bool:
    room, failed = asyncio.Semaphore(at_once), False

    async def one_after_another(lane: Sequence[Message]) -> None:
        nonlocal failed
        for each in lane:
            async with room:
                if failed or not await send(each):
                    failed = True
                    return

    tasks = [asyncio.ensure_future(one_after_another(lane)) for lane in lanes]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    return not failed
