"""What the commands of whoever operates the machine share."""

from typing import Final
from uuid import UUID

OPERATOR: Final = UUID(int=0)
"""Who decided, where somebody at the machine did, whom nobody has signed in."""


class Usage(Exception):
    """What was asked for cannot be done; the message says why."""
