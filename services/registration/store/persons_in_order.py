"""The order in which lists of persons are read: along the index person_by_area."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final
from uuid import UUID

PersonCursor = tuple[str, datetime, UUID]
"""Area, time of registration and id of the last person of a page."""

BEFORE_ALL_PERSONS: Final[PersonCursor] = ("", datetime.min.replace(tzinfo=UTC), UUID(int=0))
"""Where the first page begins: a row comparison with nulls would find nothing."""
