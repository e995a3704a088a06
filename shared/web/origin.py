"""From where a request comes."""

from __future__ import annotations

import ipaddress

from starlette.requests import Request


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
