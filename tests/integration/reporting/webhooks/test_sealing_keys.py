"""The keys under which subscribers' secrets are sealed are rotated: secrets are wrapped anew, and go on signing."""

import asyncio
import base64
import json
import os
import sys
from pathlib import Path
from typing import Any
from uuid import UUID

from services.reporting.sealed import SEALED_TABLES
from services.reporting.store import Pool
from services.reporting.webhooks.leases import take
from shared.contracts.events import HelpUpdated
from shared.observability.clock import MovableClock
from shared.postgres.pool import acquire
from shared.postgres.rewrapping import Rewrapping, keys_in_use
from shared.postgres.settings import PostgresSettings
from shared.security.sealing import KeyRing, retire
from tests.integration.reporting.conftest import Streams
from tests.integration.reporting.streams.service import Service
from tests.integration.reporting.webhooks.receiver import Receiver
from tests.integration.reporting.webhooks.sending import subscribe

ROOT = Path(__file__).resolve().parents[4]
FIRST = bytes(range(32))
"""The key of the service in these tests."""


async def command(database: PostgresSettings, ring: Path, *words: str) -> Any:
    """What `jitasa admin subscriber-keys` says."""
    environment = {
        **os.environ,
        "JITASA_SUBSCRIBER_SEALING_KEYS_FILE": str(ring),
        "JITASA_POSTGRES_HOST": database.host,
        "JITASA_POSTGRES_PORT": str(database.port),
        "JITASA_POSTGRES_DATABASE": database.database,
        "JITASA_POSTGRES_USER": database.user,
        "JITASA_POSTGRES_PASSWORD_FILE": str(database.password_file),
    }
    module = ("-m", "services.reporting.key_admin", "subscriber-keys")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, *module, *words), cwd=ROOT, env=environment, stdout=asyncio.subprocess.PIPE
    )
    answer, _ = await process.communicate()
    return json.loads(answer)


def test_every_table_with_sealed_rows_is_named() -> None:
    """A table that is forgotten would lose what it holds when the old key is retired."""
    migrations = ROOT / "services" / "reporting" / "migrations"
    text = "\n".join(path.read_text() for path in sorted(migrations.glob("*.sql")))
    columns = {
        (part.split()[0], line.split()[0])
        for part in text.split("CREATE TABLE ")[1:]
        for line in part.split(");")[0].splitlines()
        if "wrapped" in line and "bytea" in line
    }
    assert columns == {(table.name, table.wrapped) for table in SEALED_TABLES}


async def test_secrets_are_wrapped_anew_and_sign_after_the_old_key_is_gone(
    service: Service,
    receiver: Receiver,
    pool: Pool,
    database: PostgresSettings,
    streams: Streams,
    clock: MovableClock,
    tmp_path: Path,
) -> None:
    path = tmp_path / "ring.json"
    path.write_text(json.dumps({"current": "k1", "keys": {"k1": base64.b64encode(FIRST).decode()}}))
    ring = KeyRing.from_file(path)
    async with service.client("external_system@@sealed") as client:
        made = await subscribe(client, receiver, [streams.of(HelpUpdated).name])
        secrets = [(await client.post(f"/v1/subscriptions/{made}/secret")).json()["secret"], *receiver.secrets]
        assert (await command(database, path, "rotate"))["current"] == "k2"
        await Rewrapping(pool, ring, SEALED_TABLES).turn()
        async with acquire(pool) as connection:
            used = await keys_in_use(connection, SEALED_TABLES)
        assert {table: dict(counts) for table, counts in used.items()} == {
            "subscriber": {},
            "webhook_subscription": {"k2": 2},
        }
        assert (await command(database, path, "status"))["rows"]["webhook_subscription"] == {"k2": 2}
        retire(path, "k1")
        (lease,) = await take(pool, KeyRing.from_file(path), clock.now(), 1, 1.0)
        assert lease.subscription.subscription_id == UUID(made)
        assert lease.secrets(clock.now()) == secrets
        await lease.release()
        await client.delete(f"/v1/subscriptions/{made}")
