"""Who may call the routes of training, and whose sessions he holds."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends

from services.registration.http.parts import Parts, parts
from shared.security.principal import Principal
from shared.security.rights import Right
from shared.web.authentication import optional_principal, require

Anybody = Annotated[Principal | None, Depends(optional_principal)]
Attendant = Annotated[Principal, Depends(require(Right.TRAINING_ATTEND))]
Holder = Annotated[Principal, Depends(require(Right.TRAINING_HOLD))]
Reader = Annotated[Principal, Depends(require(Right.TRAINING_READ))]
Writer = Annotated[Principal, Depends(require(Right.TRAINING_WRITE))]
Service = Annotated[Parts, Depends(parts)]


def area_held(caller: Principal) -> str | None:
    """Return the area in which the caller's role holds sessions; None where it holds none."""
    return caller.area if caller.may(Right.TRAINING_HOLD) else None
