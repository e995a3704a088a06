"""The order in which lists of persons are read: along the index person_by_area."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

PersonCursor = tuple[str, datetime, UUID]
"""Area, time of registration and id of the last person of a page."""


def before_all_of(area: str) -> PersonCursor:
    """Return where the first page of an area begins.

    A row comparison with nulls would find nothing; one that begins before the area would have the index walked from
    there, through all areas with smaller codes.
    """
    return area, datetime.min.replace(tzinfo=UTC), UUID(int=0)
