"""Checking a list: every row read, matched and judged, in chunks, so that memory is bounded and progress is told."""

import asyncio
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, Final

import asyncpg

from services.facilities.domain.hours import BANGKOK
from services.facilities.imports.conflicts import code_holders
from services.facilities.imports.judging import COLUMNS, Judge
from services.facilities.imports.matching import match
from services.facilities.reading import (
    Columns,
    Field,
    Guess,
    Row,
    UnreadableFile,
    UnusableColumns,
    drafts,
    guess,
    read_table,
)
from services.facilities.store import imports
from services.facilities.store.imports import Import, State
from services.facilities.store.kinds import kinds
from shared.observability.clock import Clock
from shared.postgres.pool import acquire

CHUNK: Final = 1_000
MOST_ROWS: Final = 100_000
"""Twice as many places as the country has; 60 s of a processor."""

CLEAR: Final = "DELETE FROM facility_import_row WHERE import_id = $1"


async def check(pool: "asyncpg.Pool[asyncpg.Record]", claimed: Import, clock: Clock) -> None:
    """Check a claimed import and let go of it: checked, or failed with the reason.

    1. Forget the rows of an attempt that was cut off. 2. Chunk by chunk: read, match, judge, and in one transaction
    write the rows and move the lease. 3. Let go. Each fails where another worker has taken over.

    Raises `Fenced`.
    """
    async with acquire(pool) as connection, connection.transaction():
        await imports.lock(connection, claimed)
        file = await imports.file_of(connection, claimed.import_id)
        await connection.execute(CLEAR, claimed.import_id)
        known_kinds = await kinds(connection)
    if file is None:
        await _fail(pool, claimed, clock, "file_erased")
        return
    try:
        table = await asyncio.to_thread(read_table, file, claimed.name)
        guessed = await asyncio.to_thread(guess, table, list(known_kinds.values()))
        columns = guessed.columns if claimed.columns is None else columns_of(claimed.columns)
        if claimed.columns is None and guessed.missing:
            await _settle(pool, claimed, clock, guessed, columns, failure="columns_missing")
            return
        judge = Judge(
            claimed.import_id,
            table,
            columns,
            known_kinds,
            area=claimed.actor.area,
            organisation=claimed.actor.organisation,
            only_of=claimed.actor.only_of,
        )
        today = clock.now().astimezone(BANGKOK).date()
        rows = drafts(table, columns, kinds=list(known_kinds.values()), today=today, within=claimed.actor.area)
        read = 0
        while chunk := await asyncio.to_thread(_next, rows):
            read += len(chunk)
            if read > MOST_ROWS:
                raise UnreadableFile("too_many_rows")
            async with acquire(pool) as connection:
                known = await match(connection, chunk, claimed.actor.area)
            judged = await asyncio.to_thread(judge.judge, chunk, known)
            async with acquire(pool) as connection, connection.transaction():
                holders = await code_holders(connection, judged)
                judged = [
                    judge.code_in_use(one, holders[one.number].name) if one.number in holders else one for one in judged
                ]
                await imports.hold(connection, claimed, read, clock.now())
                await connection.copy_records_to_table(
                    "facility_import_row",
                    records=[one.record(claimed.import_id) for one in judged],
                    columns=COLUMNS,
                )
    except UnreadableFile as error:
        await _fail(pool, claimed, clock, error.code)
        return
    except UnusableColumns as error:
        await _settle(pool, claimed, clock, guessed, columns, failure=error.code)
        return
    await _settle(pool, claimed, clock, guessed, columns)


def columns_of(told: Mapping[str, Any]) -> Columns:
    """Columns from the JSON in which they are kept."""
    places = {Field(field): column for field, column in told["places"].items()}
    return Columns(places, {Field(field): text for field, text in told["defaults"].items()})


def columns_json(columns: Columns) -> dict[str, Any]:
    """Columns as JSON."""
    return {"places": dict(columns.places), "defaults": dict(columns.defaults)}


def _guess_json(guessed: Guess) -> dict[str, Any]:
    return {
        "columns": [
            {
                "column": one.column,
                "letters": one.letters,
                "title": one.title,
                "field": one.field,
                "confidence": one.confidence,
            }
            for one in guessed.guessed
        ],
        "missing": list(guessed.missing),
    }


def _next(rows: Iterator[Row]) -> list[Row]:
    return list(islice(rows, CHUNK))


async def _fail(pool: "asyncpg.Pool[asyncpg.Record]", claimed: Import, clock: Clock, failure: str) -> None:
    async with acquire(pool) as connection:
        await imports.settle(connection, claimed, State.FAILED, clock.now(), failure=failure)


async def _settle(
    pool: "asyncpg.Pool[asyncpg.Record]",
    claimed: Import,
    clock: Clock,
    guessed: Guess,
    columns: Columns,
    failure: str | None = None,
) -> None:
    async with acquire(pool) as connection:
        await imports.settle(
            connection,
            claimed,
            State.CHECKED,
            clock.now(),
            failure=failure,
            guess=_guess_json(guessed),
            columns=columns_json(columns),
        )
