"""Which citizen sends a request: somebody who proved a phone, and holds no role."""

from starlette.requests import Request

from shared.security.citizen_tokens import CitizenVerifier
from shared.security.citizens import Citizen
from shared.security.tokens import InvalidToken, KeysUnavailable
from shared.web.authentication import unauthenticated
from shared.web.problems import Problem


async def proven_citizen(request: Request) -> Citizen:
    """A dependency that gives the citizen whose token comes with the request; raises a 401 problem.

    It needs `app.state.citizens`, a `CitizenVerifier`.
    """
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise unauthenticated("token_missing")
    verifier: CitizenVerifier = request.app.state.citizens
    try:
        return await verifier.verify(token.strip())
    except InvalidToken as error:
        raise unauthenticated(error.code) from None
    except KeysUnavailable:
        # The token may be good: it is we who cannot tell yet.
        raise Problem(503, headers={"Retry-After": "5"}) from None
