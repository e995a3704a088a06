"""Who may call the routes of problems, and as whom he looks at tickets."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends

from services.registration.http.parts import Parts, parts
from services.registration.store.problems.viewers import Viewer
from shared.security.principal import Principal
from shared.security.rights import Right
from shared.web.authentication import require

Raiser = Annotated[Principal, Depends(require(Right.PROBLEM_RAISE))]
Worker = Annotated[Principal, Depends(require(Right.PROBLEM_WORK))]
Writer = Annotated[Principal, Depends(require(Right.KNOWN_PROBLEM_WRITE))]
Service = Annotated[Parts, Depends(parts)]


def viewer_of(caller: Principal) -> Viewer:
    """Return as whom the caller looks at tickets."""
    return Viewer(caller.subject, caller.role, caller.area, caller.may(Right.PROBLEM_WORK))
