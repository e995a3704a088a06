"""The sandbox as a command: it says how to connect, takes no other token, and leaves nothing behind."""

import asyncio
import re
import signal
import socket
import sqlite3
import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import httpx

from deploy.local.home import CHECKOUT
from deploy.subscriber.sandbox import SandboxAccounts
from shared.contracts.golden import examples
from shared.contracts.topics import HELP_UPDATED
from shared.security.rights import Right

PATIENCE_SECONDS = 120.0
"""It starts a Kafka and a database."""


async def test_the_command_serves_until_it_is_interrupted(free_port: int, tmp_path: Path) -> None:
    """Surveys and the golden events are there, more come, another token opens nothing; and the receiver of webhooks
    works as it stands in the documentation."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "deploy.subscriber.sandbox", "--port", str(free_port), "--events", "50"),
        cwd=CHECKOUT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        said = ""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while "Ctrl-C" not in said:
                line = (await process.stdout.readline()).decode()
                assert line, "it ended"
                said += line
        url, token = re.findall(r"JITASA_URL=(\S+) JITASA_TOKEN=(\S+)", said)[0]
        assert url == f"http://127.0.0.1:{free_port}"
        home = Path(re.findall(r"KAFKA_PASSWORD_FILE=(\S+)/state/", said)[0])
        assert exists(home)
        async with httpx.AsyncClient(base_url=url, timeout=30, headers={"Authorization": f"Bearer {token}"}) as client:
            found = (await client.get("/v1/streams")).json()["streams"]
            assert len(found) == 5
            for stream in found:
                answer = await client.get(stream["events"], params={"limit": 50})
                assert answer.text.count(f'"type":"{stream["type"]}"') > 2
            cursor = re.findall(r'"cursor":"([^"]+)"', answer.text)[-1]
            assert cursor
            surveys = "/v1/streams/survey-submitted/events"
            more = await client.get(surveys, params={"from": "end", "wait": 20})
            assert '"household_id"' in more.text
            for other in ("sandbox@5", "sandbox@x1", "Sandbox", "external_system@"):
                refused = await client.get(surveys, headers={"Authorization": f"Bearer {other}"})
                assert refused.status_code == 401
        await follows_the_quick_start_of_webhooks(tmp_path, {"JITASA_URL": url, "JITASA_TOKEN": token})
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(PATIENCE_SECONDS):
            _, errors = await process.communicate()
        assert (process.returncode, errors.decode()) == (0, "")
        assert not exists(home)
    finally:
        if process.returncode is None:
            process.terminate()
            await process.communicate()


async def follows_the_quick_start_of_webhooks(folder: Path, environment: Mapping[str, str]) -> None:
    """Copies the receiver from its page, starts it, and starts it again: every request for help is kept, each once."""
    text = (CHECKOUT / "docs" / "webhooks.md").read_text()
    (program,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    (folder / "receiver.py").write_text(program)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    golden = [each for each in examples() if each.topic.name == HELP_UPDATED.name]
    for _ in range(2):
        receiver = await asyncio.create_subprocess_exec(
            sys.executable,
            "receiver.py",
            cwd=folder,
            env={**environment, "PORT": str(port)},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,  # where the server of the standard library writes each request
        )
        try:
            assert receiver.stdout is not None
            assert (await asyncio.wait_for(receiver.stdout.readline(), PATIENCE_SECONDS)) == b"listening\n"
            async with asyncio.timeout(PATIENCE_SECONDS):
                while kept(folder / "received.db") != len(golden):
                    await asyncio.sleep(0.05)
        finally:
            receiver.terminate()
            await receiver.wait()
    async with httpx.AsyncClient(base_url=environment["JITASA_URL"], timeout=30) as client:
        client.headers["Authorization"] = f"Bearer {environment['JITASA_TOKEN']}"
        (subscription,) = (await client.get("/v1/subscriptions")).json()["subscriptions"]
    assert (subscription["state"], subscription["delivered_at"] is None) == ("active", False)


def kept(book: Path) -> int:
    """How many events are in the book."""
    with closing(sqlite3.connect(book)) as connection:
        return int(connection.execute("SELECT count(*) FROM event").fetchone()[0])


def exists(home: Path) -> bool:
    """Whether what the sandbox lives in is there."""
    return home.exists()


async def test_its_accounts_are_subscribers_and_no_more() -> None:
    """Of the country, or of an area."""
    principal = await SandboxAccounts().verify("sandbox@50")
    assert principal.area == "50"
    assert principal.may(Right.STREAM_READ)
    assert not principal.may(Right.SUBSCRIBER_WRITE)
