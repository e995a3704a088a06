"""Sending text messages: to a provider's HTTP interface, or into a file on a machine that has no provider.

What is to be sent is put into a bounded queue, and everything that depends on the receiver happens behind it. So an
answer takes the same time whether a number is registered or not, and a slow provider holds up no request.
"""

from __future__ import annotations

import asyncio
import json
import os
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from uuid import UUID

import httpx

from shared.observability.clock import Clock
from shared.observability.logs import log

QUEUE_LENGTH = 1_000
"""What four senders at 50 ms a message clear in a quarter of a minute; who would wait longer is told to come again."""
SENDERS = 4
SEND_TIMEOUT_SECONDS = 10.0
"""A provider that takes longer has failed; the person asks for another code."""
UNCERTAIN = frozenset({httpx.codes.REQUEST_TIMEOUT, httpx.codes.CONFLICT})
"""Answers of a provider that may have the message: it waited for the rest of something, or it knows the key already."""

_log = log(__name__)


@dataclass(frozen=True, slots=True)
class TextMessage:
    """One SMS. `code` is the one-time code for a sign-in in the text, `confirmation_code` that of a sign-up, if there
    is one, and `proof_code` what proves a citizen's phone; whoever waits for one shall not take another. `key` is the
    same whenever the same message is sent."""

    phone: str
    text: str
    code: str | None = None
    confirmation_code: str | None = None
    proof_code: str | None = None
    key: UUID | None = None


class Refusal(Exception):
    """A message surely did not leave, and may be sent again."""


class Gateway(Protocol):
    """A way to send text messages."""

    async def send(self, message: TextMessage) -> None:
        """Send it. Raises `Refusal` where it surely did not leave, and anything else where nobody knows."""
        ...


class FileGateway:
    """Appends each message to a file as one JSON line: phone, text, code, at, and where there is one the
    confirmation_code of a sign-up or the proof_code of a citizen.

    For one machine; never for production.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock

    async def send(self, message: TextMessage) -> None:
        """Append the message. The write is a single one, so lines of several processes do not mix."""
        line = {
            "phone": message.phone,
            "text": message.text,
            "code": message.code,
            "at": self._clock.now().isoformat(),
        }
        if message.confirmation_code is not None:
            line["confirmation_code"] = message.confirmation_code
        if message.proof_code is not None:
            line["proof_code"] = message.proof_code
        file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(file, (json.dumps(line, ensure_ascii=False) + "\n").encode())
        finally:
            os.close(file)


class HttpGateway:
    """Posts each message as JSON (`phone`, `text`) with a bearer token, as SMS providers' interfaces take it.

    A message's key goes along as `Idempotency-Key`.
    """

    def __init__(self, url: str, token_file: Path) -> None:
        self._url = url
        self._token_file = token_file
        self._tls = ssl.create_default_context()  # reading the system's authorities takes longer than sending

    async def send(self, message: TextMessage) -> None:
        """Post the message; any other answer than 2xx is an error, of which some say that it was not taken."""
        try:
            token = self._token_file.read_text().strip()  # read anew each time, so that a rotated one is taken up
        except OSError as error:
            raise Refusal from error
        headers = {"Authorization": f"Bearer {token}"}
        if message.key is not None:
            headers["Idempotency-Key"] = str(message.key)
        async with httpx.AsyncClient(timeout=SEND_TIMEOUT_SECONDS, verify=self._tls) as client:
            try:
                answer = await client.post(
                    self._url, json={"phone": message.phone, "text": message.text}, headers=headers
                )
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                raise Refusal from error
        if (answer.is_client_error and answer.status_code not in UNCERTAIN) or (
            answer.status_code == httpx.codes.SERVICE_UNAVAILABLE
        ):
            raise Refusal(answer.status_code)
        answer.raise_for_status()


Errand = Callable[[], Awaitable[TextMessage | None]]
"""Finds out what is to be sent, if anything."""


class Messenger:
    """Runs errands in the background and sends what they give."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._errands: asyncio.Queue[Errand] = asyncio.Queue(QUEUE_LENGTH)
        self._senders: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to send."""
        self._senders = [asyncio.create_task(self._work(), name=f"sms-{number}") for number in range(SENDERS)]

    async def close(self) -> None:
        """Stop. What is still in the queue is not sent: nobody was promised more than that it would be tried."""
        for sender in self._senders:
            sender.cancel()
        for sender in self._senders:
            with suppress(asyncio.CancelledError):
                await sender

    def offer(self, errand: Errand) -> bool:
        """Take on an errand. False when the queue is full."""
        try:
            self._errands.put_nowait(errand)
        except asyncio.QueueFull:
            return False
        return True

    async def _work(self) -> None:
        while True:
            errand = await self._errands.get()
            try:
                message = await errand()
                if message is not None:
                    await self._gateway.send(message)
            except Exception as error:  # whatever one message meets, the next one shall go out
                _log.warning("sms_not_sent", error=type(error).__name__)
