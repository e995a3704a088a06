"""As which route a request is counted."""

from typing import NamedTuple

from starlette.types import Scope


class Counted(NamedTuple):
    """What metrics call a route that is none of FastAPI's, which alone leave themselves in the scope."""

    path: str


def route_of(scope: Scope) -> str:
    """The route's template, never the path itself: a path may hold an id, and labels must be few."""
    return getattr(scope.get("route"), "path", None) or "unmatched"
