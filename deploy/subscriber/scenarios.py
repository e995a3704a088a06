"""What a consumer has to stand, one scenario each, on a topic and in an area of its own."""

import asyncio
import contextlib
import json
import os
import shlex
import signal
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from confluent_kafka.admin import AdminClient

from deploy import provisioning
from deploy.subscriber.synthetic import COUNTED, SUMMED, SyntheticStream
from shared.contracts.topics import Topic

ASKED: Final = ("events", "persons", "wanting")
"""What a consumer has to tell of each area."""
MOST_STARTS: Final = 50
"""In one scenario: a program that ends at once is not started for ever."""
BETWEEN_STARTS_SECONDS: Final = 0.2
BETWEEN_LOOKS_SECONDS: Final = 0.2
ANSWER_SECONDS: Final = 20.0
"""Within which the command that tells the sums has to end."""
KILLS: Final = 6
BETWEEN_EVENTS_SECONDS: Final = 0.01
"""So that there are many batches in which a consumer can be killed."""

Told = dict[str, int]
NOTHING: Final[Told] = dict.fromkeys(ASKED, 0)


class NotConforming(Exception):
    """The consumer did something else than the contract asks; the message says what."""


@dataclass
class Program:
    """The consumer under trial: how it is started and how it tells its sums. It is started again when it ends."""

    start_command: str
    sums_command: str
    environment: Mapping[str, str]
    _keeping: "asyncio.Task[None] | None" = None
    _starts: int = 0

    async def start(self) -> None:
        """Start it, and keep it running."""
        self._keeping = asyncio.create_task(self._keep())

    async def stop(self) -> None:
        """Kill it for good."""
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.wait([self._keeping])
            self._keeping = None

    async def kill(self) -> None:
        """Kill it, and start it again."""
        await self.stop()
        await self.start()

    async def sums(self) -> dict[str, Told]:
        """What it tells of each area; nothing while it does not answer."""
        process = await self._run(self.sums_command, asyncio.subprocess.PIPE)
        try:
            answer, _ = await asyncio.wait_for(process.communicate(), ANSWER_SECONDS)
            told = json.loads(answer or b"{}") or {}
            return {str(area): {name: int(sums[name] or 0) for name in ASKED} for area, sums in dict(told).items()}
        except (ValueError, KeyError, TypeError, TimeoutError):
            return {}
        finally:
            await _end(process)

    async def _keep(self) -> None:
        process = None
        try:
            while self._starts < MOST_STARTS:
                self._starts += 1
                process = await self._run(self.start_command)
                await process.wait()
                await asyncio.sleep(BETWEEN_STARTS_SECONDS)
        finally:
            if process is not None:
                await _end(process)

    async def _run(self, command: str, stdout: int = asyncio.subprocess.DEVNULL) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *shlex.split(command),
            env=dict(self.environment),
            start_new_session=True,  # a command may start others, which end with it
            stdin=asyncio.subprocess.DEVNULL,
            stdout=stdout,
            stderr=asyncio.subprocess.DEVNULL,
        )


async def _end(process: asyncio.subprocess.Process) -> None:
    """Kill a command that still runs, and all that it started."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    await process.wait()


@dataclass
class Trial:
    """One scenario at work."""

    stream: SyntheticStream
    program: Program
    admin: AdminClient
    area: str
    patience_seconds: float
    quiet_seconds: float

    def truth(self) -> Told:
        """The area's sums by the events that were made."""
        sums = dict(zip(SUMMED, self.stream.sums.get(self.area, (0,) * (1 + len(COUNTED))), strict=True))
        return {name: sums[name] for name in ASKED}

    async def reaches(self, wanted: Told, otherwise: str) -> None:
        """Wait until the consumer tells these sums."""
        end = time.monotonic() + self.patience_seconds
        while (found := await self._found()) != wanted:
            if time.monotonic() > end:
                raise NotConforming(f"{otherwise}: {found} instead of {wanted}")
            await asyncio.sleep(BETWEEN_LOOKS_SECONDS)

    async def stays_at(self, wanted: Told, otherwise: str) -> None:
        """Look for a while that the sums do not move."""
        end = time.monotonic() + self.quiet_seconds
        while time.monotonic() < end:
            found = await self._found()
            if found != wanted:
                raise NotConforming(f"{otherwise}: {found} instead of {wanted}")
            await asyncio.sleep(BETWEEN_LOOKS_SECONDS)

    async def make_topic_anew(self) -> None:
        """Delete the topic and make it again, empty, as when a cluster is replaced."""
        topic = self.stream.topic
        await asyncio.to_thread(delete_topic, self.admin, topic, self.patience_seconds)
        await asyncio.to_thread(provisioning.topics, self.admin, [topic], replicas=1, in_sync=1)
        self.stream.epoch += 1

    async def _found(self) -> Told:
        return (await self.program.sums()).get(self.area, NOTHING)


def delete_topic(admin: AdminClient, topic: Topic, patience_seconds: float) -> None:
    """Delete a topic and wait until it is gone. Raises `TimeoutError`."""
    for answer in admin.delete_topics([topic.name], request_timeout=patience_seconds).values():
        answer.result(patience_seconds)
    end = time.monotonic() + patience_seconds
    while topic.name in admin.list_topics(timeout=patience_seconds).topics:
        if time.monotonic() > end:
            raise TimeoutError(f"{topic.name} was deleted and is still there")
        time.sleep(0.1)


async def in_order(trial: Trial) -> None:
    """Events in order, with holes in their sequences."""
    await trial.stream.publish(trial.stream.make(trial.area, 100))
    await trial.program.start()
    await trial.reaches(trial.truth(), "not all events were counted once; the sum is of `after` minus `before`")


