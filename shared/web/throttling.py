"""From where a request comes, and what is answered to who asks too often."""

from __future__ import annotations

import ipaddress

from starlette.requests import Request
from starlette.responses import Response

from shared.postgres.throttle import Throttled
from shared.web.problems import Message, Problem, problem_response


def address_of(request: Request) -> str:
    """Say from where a request comes, as far as throttling cares: one IPv4 address, or one IPv6 line (/64)."""
    host = request.client.host if request.client else "unknown"
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if address.version == 6:
        return str(ipaddress.ip_network((address, 64), strict=False))
    return host


def through_a_proxy(request: Request) -> bool:
    """Whether a proxy handed the request on, and says so: whatever it claims, it did not begin beside this process."""
    return any(name in request.headers for name in ("forwarded", "x-forwarded-for", "x-real-ip", "via"))


async def on_throttled(request: Request, error: Exception) -> Response:
    """Say when to come again."""
    assert isinstance(error, Throttled)  # noqa: S101 - registered for this type alone
    seconds = error.retry_after
    problem = Problem(
        429,
        detail=Message(f"โปรดลองใหม่ใน {seconds} วินาที", f"Please try again in {seconds} seconds"),
        headers={"Retry-After": str(seconds)},
    )
    return problem_response(request, problem)
