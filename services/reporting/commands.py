"""What the commands of whoever operates the machine share."""

import asyncio
import sys
from collections.abc import Callable, Coroutine
from typing import Any, Final, NoReturn
from uuid import UUID

from shared.postgres.pool import UNREACHABLE

OPERATOR: Final = UUID(int=0)
"""Who decided, where somebody at the machine did, whom nobody has signed in."""


class Usage(Exception):
    """What was asked for cannot be done; the message says why."""


def run(task: Callable[[], Coroutine[Any, Any, int]]) -> NoReturn:
    """Do what the command line asks for and exit with what it gives; what cannot be done is said in one line."""
    try:
        sys.exit(asyncio.run(task()))
    except Usage as usage:
        sys.exit(f"jitasa admin: {usage}")
    except UNREACHABLE as error:
        sys.exit(f"jitasa admin: the database does not answer ({type(error).__name__})")
