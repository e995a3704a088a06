"""Where webhooks may go: never into the network in which we are (server-side request forgery).

A name is resolved once, by the step that connects, and it connects to the addresses that were looked at: an answer that
changes afterwards (DNS rebinding) changes nothing. One bad address among several makes the name refused: whoever owns
it can order them as he likes.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final
from urllib.parse import urlsplit

import httpcore

from services.reporting.webhooks.domain import MOST_SUBSCRIPTIONS

PORTS: Final = frozenset({443, 8443})
"""Of HTTPS. Everything else that listens somewhere is not meant for us."""
MOST_CHARACTERS: Final = 2_000
"""Of a URL."""
MOST_ADDRESSES: Final = 3
"""Of a name that are tried, one after another, within the time of one delivery."""
_TRANSLATED: Final = ipaddress.IPv6Network("64:ff9b::/96")
"""IPv4 addresses behind a translator (NAT64)."""

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Gives the addresses of a name. Raises OSError."""


class AddressRefused(Exception):
    """A webhook may not go there."""


def refused(url: str, *, allow_loopback: bool) -> str | None:
    """Why this is no URL of an endpoint, as a stable word; None where it is one. Where the name leads is looked at when
    it is connected to."""
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname
    except ValueError:
        return "not_a_url"
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url or not host:
        return "not_a_url"
    if parts.username is not None or parts.password is not None or "#" in url:
        return "not_a_url"
    if parts.scheme != "https" and not (allow_loopback and parts.scheme == "http"):
        return "not_https"
    if not allow_loopback and (port or 443) not in PORTS:
        return "port_refused"
    try:
        permitted = is_permitted(host, allow_loopback=allow_loopback)
    except ValueError:
        return None  # a name
    return None if permitted else "address_refused"


def is_permitted(address: str, *, allow_loopback: bool = False) -> bool:
    """Whether a webhook may be sent to this IP address. Raises ValueError where it is none."""
    found = ipaddress.ip_address(address)
    if isinstance(found, ipaddress.IPv6Address):
        if found.scope_id is not None or found.sixtofour is not None or found.teredo is not None or found.is_site_local:
            return False
        if found.ipv4_mapped is not None:
            found = found.ipv4_mapped
        elif found in _TRANSLATED:
            found = ipaddress.IPv4Address(found.packed[-4:])
    if allow_loopback and found.is_loopback:
        return True
    barred = found.is_private or found.is_loopback or found.is_link_local or found.is_multicast or found.is_reserved
    return found.is_global and not barred and not found.is_unspecified


class Resolver:
    """Asks the system for addresses, in threads of its own: a name server that does not answer holds a thread for up to
    half a minute, and there is one for each subscription."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(MOST_SUBSCRIPTIONS, thread_name_prefix="resolver")

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        """The addresses of a name. Raises OSError."""

        def ask() -> list[str]:
            return [str(each[4][0]) for each in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]

        return await asyncio.get_running_loop().run_in_executor(self._threads, ask)

    def close(self) -> None:
        """Waits for nobody."""
        self._threads.shutdown(wait=False, cancel_futures=True)


class GuardedNetwork(httpcore.AsyncNetworkBackend):
    """Connects to where webhooks may go, and nowhere else. TLS is still checked against the name.

    loopback_alone: for URLs without TLS, which are for tests on one machine.
    """

    def __init__(self, resolve: Resolve, *, allow_loopback: bool, loopback_alone: bool = False) -> None:
        self._resolve = resolve
        self._loopback_alone = loopback_alone
        self._allow_loopback = allow_loopback
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """A connection to one of the name's addresses. Raises `AddressRefused`, OSError, and what httpcore raises."""
        addresses = list(dict.fromkeys(await self._resolve(host, port)))
        if not addresses:
            raise OSError("no addresses")
        if not all(map(self._permits, addresses)):
            raise AddressRefused
        failure = httpcore.ConnectError()
        for address in addresses[:MOST_ADDRESSES]:
            try:
                return await self._network.connect_tcp(address, port, timeout, local_address, socket_options)
            except httpcore.ConnectError as error:
                failure = error
        raise failure

    def _permits(self, address: str) -> bool:
        if self._loopback_alone and not ipaddress.ip_address(address).is_loopback:
            return False
        return is_permitted(address, allow_loopback=self._allow_loopback)

    async def sleep(self, seconds: float) -> None:
        """Waits."""
        await asyncio.sleep(seconds)