async def repetitions(trial: Trial) -> None:
    """Stretches that come again, as after a take-over."""
    partition = trial.stream.make(trial.area, 60)
    await trial.program.start()
    for first, after in ((0, 30), (10, 30), (29, 30), (20, 50), (0, 50), (45, 60), (59, 60)):
        await trial.stream.publish(partition, first, after)
    await trial.reaches(trial.truth(), "repetitions were counted, or events behind them were not")
    await trial.stays_at(trial.truth(), "repetitions were counted")


async def replay(trial: Trial) -> None:
    """The whole stream again, after it was read to its end."""
    partition = trial.stream.make(trial.area, 40)
    await trial.stream.publish(partition)
    await trial.program.start()
    await trial.reaches(trial.truth(), "not all events were counted once")
    await trial.stream.publish(partition)
    await trial.program.kill()
    await trial.stream.publish(partition, 35)
    await trial.stays_at(trial.truth(), "a replay was counted")


async def partitions(trial: Trial) -> None:
    """Partitions in another order than that in which their events happened."""
    others = [f"{trial.area[:4]}{number:02}" for number in range(2, 12)]
    made = {trial.stream.make(area, 3) for _ in range(4) for area in (trial.area, *others)}
    await trial.program.start()
    for partition in sorted(made, reverse=True):
        await trial.stream.publish(partition)
    await trial.reaches(trial.truth(), "an order between partitions was expected; there is none")


async def unknown(trial: Trial) -> None:
    """Fields, headers, values and types that nobody knew, and records that are no events."""
    partition = trial.stream.make(trial.area, 3)
    trial.stream.make(trial.area, 3, added_later={"by": "a newer producer"}, flags=["a_flag_yet_unknown"])
    # Of another type, and hence of another meaning, much as it may look like one that is known.
    other = {"area": trial.area, "before": None, "after": {"persons": 1_000, "wanting": 1_000}}
    trial.stream.make_other(trial.area, json.dumps(other).encode(), "care.jitasa.something-later.v2")
    trial.stream.make(trial.area, 3)
    await trial.stream.publish_foreign(partition)
    await trial.stream.publish(partition, 0, 5, headers=[("ce_addedlater", "ใหม่".encode()), ("x-trace", b"\xff")])
    await trial.stream.publish_foreign(partition)
    await trial.stream.publish(partition, 5)
    await trial.program.start()
    await trial.reaches(trial.truth(), "what is not known has to be ignored, and takes its place in the chain")


async def unreadable(trial: Trial) -> None:
    """Events whose body cannot be read."""
    partition = trial.stream.make(trial.area, 3)
    trial.stream.make_other(trial.area, b"\xff no JSON")
    trial.stream.make_other(trial.area, b'{"area": 5}')
    trial.stream.make(trial.area, 3)
    await trial.stream.publish(partition)
    await trial.program.start()
    await trial.reaches(trial.truth(), "an unreadable event has to be put aside, and takes its place in the chain")


async def gap(trial: Trial) -> None:
    """Events that are missing, and come again later."""
    partition = trial.stream.make(trial.area, 10)
    before = trial.truth()
    trial.stream.make(trial.area, 20)
    await trial.stream.publish(partition, 0, 10)
    await trial.stream.publish(partition, 14)
    await trial.program.start()
    await trial.reaches(before, "at a gap nothing may be passed over, and what lies before it counts")
    await trial.stays_at(before, "a gap was passed over")
    await trial.program.kill()
    await trial.stays_at(before, "a gap was passed over after a restart")
    await trial.stream.publish(partition, 10, 14)
    await trial.reaches(trial.truth(), "what was missing came again, and not all was counted")


async def new_epoch(trial: Trial) -> None:
    """A topic that was made anew: offsets begin again, sequences go on."""
    partition = trial.stream.make(trial.area, 10)
    await trial.stream.publish(partition)
    await trial.program.start()
    await trial.reaches(trial.truth(), "not all events were counted once")
    await trial.program.stop()
    await trial.make_topic_anew()
    trial.stream.make(trial.area, 25)  # more than there were: the old offset lies inside the new topic
    await trial.stream.publish(partition, 10)
    await trial.program.start()
    await trial.reaches(trial.truth(), "an offset of the old topic was taken for one of the new")


async def killed(trial: Trial) -> None:
    """Killed again and again while events come."""
    stopping = asyncio.Event()

    async def publish() -> None:
        while not stopping.is_set():
            partition = trial.stream.make(trial.area, 5)
            await trial.stream.publish(partition, len(trial.stream.records[partition]) - 5)
            await asyncio.sleep(BETWEEN_EVENTS_SECONDS)

    async def counted() -> int:
        return (await trial.program.sums()).get(trial.area, NOTHING)["events"]

    publishing = asyncio.create_task(publish())
    try:
        await trial.program.start()
        for _ in range(KILLS):
            before, end = await counted(), time.monotonic() + trial.patience_seconds
            while await counted() <= before:
                if time.monotonic() > end:
                    raise NotConforming(f"after {trial.patience_seconds:.0f} s nothing more was counted")
            await trial.program.kill()
    finally:
        stopping.set()
        await publishing
    await trial.reaches(trial.truth(), "position and sums are not kept in one transaction")
    await trial.stays_at(trial.truth(), "position and sums are not kept in one transaction")


SCENARIOS: Final[Mapping[str, Callable[[Trial], Awaitable[None]]]] = {
    "in-order": in_order,
    "repetitions": repetitions,
    "replay": replay,
    "partitions": partitions,
    "unknown": unknown,
    "unreadable": unreadable,
    "gap": gap,
    "new-epoch": new_epoch,
    "killed": killed,
}
