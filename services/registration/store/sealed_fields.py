"""Texts that rows hold sealed: written, and opened again except where a seal is broken."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

import asyncpg

from shared.observability.logs import log
from shared.security.sealing import KeyRing, SealBroken, Sealed

_log = log(__name__)


def seal_fields(ring: KeyRing, of: UUID, fields: Mapping[str, str]) -> list[tuple[UUID, str, str, bytes, bytes]]:
    """Seal texts about `of`, a person or a thing; return rows of its id, the field's name, and the sealed text."""
    return [(of, field, *ring.seal(text.encode(), household=str(of), field=field)) for field, text in fields.items()]


def open_field(ring: KeyRing, row: asyncpg.Record, *, of: UUID, field: str) -> str | None:
    """Open a row's only sealed field; None if there is none, it was erased, or it cannot be opened."""
    return _open(ring, row["key_id"], row["wrapped_key"], row["ciphertext"], of, field)


def opened(ring: KeyRing, row: asyncpg.Record, column: str, field: str | None = None) -> str | None:
    """Open the sealed field of a person whose columns begin with `column`, as `open_field` does.

    field: the field's name, where it is not the column's.
    """
    return _open(ring, row[f"{column}_key"], row[f"{column}_wrapped"], row[column], row["person_id"], field or column)


def _open(
    ring: KeyRing, key: str | None, wrapped: bytes | None, ciphertext: bytes | None, of: UUID, field: str
) -> str | None:
    if key is None or wrapped is None or ciphertext is None:
        return None
    try:
        return ring.open_sealed(Sealed(key, wrapped, ciphertext), household=str(of), field=field).decode()
    except SealBroken:
        # One damaged row shall not hide a whole area from its coordinator.
        _log.error("sealed_field_broken", of=str(of), field=field, key=key)
        return None
