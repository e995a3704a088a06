"""The sandbox as a command: it says how to connect, takes no other token, and leaves nothing behind."""

import asyncio
import re
import signal
import sys
from pathlib import Path

import httpx

from deploy.local.home import CHECKOUT
from deploy.subscriber.sandbox import SandboxAccounts
from shared.security.rights import Right

PATIENCE_SECONDS = 120.0
"""It starts a Kafka and a database."""


async def test_the_command_serves_until_it_is_interrupted(free_port: int) -> None:
    """Surveys and the golden events are there, more come, another token opens nothing."""
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
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(PATIENCE_SECONDS):
            _, errors = await process.communicate()
        assert (process.returncode, errors.decode()) == (0, "")
        assert not exists(home)
    finally:
        if process.returncode is None:
            process.terminate()
            await process.communicate()


def exists(home: Path) -> bool:
    """Whether what the sandbox lives in is there."""
    return home.exists()


async def test_its_accounts_are_subscribers_and_no_more() -> None:
    """Of the country, or of an area."""
    principal = await SandboxAccounts().verify("sandbox@50")
    assert principal.area == "50"
    assert principal.may(Right.STREAM_READ)
    assert not principal.may(Right.SUBSCRIBER_WRITE)
