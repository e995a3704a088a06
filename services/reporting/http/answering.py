"""What every route needs: the service's parts, a snapshot of the database, and the answer in the form that is wanted.

All answers to GET go the same way: as JSON, or those with rows as CSV for who accepts that rather; with an ETag, by
which a client that has them already is told so (304); packed for whoever can read it so.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Hashable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Final

import msgspec
from fastapi import Request, Response

from services.reporting import store
from services.reporting.answers import AsOf
from services.reporting.http.accepting import CSV, JSON, form_of
from services.reporting.http.sheets import is_sheet, sheet
from services.reporting.kept.answers import KeptAnswers
from services.reporting.kept.bodies import Body, body_of
from services.reporting.kept.moment import Moment
from services.reporting.store import Pool
from shared.observability.clock import Clock
from shared.postgres.pool import UNREACHABLE, Connection, acquire
from shared.web.files import accepts_gzip
from shared.web.problems import Message, Problem

MOST_TAGS: Final = 1_000
"""Characters of If-None-Match that are read: some thirty tags."""


def pool_of(request: Request) -> Pool:
    """The service's connections."""
    pool: Pool = request.app.state.pool
    return pool


def now(request: Request) -> datetime:
    """The present moment by the service's clock."""
    clock: Clock = request.app.state.clock
    return clock.now()


def lenience(request: Request) -> float:
    """How many seconds answers about the present may be behind (see `KeptAnswers`)."""
    kept: KeptAnswers = request.app.state.kept
    return kept.lenience


@asynccontextmanager
async def database(request: Request) -> AsyncIterator[Connection]:
    """A connection for the time of a block. A database that is away becomes a problem document."""
    try:
        async with acquire(pool_of(request)) as connection:
            yield connection
    except UNREACHABLE:
        raise away() from None


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


async def answer(
    request: Request, content: Any, *, status: int = 200, forms: tuple[str, ...] | None = None
) -> Response:
    """`content` for this request alone, in one of `forms`; without, what has rows in two and all else as JSON."""
    if forms is None:
        forms = (JSON, CSV) if is_sheet(content) else (JSON,)
    form = form_of(request, forms) if request.method == "GET" else forms[0]
    return respond(request, await _encoded(request, content, form), status)


Read = Callable[[Connection, AsOf], Awaitable[Any]]
"""Reads an answer's content from a snapshot."""


async def answer_kept(
    request: Request,
    key: Hashable,
    read: Read,
    *,
    forms: tuple[str, ...] = (JSON, CSV),
    may_be_older: float = 0.0,
    clock: datetime | None = None,
) -> Response:
    """What `read` gives, made once for all who ask the same while the figures stay the same.

    key: everything that the content depends on beside the path and the database. may_be_older: see `KeptAnswers.get`;
    without, nobody is told what was true before he asked. clock: a time on which the content depends, too.
    """
    kept: KeptAnswers = request.app.state.kept
    moment_asked = None if may_be_older else clock  # who may be behind may be so in this as well
    form = form_of(request, forms)

    async def make(connection: Connection, moment: Moment) -> Body:
        return await _encoded(request, await read(connection, moment.as_of), form)

    try:
        body = await kept.get((request.url.path, form, key, moment_asked), make, may_be_older=may_be_older)
    except UNREACHABLE:
        raise away() from None
    return respond(request, body)


async def _encoded(request: Request, content: Any, form: str) -> Body:
    as_of = getattr(content, "as_of", None)
    if form != CSV:
        return await body_of(msgspec.json.encode(content), form, {}, as_of)
    name = request.url.path.strip("/").replace("/", "-")
    attached = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return await body_of(sheet(content), f"{CSV}; charset=utf-8; header=present", attached, as_of)


def respond(request: Request, body: Body, status: int = 200) -> Response:
    """The body, or that the client has it already. What was made for one reader is kept by nobody but him, and not on
    his disk; what everybody may see is asked for again, but sent only when it is new."""
    own = "authorization" in request.headers
    headers = {
        "Cache-Control": "no-store" if own else "no-cache",
        "Vary": "Accept, Accept-Encoding, Authorization",
        **body.headers,
    }
    if request.method != "GET":
        return Response(body.content, status, media_type=body.media_type, headers=headers)
    headers["ETag"] = body.tag
    if _has(request, body.tag):
        return Response(status_code=304, headers=headers)
    if body.packed is not None and accepts_gzip(request):
        headers["Content-Encoding"] = "gzip"
        return Response(body.packed, media_type=body.media_type, headers=headers)
    return Response(body.content, media_type=body.media_type, headers=headers)


def _has(request: Request, tag: str) -> bool:
    known = request.headers.get("if-none-match", "")[:MOST_TAGS]
    opaque = tag.removeprefix("W/")
    return known.strip() == "*" or any(each.strip().removeprefix("W/") == opaque for each in known.split(","))
