"""Where the next page of a list begins that is ordered by time."""

from datetime import datetime
from uuid import UUID

Cursor = tuple[datetime, UUID]
"""Time and id of the last of a page."""
