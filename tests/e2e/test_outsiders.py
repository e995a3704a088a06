"""Outside programs, written from docs/ alone, take the stream by every way in while a campaign runs, are killed with -9
again and again, and end with exactly the figures of reporting."""

import ast
import asyncio
import itertools
import os
import random
import signal
import socket
import sqlite3
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any, Final
from urllib.parse import quote, urlencode
from uuid import uuid4

import asyncpg
import pytest

from deploy.local.home import CHECKOUT
from deploy.local.stack import Stack
from shared.contracts.topics import SURVEY_SUBMITTED
from shared.security.tokens import TokenSigner
from tests.bench.setting import volunteer_token
from tests.bench.submissions import submissions
from tests.contract.conftest import node_readers
from tests.e2e.outsiders import book
from tests.e2e.visitors import Office, authorization
from tests.faults import ledger
from tests.runtime import Runtime

__all__ = ["node_readers"]

PROGRAMS: Final = Path(book.__file__).parent
CONSUMER: Final = CHECKOUT / "deploy" / "subscriber" / "consumer.py"
SEED: Final = int(os.environ.get("JITASA_FAULTS_SEED", "9"))
KILLS: Final = 3
BATCH: Final = 5
PAUSE_SECONDS: Final = 0.1
"""Between two batches: enough events for everybody to be met in the middle of, and soon caught up with."""
MOST_VISITS: Final = 100_000
PATIENCE_SECONDS: Final = 90.0

Sums = dict[str, tuple[int, ...]]


@dataclass
class Outsider:
    """A program in a process of its own. events: how many it has counted; sums: by subdistrict, as `book.COUNTED`."""

    way: str
    command: list[str]
    environment: Mapping[str, str]
    events: Callable[[], Awaitable[int]]
    sums: Callable[[], Awaitable[Sums]]
    kills: int = 0

    @asynccontextmanager
    async def running(self) -> AsyncIterator[asyncio.subprocess.Process]:
        """The process, killed in the end with all that it started: `node` is started by another program."""
        told = {"PATH": os.environ["PATH"], "PYTHONPATH": str(CHECKOUT), **self.environment}
        process = await asyncio.create_subprocess_exec(*self.command, cwd="/", env=told, start_new_session=True)
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()

    async def is_killed(self, dice: random.Random) -> None:
        """So many times, each after it has got on by some events, at any moment."""
        while self.kills < KILLS:
            async with self.running() as process:
                await self.comes_to(self.has(await self.events() + dice.randrange(1, 40)), "more events", process)
                await asyncio.sleep(dice.random() * 0.1)
                self.kills += 1

    async def ends_with(self, wanted: Sums) -> None:
        """Runs until its sums are these."""

        async def has_them() -> bool:
            return counted(await self.sums()) == wanted

        async with self.running() as process:
            await self.comes_to(has_them, "the figures of reporting", process)

    def has(self, events: int) -> Callable[[], Awaitable[bool]]:
        """The condition that it has counted so many."""

        async def counted_them() -> bool:
            return await self.events() >= events

        return counted_them

    async def comes_to(
        self, condition: Callable[[], Awaitable[bool]], what: str, process: asyncio.subprocess.Process
    ) -> None:
        """Waits for what it is to reach."""
        end = monotonic() + PATIENCE_SECONDS
        while not await condition():
            assert process.returncode is None, f"{self.way} ended by itself"
            assert monotonic() < end, f"{self.way}: not in time: {what}; it has {await self.events()} events"
            await asyncio.sleep(0.02)


