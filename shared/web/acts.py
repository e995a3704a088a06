"""Who changed what, and when: a line in the log for each change that an administrator or a coordinator asks for.

It is written before the answer leaves, so that no answer is without its line, and with the answer's status, so that
what was refused can be told from what was done. It names the account, never a person: who held it is registration's to
say. What was there before and after stands in the services' own tables.
"""

from collections.abc import Mapping
from typing import Any, Final

from starlette.types import Scope

from shared.contracts.events import Role
from shared.observability.logs import log
from shared.security.principal import Principal

ACTING: Final = frozenset(
    {
        Role.CENTRAL_ADMINISTRATOR,
        Role.PROVINCE_ADMINISTRATOR,
        Role.DISTRICT_COORDINATOR,
        Role.SUBDISTRICT_COORDINATOR,
    }
)
"""Roles that decide about others, or for them."""
READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})
UNTOLD: Final = frozenset({"code", "key"})
"""Parts of a path that let somebody in."""

_PRINCIPAL: Final = "jitasa.principal"
_log = log(__name__)


def remember(scope: Scope, principal: Principal) -> None:
    """Note who asks, for the line that is written at the end."""
    scope[_PRINCIPAL] = principal


def tell(scope: Scope, status: int) -> None:
    """Write the line, if this request is one of those."""
    principal: Principal | None = scope.get(_PRINCIPAL)
    if principal is None or principal.role not in ACTING or scope["method"] in READING:
        return
    parameters: Mapping[str, Any] = scope.get("path_params", {})
    _log.info(
        "act",
        by=str(principal.subject),
        role=str(principal.role),
        area=principal.area,
        method=scope["method"],
        route=getattr(scope.get("route"), "path", None),
        of={name: str(value) for name, value in parameters.items() if name not in UNTOLD},
        status=status,
    )
