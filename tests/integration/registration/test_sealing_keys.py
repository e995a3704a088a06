"""Registration's sealing keys are rotated: what is sealed is wrapped anew, and opens under the new key alone."""

import base64
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from services.registration.store.sealed_fields import open_field
from services.registration.store.sealed_tables import SEALED_TABLES
from shared.postgres.pool import open_pool
from shared.postgres.rewrapping import Rewrapping, keys_in_use
from shared.security.sealing import KeyRing, retire, rotate
from tests.runtime import Runtime

NOW = datetime(2022, 2, 5, 3, 0, tzinfo=UTC)
PERSON, THING = UUID(int=1), UUID(int=2)


@pytest.fixture
def ring_file(tmp_path: Path) -> Path:
    """A ring with one key."""
    path = tmp_path / "ring.json"
    path.write_text(json.dumps({"current": "k1", "keys": {"k1": base64.b64encode(os.urandom(32)).decode()}}))
    return path


async def test_every_table_with_sealed_rows_is_named() -> None:
    """A table that is forgotten would lose what it holds when the old key is retired."""
    migrations = Path(__file__).parents[3] / "services" / "registration" / "migrations"
    text = "\n".join(path.read_text() for path in sorted(migrations.glob("*.sql")))
    tables = {part.split()[0] for part in text.split("CREATE TABLE ")[1:] if "wrapped_key" in part.split(");")[0]}
    assert tables == {table.name for table in SEALED_TABLES}


async def test_fields_are_wrapped_anew_and_open_after_the_old_key_is_gone(runtime: Runtime, ring_file: Path) -> None:
    ring = KeyRing.from_file(ring_file)
    async with await open_pool(runtime.create_database("registration"), application="test", max_size=2) as pool:
        await pool.execute("INSERT INTO organisation VALUES ($1, 'ก', 'agency', '', NULL, $2, $1)", PERSON, NOW)
        insert = (
            "INSERT INTO person (person_id, organisation_id, area, role, status, phone_index, registered_at, revision,"
            " waiting_since) VALUES ($1, $1, '500101', 'volunteer', 'approved', 'x', $2, 1, $2)"
        )
        await pool.execute(insert, PERSON, NOW)
        name = ring.seal("สมหญิง".encode(), household=str(PERSON), field="name")
        await pool.execute("INSERT INTO sealed_field VALUES ($1, 'name', $2, $3, $4)", PERSON, *name)
        contact = ring.seal(b"{}", household=str(THING), field="contact")
        insert = (
            "INSERT INTO registration_help (request_id, area, phone_index, asked_at, key_id, wrapped_key, ciphertext)"
            " VALUES ($1, '500101', 'x', $2, $3, $4, $5)"
        )
        await pool.execute(insert, THING, NOW, *contact)
        rotate(ring_file, NOW)
        await Rewrapping(pool, ring, SEALED_TABLES).turn()
        async with pool.acquire() as connection:
            used = await keys_in_use(connection, SEALED_TABLES)
        assert {table: dict(counts) for table, counts in used.items() if counts} == {
            "sealed_field": {"k2": 1},
            "registration_help": {"k2": 1},
        }
        retire(ring_file, "k1")
        assert ring.reload()
        for table, of, field, opened in (
            ("sealed_field", PERSON, "name", "สมหญิง"),
            ("registration_help", THING, "contact", "{}"),
        ):
            row = await pool.fetchrow(f"SELECT key_id, wrapped_key, ciphertext FROM {table}")  # noqa: S608
            assert row is not None
            assert open_field(ring, row, of=of, field=field) == opened
