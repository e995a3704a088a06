"""Who sends a request, and whether they may: bearer tokens (RFC 6750) against the one table of rights."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from starlette.requests import Request

from shared.security.principal import Principal
from shared.security.rights import RIGHTS, Right
from shared.security.tokens import InvalidToken, KeysUnavailable
from shared.web.acts import remember
from shared.web.problems import Message, Problem


class Verifier(Protocol):
    """Turns a token into the person or system that holds it."""

    async def verify(self, token: str) -> Principal:
        """The holder; raises `InvalidToken` or `KeysUnavailable`."""


class Bar(Protocol):
    """Knows who may no longer act although their token has not expired."""

    def is_barred(self, subject: UUID) -> bool:
        """True for suspended and withdrawn volunteers."""


class Moves(Protocol):
    """Knows who has left a role although a token of it has not expired."""

    def has_left(self, subject: UUID, role: str, area: str) -> bool:
        """True for a role in an area that somebody held until a moment ago, and holds no more."""

    def moved_since(self, subject: UUID, moment: datetime) -> bool:
        """True for somebody whose role or area changed after `moment`, however long ago that is."""


@dataclass(frozen=True, slots=True)
class Authentication:
    """What a service needs to know its callers; stands at `app.state.authentication`.

    Without `moves` a token is good for the role it was made out for until it expires.
    """

    verifier: Verifier
    bar: Bar
    moves: Moves | None = None

    async def principal(self, request: Request) -> Principal:
        """The caller of `request`; raises a 401 problem."""
        return await self.holder(request.headers.get("authorization", ""))

    async def holder(self, authorization: str) -> Principal:
        """The caller whose Authorization header this is; raises a 401 problem."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise unauthenticated("token_missing")
        try:
            principal = await self.verifier.verify(token.strip())
        except InvalidToken as error:
            raise unauthenticated(error.code) from None
        except KeysUnavailable:
            # The token may be good: it is we who cannot tell yet, and a phone must not be made to sign in again for it.
            raise Problem(503, headers={"Retry-After": "5"}) from None
        if self.bar.is_barred(principal.subject):
            raise unauthenticated("holder_suspended")
        if self.moves is not None and self.moves.has_left(principal.subject, principal.role, principal.area):
            raise unauthenticated("role_left")
        return principal


_DETAILS = {
    "token_missing": Message("ต้องแนบโทเคนในหัวข้อ Authorization", "Send a bearer token in the Authorization header"),
    "token_expired": Message("โทเคนหมดอายุ โปรดเข้าสู่ระบบอีกครั้ง", "The token has expired, please sign in again"),
    "role_left": Message(
        "บทบาทของท่านเปลี่ยนแล้ว โปรดขอโทเคนใหม่", "You hold another role now; refresh the token to go on in it"
    ),
    "holder_suspended": Message(
        "บัญชีนี้ถูกระงับ โปรดติดต่อผู้ประสานงาน", "This account is suspended, please ask your coordinator"
    ),
}
_UNTRUSTED = Message("โทเคนไม่ถูกต้อง", "The token is not valid")


def unauthenticated(code: str) -> Problem:
    """A 401 problem whose code says what is wrong with the token."""
    challenge = "Bearer" if code == "token_missing" else f'Bearer error="invalid_token", error_description="{code}"'
    return Problem(401, code, detail=_DETAILS.get(code, _UNTRUSTED), headers={"WWW-Authenticate": challenge})


def demand(principal: Principal, right: Right) -> Principal:
    """`principal` when its role carries `right`; raises a 403 problem otherwise."""
    if right not in RIGHTS[principal.role]:
        raise Problem(403, detail=Message(f"บทบาทนี้ไม่มีสิทธิ์ {right}", f"This role does not carry the right {right}"))
    return principal


def demand_area(principal: Principal, area: str) -> None:
    """Raises a 403 problem unless `area` lies inside the principal's own."""
    if not principal.covers(area):
        raise Problem(
            403,
            "other_area",
            detail=Message("อยู่นอกพื้นที่ของท่าน", "This lies outside your area"),
        )


def area_asked(principal: Principal, area: str | None) -> str:
    """Return the area that a request names, the principal's own if it names none. Raises a 403 problem for others."""
    if area is None:
        return principal.area
    demand_area(principal, area)
    return area


class Required:
    """A dependency that gives the caller, who has to carry `right`; None: anybody who is signed in.

    unless: who else is let in, in words, such as "a contact of the organisation". The route then decides itself, since
    it alone knows the organisation. All this can be read from outside: tests and docs/rights.md list every route with
    what it demands.
    """

    def __init__(self, right: Right | None, unless: str | None = None) -> None:
        self.right = right
        self.unless = unless

    async def __call__(self, request: Request) -> Principal:
        """The caller of `request`; raises a 401 or 403 problem."""
        authentication: Authentication = request.app.state.authentication
        principal = await authentication.principal(request)
        remember(request.scope, principal)
        return principal if self.right is None or self.unless is not None else demand(principal, self.right)


def require(right: Right, *, unless: str | None = None) -> Required:
    """A dependency that gives the caller, who has to carry `right`, `unless` the route finds that he need not."""
    return Required(right, unless)


signed_in = Required(None)
"""A dependency that gives the caller, of whatever role: for what concerns himself alone."""


async def optional_principal(request: Request) -> Principal | None:
    """A dependency that gives the caller, or None for a request without a token; a bad token is still refused."""
    if "authorization" not in request.headers:
        return None
    authentication: Authentication = request.app.state.authentication
    principal = await authentication.principal(request)
    remember(request.scope, principal)
    return principal
