"""Refuses query parameters that a route does not know: a misspelt filter would be answered with everything."""

from typing import Any, Final

from fastapi import Request

from shared.web.access import with_all_below
from shared.web.problems import FieldError, Message, Problem

MOST_NAMED: Final = 20
"""Unknown names that one answer lists."""
_UNKNOWN: Final = Message("ไม่รู้จักตัวกรองนี้", "This parameter is not known here")


class KnownParameters:
    """A dependency of an application's routers. Raises a 400 problem that names each parameter which the route does not
    take."""

    def __init__(self) -> None:
        self._known: dict[Any, frozenset[str]] = {}  # by endpoint

    async def __call__(self, request: Request) -> None:
        """Look through the request's parameters."""
        if not request.scope["query_string"]:
            return
        endpoint = request.scope["endpoint"]
        if endpoint not in self._known:
            below = with_all_below(request.scope["route"].dependant)
            self._known[endpoint] = frozenset(field.alias for each in below for field in each.query_params)
        unknown = [name for name in request.query_params if name not in self._known[endpoint]]
        if unknown:
            errors = [FieldError(name, "unknown_parameter", _UNKNOWN) for name in unknown[:MOST_NAMED]]
            raise Problem(400, "invalid", errors=errors)
