"""The keys of phones, sealed."""

from datetime import datetime
from typing import Final
from uuid import UUID

from shared.postgres.pool import Connection
from shared.security.sealing import KeyRing, Sealed

MOST_DEVICES: Final = 5
"""A phone, the one before it, and a tablet that several share. The one that was used least recently makes room."""
DEVICE_KEY: Final = "device-key"
"""The sealed field's name."""

LOCK_VOLUNTEER: Final = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))"

PUT_KEY: Final = """
INSERT INTO device_key (volunteer_id, device_id, used_at, key_id, wrapped_key, sealed)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (volunteer_id, device_id) DO UPDATE
SET used_at = excluded.used_at, key_id = excluded.key_id, wrapped_key = excluded.wrapped_key, sealed = excluded.sealed
"""

KEEP_LATEST: Final = """
DELETE FROM device_key
WHERE volunteer_id = $1 AND device_id NOT IN (
    SELECT device_id FROM device_key WHERE volunteer_id = $1 ORDER BY used_at DESC, device_id LIMIT $2
)
"""

TAKE_KEY: Final = """
UPDATE device_key SET used_at = $3
WHERE volunteer_id = $1 AND device_id = $2
RETURNING key_id, wrapped_key, sealed
"""


async def put_key(
    connection: Connection, ring: KeyRing, volunteer: UUID, device: UUID, key: bytes, *, now: datetime
) -> None:
    """Stores the key of a volunteer's phone, in place of an earlier one."""
    sealed = ring.seal(key, household=str(volunteer), field=DEVICE_KEY)
    async with connection.transaction():
        await connection.execute(LOCK_VOLUNTEER, str(volunteer))
        await connection.execute(PUT_KEY, volunteer, device, now, *sealed)
        await connection.execute(KEEP_LATEST, volunteer, MOST_DEVICES)


async def take_key(
    connection: Connection, ring: KeyRing, volunteer: UUID, device: UUID, *, now: datetime
) -> bytes | None:
    """The key of a volunteer's phone, if it was stored and is not too old."""
    row = await connection.fetchrow(TAKE_KEY, volunteer, device, now)
    return None if row is None else ring.open_sealed(Sealed(*row), household=str(volunteer), field=DEVICE_KEY)
