"""What every route needs: the service's parts, a snapshot of the database, and the answer as JSON."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Final

import msgspec
from fastapi import Request, Response

from services.reporting import store
from services.reporting.answers import AsOf
from services.reporting.store import Pool
from shared.observability.clock import Clock
from shared.postgres.pool import UNREACHABLE, Connection
from shared.web.files import accepts_gzip
from shared.web.problems import Message, Problem

COMPRESSED_FROM: Final = 1_400
"""Bytes; what fits one network packet gains nothing."""
COMPRESSED_ASIDE_FROM: Final = 64 * 1024
"""Bytes; compressing more takes milliseconds, in which this process would answer nobody else."""


def pool_of(request: Request) -> Pool:
    """The service's connections."""
    pool: Pool = request.app.state.pool
    return pool


def now(request: Request) -> datetime:
    """The present moment by the service's clock."""
    clock: Clock = request.app.state.clock
    return clock.now()


@asynccontextmanager
async def snapshot(request: Request) -> AsyncIterator[tuple[Connection, AsOf]]:
    """A connection for one answer, whose reads see the same moment, and how new the figures of that moment are.

    A database that is away becomes a problem document.
    """
    try:
        async with store.snapshot(pool_of(request)) as connection:
            yield connection, await store.as_of(connection, request.app.state.topics)
    except UNREACHABLE:
        raise away() from None


def away() -> Problem:
    """What is answered while the database is away."""
    return Problem(
        503,
        detail=Message("ฐานข้อมูลไม่ตอบ โปรดลองอีกครั้ง", "The database does not answer, please try again"),
        headers={"Retry-After": "2"},
    )


async def answer(request: Request, content: Any, *, status: int = 200) -> Response:
    """`content` as JSON, compressed for whoever can read it so. Who asks may change what he sees, so it is not kept."""
    body = msgspec.json.encode(content)
    headers = {"Cache-Control": "no-store", "Vary": "Accept-Encoding"}
    if len(body) >= COMPRESSED_FROM and accepts_gzip(request):
        headers["Content-Encoding"] = "gzip"
        if len(body) >= COMPRESSED_ASIDE_FROM:
            body = await asyncio.to_thread(gzip.compress, body, 1)
        else:
            body = gzip.compress(body, 1)
    return Response(body, status, media_type="application/json", headers=headers)