@dataclass
class World:
    """The stack, and what an outside system is given of it."""

    stack: Stack
    office: Office
    folder: Path
    token: str

    @property
    def runtime(self) -> Runtime:
        """For databases of outsiders."""
        return Runtime(self.stack)

    async def let_into_kafka(self) -> dict[str, Any]:
        """The centre's administrator lets a subscriber in; the answer, with all files written."""
        body = {
            "name": f"out_{uuid4().hex[:8]}",
            "streams": [SURVEY_SUBMITTED.name],
            "bytes_a_second": 2**24,
            "request_percent": 100,
        }
        url = f"{self.stack.addresses().reporting}/v1/subscribers"
        headers = authorization(self.office.administrator)
        answer = await self.office.client.post(url, json=body, headers=headers)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        async with asyncio.timeout(PATIENCE_SECONDS):
            subscriber = made["subscriber"]
            while subscriber["state"] != "in_force":
                await asyncio.sleep(0.1)
                one = await self.office.client.get(f"{url}/{subscriber['subscriber_id']}", headers=headers)
                subscriber = one.json()["subscriber"]
        folder = self.folder / subscriber["name"]
        folder.mkdir()
        (folder / "jitasa-kafka-authority.pem").write_text(made["configuration"]["authority"])
        (folder / "jitasa-librdkafka.properties").write_text(made["configuration"]["librdkafka"])
        (folder / "password").write_text(made["password"])
        return made

    def consumers_environment(self, made: Mapping[str, Any]) -> dict[str, str]:
        """What the consumers of deploy/subscriber are told of Kafka's listener for subscribers; the rest is usual."""
        folder = self.folder / made["subscriber"]["name"]
        return {
            "KAFKA_BOOTSTRAP": self.stack.kafka.external_bootstrap,
            "KAFKA_USERNAME": made["subscriber"]["user"],
            "KAFKA_PASSWORD_FILE": str(folder / "password"),
            "KAFKA_CA_FILE": str(folder / "jitasa-kafka-authority.pem"),
        }

    def program(self, way: str, **environment: str) -> Outsider:
        """One of the programs beside this test, with its SQLite file."""
        path = self.folder / f"{way}.sqlite"

        def read(query: str) -> list[Any]:
            if not path.exists():
                return []
            connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
            try:
                return connection.execute(query).fetchall()
            except sqlite3.OperationalError:  # its tables are being made
                return []
            finally:
                connection.close()

        async def events() -> int:
            return sum(row[0] for row in read("SELECT events FROM surveyed"))

        async def sums() -> Sums:
            return {row[0]: row[1:] for row in read(f"SELECT area, {', '.join(book.COUNTED)} FROM surveyed")}  # noqa: S608

        told = {"BOOK": str(path), "STREAMS_URL": self.stack.addresses().reporting, "TOKEN": self.token, **environment}
        return Outsider(way, [sys.executable, str(PROGRAMS / f"{way}.py")], told, events, sums)

    @asynccontextmanager
    async def consumer(self, way: str, command: list[str], made: Any, **more: str) -> AsyncIterator[Outsider]:
        """One of deploy/subscriber, with its PostgreSQL database."""
        name = f"outsider_{uuid4().hex[:8]}"
        await asyncio.to_thread(self.stack.postgres.databases.create_database, name, owner="reporting")
        settings = self.runtime.postgres_settings("reporting", name)
        where = urlencode({"host": settings.host, "port": settings.port})
        url = f"postgresql://reporting:{quote(settings.password)}@/{name}?{where}"
        database = await asyncpg.connect(url)

        async def rows(query: str) -> list[Any]:
            try:
                return list(await database.fetch(query))
            except asyncpg.UndefinedTableError:
                return []

        async def events() -> int:
            return sum(row[0] or 0 for row in await rows("SELECT events FROM surveyed"))

        async def sums() -> Sums:
            found = await rows(f"SELECT area, {', '.join(book.COUNTED)} FROM surveyed")  # noqa: S608
            return {row[0]: tuple(row)[1:] for row in found}

        told = {
            **self.consumers_environment(made),
            "DATABASE_URL": url,
            "PGHOST": settings.host,
            "PGPORT": str(settings.port),
            "PGDATABASE": name,
            "PGUSER": "reporting",
            "PGPASSWORD": settings.password,
            **more,
        }
        if way == "javascript":  # its library takes no socket's folder in a URL
            del told["DATABASE_URL"]
        try:
            yield Outsider(way, command, told, events, sums)
        finally:
            await database.close()
            await asyncio.to_thread(self.stack.postgres.databases.drop_database, name)

    async def reported(self) -> Sums:
        """Reporting's figures, as a central administrator reads them; without subdistricts in which all is nought."""
        client, headers = self.office.client, authorization(self.office.administrator)
        url = f"{self.stack.addresses().reporting}/v1/coverage?area=&level=subdistrict"
        answer = await client.get(url, headers=headers)
        assert answer.status_code == 200, answer.text
        document = answer.json()
        assert document["as_of"][SURVEY_SUBMITTED.name]["lag"] in (0, None), document["as_of"]
        return counted({row["area"]: tuple(row[name] for name in book.COUNTED) for row in document["rows"]})


