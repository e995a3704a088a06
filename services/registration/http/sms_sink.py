"""/v1/sms-sink: the text messages of a machine that has no provider to send them."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel
from starlette.requests import Request

from services.registration.http.parts import Parts, parts
from shared.web.origin import through_a_proxy
from shared.web.problems import Problem

router = APIRouter(prefix="/v1/sms-sink", tags=["sms sink"])

MESSAGES = 100
"""What one looks through for a code; the file itself holds all."""
_TAIL_BYTES = 200 * 1024  # a message has at most 1 KB: two languages, in JSON


class SunkMessage(BaseModel):
    """A text message that nobody received, or an e-mail: then it has an address and a subject, and no phone."""

    phone: str | None = None
    email: str | None = None
    subject: str | None = None
    text: str
    code: str | None = None
    confirmation_code: str | None = None
    proof_code: str | None = None
    at: str


class SmsSink(BaseModel):
    """The last messages, the newest first."""

    messages: Sequence[SunkMessage]


@router.get("", include_in_schema=False)
async def show_sink(request: Request, parts: Annotated[Parts, Depends(parts)]) -> SmsSink:
    """Show the last messages, to whoever sits at the machine: it is where sign-in codes come from, and nobody is signed
    in yet.

    404 with a provider of text messages, since then there is no sink; and 404 to every other machine, also through a
    proxy on this one, which says so, or by a name that somebody has made lead to this one.
    """
    if parts.sms_sink is None or not _sits_here(request):
        raise Problem(404)
    lines = await asyncio.to_thread(_tail, parts.sms_sink)
    found = [SunkMessage.model_validate(message) for message in map(_read, lines) if message is not None]
    return SmsSink(messages=found[: -MESSAGES - 1 : -1])


def _sits_here(request: Request) -> bool:
    if through_a_proxy(request):
        return False
    return request.client is not None and _is_loopback(request.client.host) and _is_loopback(request.url.hostname or "")


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _tail(file: Path) -> list[bytes]:
    try:
        with file.open("rb") as sink:
            size = sink.seek(0, os.SEEK_END)
            sink.seek(max(0, size - _TAIL_BYTES))
            return sink.read().splitlines()
    except FileNotFoundError:
        return []


def _read(line: bytes) -> dict[str, Any] | None:
    try:
        message: dict[str, Any] = json.loads(line)
    except ValueError:  # the first line of the tail is cut off, the last may be half written
        return None
    return message
