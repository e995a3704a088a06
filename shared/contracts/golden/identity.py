"""When the examples begin, and their ids: derived from names, so that they stay."""

from datetime import UTC, datetime
from typing import Final
from uuid import NAMESPACE_URL, UUID, uuid5

START: Final = datetime(2022, 1, 15, 2, 30, tzinfo=UTC)


def id_of(name: str) -> UUID:
    """The id of what is called so."""
    return uuid5(NAMESPACE_URL, f"urn:jitasa:example:{name}")
