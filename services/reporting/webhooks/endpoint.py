"""One endpoint: a request, its answer, and all bounds. No redirects, no proxies, no cookies, no decompression."""

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import httpcore

from services.reporting.settings import WebhookSettings
from services.reporting.webhooks.addresses import AddressRefused, GuardedNetwork, Resolve, refused
from services.reporting.webhooks.domain import Cause

ANSWER_BYTES: Final = 16 * 1024
"""Of an answer that are read: a challenge, or nothing. Its head is bounded by the HTTP library, at 100 kB."""
IDLE_SECONDS: Final = 30.0
"""A connection is kept open for further events. Another one is resolved and looked at anew."""
AGENT: Final = "jitasa-webhooks/1"


@dataclass(frozen=True, slots=True)
class Answered:
    """An endpoint's answer, the first bytes of its body."""

    status: int
    retry_after: str | None
    body: bytes


def trusted(settings: WebhookSettings) -> ssl.SSLContext:
    """How endpoints are known: by authorities of the system, and those of the settings. Raises OSError."""
    context = ssl.create_default_context()
    if settings.authority_file is not None:
        context.load_verify_locations(cafile=settings.authority_file)
    return context


class Endpoint:
    """Sends requests to a URL, as many at once as there are connections."""

    def __init__(
        self,
        url: str,
        resolve: Resolve,
        tls: ssl.SSLContext,
        *,
        seconds: float,
        allow_loopback: bool,
        at_once: int = 1,
    ) -> None:
        self._url = url
        self._seconds = seconds
        self._allow_loopback = allow_loopback
        network = GuardedNetwork(resolve, allow_loopback=allow_loopback, loopback_alone=urlsplit(url).scheme == "http")
        self._pool = httpcore.AsyncConnectionPool(
            tls, max_connections=at_once, keepalive_expiry=IDLE_SECONDS, network_backend=network
        )

    async def post(self, headers: Mapping[str, str], body: bytes) -> Answered | Cause:
        """What came back in time, or why nothing did."""
        if refused(self._url, allow_loopback=self._allow_loopback) is not None:
            return Cause.ADDRESS  # it was entered under other rules
        whole = {"content-type": "application/cloudevents+json", "user-agent": AGENT, **headers}
        try:
            async with asyncio.timeout(self._seconds):
                return await self._post(list(whole.items()), body)
        except AddressRefused:
            return Cause.ADDRESS
        except (TimeoutError, httpcore.TimeoutException):
            return Cause.TIMEOUT
        except (httpcore.NetworkError, httpcore.ProtocolError, ssl.SSLError):
            return Cause.CONNECTION
        except (OSError, UnicodeError):  # of the resolution: the network's own are httpcore's
            return Cause.NAME

    async def close(self) -> None:
        """Ends the connection."""
        await self._pool.aclose()

    async def _post(self, headers: list[tuple[str, str]], body: bytes) -> Answered:
        async with self._pool.stream("POST", self._url, headers=headers, content=body) as response:
            read = b""
            async for chunk in response.aiter_stream():
                read += chunk[: ANSWER_BYTES - len(read)]
                if len(read) >= ANSWER_BYTES:
                    break  # the connection is closed with the rest
            waits = [value for name, value in response.headers if name.lower() == b"retry-after"]
            return Answered(response.status, waits[0].decode("latin-1") if waits else None, read)
