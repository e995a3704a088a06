"""Tries a subscriber's own consumer against what the contract allows to happen: `./jitasa conformance --help`.

On a broker of its own, with synthetic events on topics of their own: nothing of it ever lies among real events.
"""

import argparse
import asyncio
import json
import os
import random
import shlex
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

from confluent_kafka.admin import AdminClient

from deploy import provisioning
from deploy.local import ports
from deploy.local.home import Home
from deploy.local.stack import Stack
from deploy.subscriber.scenarios import SCENARIOS, NotConforming, Program, Trial
from deploy.subscriber.synthetic import SyntheticStream
from deploy.trouble import Trouble
from shared.contracts.topics import SURVEY_SUBMITTED
from shared.kafka.producer import create_producer
from shared.kafka.settings import KafkaSettings

PATIENCE_SECONDS: Final = 30.0
QUIET_SECONDS: Final = 3.0
PARTITIONS: Final = 3

_EPILOG: Final = """\
START is started with KAFKA_BOOTSTRAP, KAFKA_PROTOCOL, KAFKA_MECHANISM, KAFKA_USERNAME, KAFKA_PASSWORD_FILE and
KAFKA_TOPIC beside the present variables, follows survey-submitted on that topic, and keeps sums by subdistrict. It is
killed, and started again when it ends. Positions have to be kept by topic: every scenario has one of its own.

SUMS prints what has been summed up by now as JSON: {"500101": {"events": 3, "persons": 9, "wanting": 4}, ...}.

  ./jitasa conformance --start "python consumer.py" --sums "python sums.py"
"""


@dataclass(frozen=True, slots=True)
class Result:
    """How a consumer did in one scenario. why: what it did instead, None when it passed."""

    scenario: str
    about: str
    why: str | None


@dataclass(frozen=True)
class Bench:
    """The broker and the consumer under trial."""

    kafka: KafkaSettings
    admin: AdminClient
    start: str
    sums: str
    patience_seconds: float = PATIENCE_SECONDS
    quiet_seconds: float = QUIET_SECONDS
    environment: Mapping[str, str] | None = None
    """Of the consumer; without, this process's own."""
    at_once: int = 1
    """Scenarios that are played at the same time, each with a process of the consumer's."""

    async def results(self, names: Sequence[str] = tuple(SCENARIOS)) -> AsyncIterator[Result]:
        """Play the scenarios; in their order, however many at once."""
        room = asyncio.Semaphore(self.at_once)
        playing = [asyncio.create_task(self._result(name, room)) for name in names]
        try:
            for each in playing:
                yield await each
        finally:
            for each in playing:
                each.cancel()
            await asyncio.wait(playing)

    async def _result(self, name: str, room: asyncio.Semaphore) -> Result:
        scenario = SCENARIOS[name]
        async with room, self._trial(name) as trial:
            try:
                await scenario(trial)
                why = None
            except NotConforming as error:
                why = str(error)
        return Result(name, str(scenario.__doc__), why)

    @asynccontextmanager
    async def _trial(self, name: str) -> AsyncIterator[Trial]:
        number = list(SCENARIOS).index(name) + 1
        # A name that was never used before: the consumer may keep its positions from one run to the next.
        called = f"{SURVEY_SUBMITTED.name}-{name}-{random.SystemRandom().getrandbits(32):08x}"
        topic = replace(SURVEY_SUBMITTED, name=called, partitions=PARTITIONS)
        await asyncio.to_thread(provisioning.topics, self.admin, [topic], replicas=1, in_sync=1)
        producer = create_producer(self.kafka)
        await producer.start()
        program = Program(self.start, self.sums, self._environment(topic.name))
        stream = SyntheticStream(producer, topic, random.Random(number))  # noqa: S311 - the same in every run
        try:
            yield Trial(stream, program, self.admin, f"50{number:02}01", self.patience_seconds, self.quiet_seconds)
        finally:
            await program.stop()
            await producer.stop()

    def _environment(self, topic: str) -> dict[str, str]:
        told = self.kafka.for_librdkafka()
        return {
            **(os.environ if self.environment is None else self.environment),
            "KAFKA_BOOTSTRAP": self.kafka.bootstrap,
            "KAFKA_PROTOCOL": told["security.protocol"],
            "KAFKA_MECHANISM": told["sasl.mechanism"],
            "KAFKA_USERNAME": self.kafka.username,
            "KAFKA_PASSWORD_FILE": str(self.kafka.password_file),
            "KAFKA_TOPIC": topic,
        }


@contextmanager
def sandbox() -> Iterator[Stack]:
    """A broker of its own on free ports, thrown away in the end."""
    root = Path(tempfile.mkdtemp(prefix="jitasa-conformance-")).resolve()
    root.chmod(0o755)  # made with 0700: root's database runs as another user
    stack = Stack(Home(root, Home.from_environment().tools), ports.free_base())
    try:
        stack.start_infrastructure()
        yield stack
    finally:
        stack.stop()
        shutil.rmtree(root, ignore_errors=True)


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="jitasa conformance",
        description="Try a subscriber's own consumer against what the contract allows to happen (docs/events.md).",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--start", required=True, metavar="COMMAND", help="starts the consumer, and does not end")
    parser.add_argument("--sums", required=True, metavar="COMMAND", help="prints its sums as JSON")
    parser.add_argument("--only", nargs="+", choices=list(SCENARIOS), metavar="SCENARIO", help=", ".join(SCENARIOS))
    parser.add_argument(
        "--patience", type=float, default=PATIENCE_SECONDS, metavar="S", help="seconds to reach a sum (30)"
    )
    parser.add_argument(
        "--at-once",
        type=int,
        default=1,
        metavar="N",
        help="scenarios at a time, if N of the consumer may run at once (1)",
    )
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.add_argument("--folder", type=Path, default=Path.cwd(), help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    if chosen.at_once < 1:
        parser.error("--at-once is 1 or more")
    os.chdir(chosen.folder)
    for command in (chosen.start, chosen.sums):
        words = shlex.split(command)
        if not words or shutil.which(words[0]) is None:
            parser.error(f"there is no such program: {command}")
    return chosen


async def _play(bench: Bench, chosen: argparse.Namespace) -> list[Result]:
    found: list[Result] = []
    async for result in bench.results(chosen.only or list(SCENARIOS)):
        found.append(result)
        if not chosen.json:
            passed = "ผ่าน · pass   " if result.why is None else "ไม่ผ่าน · FAIL"
            print(f"{passed}  {result.scenario}: {result.about}", flush=True)
            if result.why is not None:
                print(f"                {result.why}", flush=True)
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 0 when the consumer passed every scenario, 1 when not."""
    chosen = _arguments(arguments)
    try:
        with sandbox() as stack:
            settings = KafkaSettings(
                bootstrap=stack.kafka.bootstrap,
                username="admin",
                password_file=stack.secrets.kafka_password_file("admin"),
            )
            bench = Bench(
                settings, stack.kafka.admin(), chosen.start, chosen.sums, chosen.patience, at_once=chosen.at_once
            )
            found = asyncio.run(_play(bench, chosen))
    except Trouble as trouble:
        trouble.show()
        return 1
    if chosen.json:
        print(json.dumps([asdict(result) for result in found], ensure_ascii=False))
    return 1 if any(result.why is not None for result in found) else 0


if __name__ == "__main__":
    sys.exit(main())