def counted(sums: Sums) -> Sums:
    """Those that are not nought."""
    return {code: figures for code, figures in sums.items() if any(figures)}


@pytest.fixture
async def world(stack: Stack, office: Office, tmp_path: Path) -> World:
    """An account for outside systems, of the whole country."""
    made = await office.post("/v1/systems", {"name": "สำนักทะเบียนกลาง"})
    granted = await office.client.post("/v1/tokens", data={"grant_type": "client_credentials", **made})
    assert granted.is_success, granted.text
    return World(stack, office, tmp_path, granted.json()["access_token"])


async def visits(world: World, seed: int, over: asyncio.Event) -> int:
    """A volunteer's phone sends until it is over; how many visits."""
    issuer = world.stack.addresses().registration
    token = volunteer_token(TokenSigner.from_file(world.stack.secrets.signing_keys, issuer=issuer), 0)
    houses, count = submissions(MOST_VISITS, seed), 0
    url = f"{world.stack.addresses().survey}/v1/submissions:batch"
    while not over.is_set():
        body = b'{"submissions":[%s]}' % b",".join(itertools.islice(houses, BATCH))
        headers = {"Content-Type": "application/json", **authorization(token)}
        answer = await world.office.client.post(url, content=body, headers=headers)
        assert answer.status_code == 207, answer.text
        assert {result["status"] for result in answer.json()["results"]} == {202}
        count += BATCH
        await asyncio.sleep(PAUSE_SECONDS)
    return count


async def campaign(world: World, outsiders: list[Outsider]) -> None:
    """Goes on until everybody has been killed; then all of it is counted everywhere, and the same."""
    dice, over = random.Random(SEED), asyncio.Event()
    before = await ledger.value(world.runtime, "reporting", ledger.VISITS)
    async with asyncio.TaskGroup() as group:
        sending = group.create_task(visits(world, SEED * 1_000 + len(outsiders), over))
        async with asyncio.TaskGroup() as killing:
            for outsider in outsiders:
                killing.create_task(outsider.is_killed(random.Random(dice.random())))
        over.set()
    accepted = before + sending.result()
    assert await ledger.settled(world.runtime, "reporting", ledger.VISITS, accepted) == accepted > before
    reported = await world.reported()
    async with asyncio.TaskGroup() as group:
        for outsider in outsiders:
            group.create_task(outsider.ends_with(reported))


async def test_every_way_in_ends_with_the_figures_of_reporting(world: World) -> None:
    made = await world.let_into_kafka()
    files = world.folder / made["subscriber"]["name"]
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = str(probe.getsockname()[1])
    async with world.consumer("python", [sys.executable, str(CONSUMER)], made) as consumer:
        await campaign(
            world,
            [
                consumer,
                world.program("kafka", CONFIGURATION=str(files / "jitasa-librdkafka.properties")),
                world.program("lines"),
                world.program("events"),
                world.program("webhooks", PORT=port, CERTIFICATE=str(world.stack.kafka.certificates.keystore)),
            ],
        )


async def test_so_does_the_consumer_in_javascript(world: World, node_readers: Path) -> None:
    made = await world.let_into_kafka()
    command = [str(Path(sys.executable).with_name("node")), str(CONSUMER.with_suffix(".cjs"))]
    async with world.consumer("javascript", command, made, NODE_PATH=str(node_readers)) as consumer:
        await campaign(world, [consumer])


def test_they_import_nothing_of_ours() -> None:
    imported = {
        name
        for path in PROGRAMS.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    foreign = {name for name in imported if name.split(".")[0] not in sys.stdlib_module_names}
    assert foreign == {"confluent_kafka", "httpx", "standardwebhooks", "tests.e2e.outsiders.book"}
