"""The process itself: it starts as the stack starts it, says that it is ready, and ends in order."""

import asyncio
import json
import os
import socket
import sys
from pathlib import Path

import httpx

from shared.kafka.settings import KafkaSettings
from shared.postgres.settings import PostgresSettings
from tests.integration.reporting.conftest import eventually
from tests.runtime import told

ROOT = Path(__file__).resolve().parents[4]


async def test_it_starts_is_ready_and_stops(kafka: KafkaSettings, database: PostgresSettings, tmp_path: Path) -> None:
    """Without a subscription."""
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps({"current": "k1", "keys": {"k1": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}}))
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    environment = {
        **os.environ,
        "JITASA_HTTP_PORT": str(port),
        "JITASA_SUBSCRIBER_SEALING_KEYS_FILE": str(keys),
        **told(kafka, database),
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "services.reporting.processes.webhooks"), cwd=ROOT, env=environment
    )
    try:

        async def ready() -> bool:
            assert process.returncode is None
            try:
                async with httpx.AsyncClient() as client:
                    return (await client.get(f"http://127.0.0.1:{port}/readyz")).status_code == 200
            except httpx.TransportError:
                return False

        await eventually(ready, "it is ready")
        async with httpx.AsyncClient() as client:
            assert "jitasa_webhooks_at_work" in (await client.get(f"http://127.0.0.1:{port}/metrics")).text
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 20) == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
