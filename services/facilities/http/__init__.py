"""The routes of the register, one module per resource. Places are public: reading needs no token; writing needs the
right and the area."""

from typing import Final

from services.facilities.http import holidays, kinds, lists, places, revisions

ROUTERS = (lists.router, places.router, revisions.router, kinds.router, holidays.router)

MAX_BODY_BYTES: Final = 64 * 1024
"""A place with every field at its longest, every character escaped, takes below 60 KiB."""
