"""The printed configurations, as they are, in clients of others: librdkafka, kcat, Java, its console, aiokafka."""

import asyncio
import os
import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from uuid import UUID

import confluent_kafka
import pytest
from confluent_kafka import Consumer

from deploy.local import jars
from deploy.local.home import CHECKOUT, Home
from deploy.progress import Progress
from services.reporting.subscribers.clients import (
    AUTHORITY_FILE,
    JAVA_FILE,
    LIBRDKAFKA_FILE,
    PYTHON_FILE,
    Entrance,
    configuration,
)
from services.reporting.subscribers.domain import Grant, Subscriber
from shared.contracts.topics import SURVEY_INTAKE, VOLUNTEER_REGISTERED
from shared.security.sealing import KeyRing
from tests.integration.outside.conftest import Door, fill
from tests.runtime import Runtime

TOPIC: Final = VOLUNTEER_REGISTERED.name
COUNT: Final = 5
VALUE: Final = '{"name": "สมหญิง"}'
PATIENCE_SECONDS: Final = 90.0
NOW: Final = datetime(2022, 2, 7, tzinfo=UTC)
TOOLS: Final = Path(__file__).with_name("console.sha256")


async def files_of(name: str, door: Door, folder: Path) -> Path:
    """The files of a subscriber that was just let in, in a folder."""
    kafka = door.runtime.stack.kafka
    grant = Grant((TOPIC,))
    subscriber = Subscriber(UUID(int=1), name, None, grant, 1, 1, NOW, NOW, False, NOW, None)
    entrance = Entrance(kafka.external_bootstrap, kafka.certificates.authority, KeyRing("k", {"k": bytes(32)}))
    made = configuration(subscriber, f"password of {name}", entrance.outside)
    await door.let_in(name, TOPIC)
    for file, content in made.files().items():
        (folder / file).write_text(content)
    assert made.files().keys() == {AUTHORITY_FILE, LIBRDKAFKA_FILE, JAVA_FILE, PYTHON_FILE}
    return folder


@pytest.fixture(scope="module")
def values(runtime: Runtime) -> None:
    """Some records, with Thai in them."""
    fill(runtime, [TOPIC], COUNT, VALUE.encode())
    fill(runtime, [SURVEY_INTAKE.name], 1)


async def output(command: list[str], folder: Path, lines: int, **environment: str) -> tuple[list[str], str]:
    """The first lines that a program prints, and its errors; it is ended then."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(CHECKOUT)} | environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    found: list[str] = []
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(found) < lines and (line := await process.stdout.readline()):
                found.append(line.decode().rstrip("\n"))
    finally:
        if process.returncode is None:
            process.kill()
    _, errors = await process.communicate()
    return found, errors.decode()


def properties(path: Path) -> dict[str, str]:
    """What librdkafka's programs make of their file."""
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


async def test_librdkafka(door: Door, values: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = await files_of("rdkafka", door, tmp_path)
    monkeypatch.chdir(folder)  # the files name each other without a path

    def read() -> list[str]:
        consumer = Consumer(properties(folder / LIBRDKAFKA_FILE))
        consumer.subscribe([TOPIC])
        found: list[str] = []
        try:
            while len(found) < COUNT:
                record = consumer.poll(PATIENCE_SECONDS)
                assert record is not None
                assert record.error() is None, record.error()
                found.append((record.value() or b"").decode())
        finally:
            consumer.close()
        return found

    assert VALUE in await asyncio.to_thread(read)


async def test_kcat(door: Door, values: None, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    kcat = shutil.which("kcat")
    if kcat is None:
        pytest.skip("kcat is not here; on Debian and Ubuntu it is the package `kcat`")
    bundled = Path(confluent_kafka.__file__).parent.with_name("confluent_kafka.libs")
    (library,) = bundled.glob("librdkafka-*.so.1")
    links = tmp_path_factory.mktemp("librdkafka")
    (links / "librdkafka.so.1").symlink_to(library)  # the distribution's is too old for Kafka 4
    folder = await files_of("kcat", door, tmp_path)
    found, errors = await output(
        [kcat, "-F", LIBRDKAFKA_FILE, "-C", "-t", TOPIC, "-o", "beginning", "-u"],
        folder,
        COUNT,
        LD_LIBRARY_PATH=f"{links}:{bundled}",
    )
    assert VALUE in found, errors
    for topic in (SURVEY_INTAKE.name, "no-such-topic"):
        found, errors = await output(
            [kcat, "-F", LIBRDKAFKA_FILE, "-C", "-t", topic, "-e"], folder, 1, LD_LIBRARY_PATH=f"{links}:{bundled}"
        )
        assert found == []
        assert "Topic authorization failed" in errors


async def test_java(door: Door, values: None, tmp_path: Path) -> None:
    folder = await files_of("java", door, tmp_path)
    kafka_jars = str(door.runtime.stack.tools.jars)
    program = [sys.executable, "-m", "tests.integration.outside.java", kafka_jars, JAVA_FILE]
    found, errors = await output([*program, TOPIC, str(COUNT)], folder, COUNT)
    assert VALUE in found, errors
    found, errors = await output([*program, SURVEY_INTAKE.name, "1"], folder, 100)
    assert not [line for line in found if "Topic authorization failed" not in line]  # its log goes to the same place
    assert "TopicAuthorizationException" in errors


@pytest.fixture(scope="module")
def console(runtime: Runtime) -> Path:
    """The jar of the console consumer. In CI it is fetched; elsewhere it is for who has asked for it."""
    folder = Home.from_environment().tools / "kafka-tools"
    wanted = jars.read(TOOLS)
    if os.environ.get("CI") != "true" and not all((folder / jar.name).exists() for jar in wanted):
        pytest.skip("Kafka's console consumer is not here (0.7 MB of Java); CI=true fetches it, as CI does")
    with Progress(1).step("Kafka's console consumer") as step:
        (jar,) = jars.fetch(wanted, folder, step)
    return jar


async def test_the_console_consumer(door: Door, values: None, console: Path, tmp_path: Path) -> None:
    folder = await files_of("console", door, tmp_path)
    tools = door.runtime.stack.tools
    found, errors = await output(
        [
            *(str(tools.java), "-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"),
            f"-Dlog4j2.configurationFile={tools.kafka_logging}",
            *("-cp", f"{jars.class_path(tools.jars)}:{console}", "org.apache.kafka.tools.consumer.ConsoleConsumer"),
            *("--bootstrap-server", door.runtime.stack.kafka.external_bootstrap),
            *("--command-config", JAVA_FILE, "--topic", TOPIC, "--from-beginning", "--max-messages", str(COUNT)),
        ],
        folder,
        COUNT,
    )
    assert VALUE in found, errors


async def test_aiokafka(door: Door, values: None, tmp_path: Path) -> None:
    folder = await files_of("aiokafka", door, tmp_path)
    found, errors = await output([sys.executable, PYTHON_FILE], folder, COUNT)
    assert any(line.startswith(f"{TOPIC} 0 ") and line.endswith(VALUE) for line in found), errors


def test_no_file_but_those_with_the_password_is_secret(runtime: Runtime) -> None:
    """The authority's certificate is for everybody: no key is in it."""
    text = runtime.stack.kafka.certificates.authority.read_text()
    assert "PRIVATE" not in text
