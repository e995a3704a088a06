"""The trial of consumers: it passes the reference, and says of each mistake which scenario it fails and why."""

import asyncio
import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest

from deploy.local.home import CHECKOUT
from deploy.subscriber.conformance import Bench, Result
from deploy.subscriber.scenarios import SCENARIOS
from tests.integration.subscriber.conftest import CONSUMER
from tests.runtime import Runtime

SUMS: Final = CONSUMER.with_name("sums.py")
PATIENCE_SECONDS: Final = 60.0
MISTAKEN_SECONDS: Final = 10.0
"""How long a mistaken consumer is waited for; it would be right within two."""
QUIET_SECONDS: Final = 2.0
AT_ONCE: Final = 3
"""A scenario waits more than it works."""

MISTAKES: Final = {
    "counts repetitions": (
        ("replay", "a replay was counted"),
        ("if sequence <= (-1 if new.last is None else new.last):", "if sequence < 0:"),
    ),
    "passes over gaps": (
        ("gap", "at a gap nothing may be passed over"),
        ("elif previous is not None and (new.last is None or previous > new.last):", "elif False:"),
    ),
    "takes holes for gaps": (
        ("in-order", "not all events were counted once"),
        ("(new.last is None or previous > new.last)", "(new.last is None or sequence > new.last + 1)"),
    ),
    "believes the old offset": (
        ("new-epoch", "an offset of the old topic was taken for one of the new"),
        ("if not new.waiting and new.looked_for != previous:", "if False:"),
    ),
    "does not go back behind a gap": (
        ("gap", "what was missing came again, and not all was counted"),
        ("if not place.waiting and place.offset != records[-1].offset + 1:", "if place.offset == 0:"),
    ),
    "stumbles over what it does not know": (
        ("unknown", "what is not known has to be ignored"),
        ('if headers.get("ce_type") == TYPE:', "if True:"),
    ),
    "stumbles over what it cannot read": (
        ("unreadable", "an unreadable event has to be put aside"),
        ("except (ValueError, KeyError, TypeError, AttributeError):", "except ZeroDivisionError:"),
    ),
    "moves its position first": (
        ("killed", "position and sums are not kept in one transaction"),
        (
            "        await database.executemany(ADD,",
            "    await asyncio.sleep(1)\n    async with database.transaction():\n"
            "        await database.executemany(ADD,",
        ),
    ),
}

BY_COMMAND: Final = "counts repetitions"
"""This one the command itself is given."""


def bench(runtime: Runtime, database: str, consumer: Path, patience_seconds: float) -> Bench:
    """The consumer under trial on the tests' broker."""
    return Bench(
        runtime.kafka_settings(),
        runtime.admin,
        f"{sys.executable} {consumer}",
        f"{sys.executable} {SUMS}",
        patience_seconds,
        QUIET_SECONDS,
        {"PATH": os.environ["PATH"], "DATABASE_URL": database},
    )


async def played(trial: Bench, names: tuple[str, ...]) -> list[Result]:
    return [result async for result in trial.results(names)]


async def test_the_one_in_javascript_passes_everything(runtime: Runtime, database: str, node_readers: Path) -> None:
    trial = bench(runtime, database, CONSUMER, PATIENCE_SECONDS)
    url = urlsplit(database)
    where = dict(parse_qsl(url.query))
    environment = {
        "PATH": os.environ["PATH"],
        "NODE_PATH": str(node_readers),
        "PGHOST": where["host"],
        "PGPORT": where["port"],
        "PGDATABASE": url.path.strip("/"),
        "PGUSER": str(url.username),
        "PGPASSWORD": unquote(str(url.password)),
    }
    node = Path(sys.executable).with_name("node")
    trial = replace(trial, start=f"{node} {CONSUMER.with_suffix('.cjs')}", environment=environment, at_once=AT_ONCE)
    found = await played(trial, tuple(SCENARIOS))
    assert [(each.scenario, each.why) for each in found] == [(name, None) for name in SCENARIOS]


@pytest.mark.parametrize("mistake", [each for each in MISTAKES if each != BY_COMMAND])
async def test_a_mistaken_consumer_is_told_what_is_wrong(
    runtime: Runtime, database: str, tmp_path: Path, mistake: str
) -> None:
    (scenario, said), (right, wrong) = MISTAKES[mistake]
    text = CONSUMER.read_text(encoding="utf-8")
    assert right in text
    mistaken = tmp_path / "consumer.py"
    mistaken.write_text(text.replace(right, wrong), encoding="utf-8")
    (found,) = await played(bench(runtime, database, mistaken, MISTAKEN_SECONDS), (scenario,))
    assert found.why is not None
    assert said in found.why


async def command(consumer: Path, database: str, *more: str) -> tuple[int, str]:
    """`jitasa conformance`, on the broker that it brings: its exit code, and what it prints."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "deploy.subscriber.conformance", "--folder", str(consumer.parent)),
        *("--start", f"{sys.executable} {consumer.name}", "--sums", f"{sys.executable} {SUMS}", *more),
        cwd=CHECKOUT,
        env={**os.environ, "DATABASE_URL": database},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    answer, errors = await process.communicate()
    assert process.returncode is not None
    assert answer, errors.decode()
    return process.returncode, answer.decode()


async def test_the_command_passes_the_reference_consumer(database: str) -> None:
    code, answer = await command(CONSUMER, database, "--json", "--at-once", str(AT_ONCE))
    found = [(each["scenario"], each["why"]) for each in json.loads(answer)]
    assert found == [(name, None) for name in SCENARIOS]
    assert code == 0


async def test_the_command_fails_a_mistaken_one_and_says_why(database: str, tmp_path: Path) -> None:
    (scenario, said), (right, wrong) = MISTAKES[BY_COMMAND]
    mistaken = tmp_path / "consumer.py"
    mistaken.write_text(CONSUMER.read_text(encoding="utf-8").replace(right, wrong), encoding="utf-8")
    code, answer = await command(mistaken, database, "--only", "in-order", scenario, "--patience", "20")
    first, second, why = answer.splitlines()
    assert first.startswith("ผ่าน · pass     in-order: ")
    assert second.startswith(f"ไม่ผ่าน · FAIL  {scenario}: ")
    assert said in why
    assert code == 1
