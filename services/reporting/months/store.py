"""Reads of months: their rows, ranked and beside the month before, and which of them are closed."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final
from uuid import UUID

import asyncpg

from services.reporting.areas import LEVELS, areas_of
from services.reporting.months.answers import (
    FIGURES,
    RANKED_BY,
    Closing,
    Corrected,
    MonthFigures,
    PerformanceRow,
    RowLevel,
)
from services.reporting.months.sources import COLUMNS, Parameters, Source, groups
from shared.areas.register import Area
from shared.postgres.pool import Connection

PREFETCHED: Final = 5_000
"""Rows that a cursor takes at once: about a megabyte."""

Key = tuple[int, str]
"""Where a page ends: the ranked figure and the key of its last row."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rows of a month are wanted: those of `level` inside `area`, ranked by the figure `sort`.

    organisation: only what was done for it; for the levels organisation and volunteer.
    """

    area: str
    level: RowLevel
    sort: str = RANKED_BY
    organisation: UUID | None = None


def month_before(month: date) -> date:
    """The first day of the month before."""
    return (month - timedelta(days=1)).replace(day=1)


async def rows(
    connection: Connection,
    month: date,
    revision: int | None,
    area: str,
    level: RowLevel,
    *,
    sort: str = RANKED_BY,
    organisation: UUID | None = None,
    after: Key | None = None,
    limit: int | None = None,
) -> AsyncIterator[PerformanceRow]:
    """The rows of `level` inside `area`, those with the largest figure `sort` first, equal ones by key.

    Of areas all are given, also those without results; of organisations and accounts those that did something in the
    month or in the one before. revision: of a closed month, the latest when None; 0 as it is counted now. The caller's
    transaction has to be a snapshot. Takes the rows from the database as they are taken from here.
    """
    if sort not in FIGURES:
        raise ValueError(f"{sort} is no figure of a month")
    wanted = Wanted(area, level, sort, organisation)
    source = await source_of(connection, month, revision)
    before = await source_of(connection, month_before(month), None)
    corrected = await corrections(connection, source, wanted)
    given = Parameters([])
    query = _ranked(source, before, wanted, given)
    if after is not None:
        value, key = given.add(after[0]), given.add(after[1])
        query += f" WHERE ranked < {value}::bigint OR (ranked = {value}::bigint AND key > {key}::text)"
    query += " ORDER BY ranked DESC, key"
    if limit is not None:
        query += f" LIMIT {given.add(limit)}::bigint"
    names = {each.code: each for each in _codes(area, level)}
    async for record in connection.cursor(query, *given.values, prefetch=PREFETCHED):
        yield _row(record, level, names, corrected)


def _ranked(source: Source, before: Source, wanted: Wanted, given: Parameters) -> str:
    """The query for all rows, with their rank among them."""
    area, level, organisation = wanted.area, wanted.level, wanted.organisation
    now = groups(source, area, level, organisation, given)
    earlier = groups(before, area, level, organisation, given)
    known = given.add([each.code for each in _codes(area, level)])
    figures = ", ".join(
        f"coalesce({side}.{name}, 0) AS {side}_{name}" for side in ("now", "earlier") for name in FIGURES
    )
    ranked = f"coalesce(now.{wanted.sort}, 0)"
    return (
        f"WITH now AS ({now}), earlier AS ({earlier}) "  # noqa: S608 - names of ours
        "SELECT * FROM ("
        f"SELECT key, {ranked} AS ranked, rank() OVER (ORDER BY {ranked} DESC) AS rank, {figures} "
        f"FROM unnest({known}::text[]) AS known (key) FULL JOIN now USING (key) FULL JOIN earlier USING (key)"
        ") AS r"
    )


def _row(
    record: asyncpg.Record, level: RowLevel, names: dict[str, Area], corrected: dict[str, MonthFigures]
) -> PerformanceRow:
    key, _, rank, *figures = record
    now = MonthFigures(*figures[: len(FIGURES)])
    area = names.get(key)
    nameless = None if level in ("organisation", "volunteer") else key  # an area that was abolished
    return PerformanceRow(
        key,
        area.name_th if area else nameless,
        area.name_en if area else nameless,
        rank,
        now,
        MonthFigures(*figures[len(FIGURES) :]),
        {} if key not in corrected else differences(corrected[key], now),
    )


def differences(closed: MonthFigures, now: MonthFigures) -> dict[str, Corrected]:
    """The figures that differ, as they were closed and as they are."""
    both = zip(FIGURES, closed.values(), now.values(), strict=True)
    return {name: Corrected(was, is_now) for name, was, is_now in both if was != is_now}


CHANGED: Final = """
SELECT DISTINCT {key} AS key
FROM month_row
WHERE month = $1 AND grain = $2 AND revision > 1 AND revision <= $3 AND area >= $4 AND area < $4 || ':'
"""


async def corrections(connection: Connection, source: Source, wanted: Wanted) -> dict[str, MonthFigures]:
    """What was first closed of the rows that a correction has touched, by key."""
    if source.revision < 2:
        return {}
    grain, key = {
        "organisation": ("organisation", "coalesce(organisation_id::text, 'none')"),
        "volunteer": ("account", "account_id::text"),
    }.get(wanted.level, ("area", "area"))
    found = await connection.fetch(CHANGED.format(key=key), source.month, grain, source.revision, wanted.area)
    changed = [each["key"] for each in found if each["key"] is not None]
    given = Parameters([])
    first = groups(Source(source.month, 1), wanted.area, wanted.level, wanted.organisation, given)
    query = f"SELECT key, {COLUMNS} FROM ({first}) AS f WHERE key = ANY ({given.add(changed)}::text[])"  # noqa: S608 - ours
    closed = {key: MonthFigures(*figures) for key, *figures in await connection.fetch(query, *given.values)}
    return {key: closed.get(key) or MonthFigures() for key in changed}


async def total(
    connection: Connection, month: date, revision: int | None, area: str, organisation: UUID | None = None
) -> MonthFigures:
    """The figures of a whole area; with `organisation`, of what was done for it there."""
    source = await source_of(connection, month, revision)
    level: RowLevel = LEVELS[len(area) // 2] if organisation is None else "organisation"
    given = Parameters([])
    query = groups(source, area, level, organisation, given)
    key = given.add(area if organisation is None else str(organisation))
    found = await connection.fetchrow(
        f"SELECT {COLUMNS} FROM ({query}) AS t WHERE key = {key}::text",  # noqa: S608 - names of ours
        *given.values,
    )
    return MonthFigures() if found is None else MonthFigures(*found)


CLOSINGS: Final = """
SELECT month, revision, closed_at, closed_by, reason, hash, rows, positions, as_of
FROM month_close
WHERE month = $1
ORDER BY revision
"""

LATEST_CLOSINGS: Final = """
SELECT month, revision, closed_at, closed_by, reason, hash, rows, positions, as_of
FROM month_close
ORDER BY month DESC, revision
LIMIT $1
"""


async def closings(connection: Connection, month: date) -> list[Closing]:
    """The revisions of a month, the first one first; none while it is open."""
    return [closing(row) for row in await connection.fetch(CLOSINGS, month)]


async def latest_closings(connection: Connection, limit: int) -> list[Closing]:
    """The revisions of the months closed last, the latest month first."""
    return [closing(row) for row in await connection.fetch(LATEST_CLOSINGS, limit)]


def closing(row: asyncpg.Record) -> Closing:
    """The revision that a row of `month_close` tells of."""
    read = {"positions": json.loads(row["positions"]), "as_of": json.loads(row["as_of"])}
    return Closing(**{**row, **read, "month": f"{row['month']:%Y-%m}"})


class UnknownRevision(Exception):
    """The month has no such revision."""


LATEST_REVISION: Final = "SELECT coalesce(max(revision), 0) FROM month_close WHERE month = $1"


async def source_of(connection: Connection, month: date, revision: int | None) -> Source:
    """Where the rows of a month's revision come from; raises `UnknownRevision`."""
    latest = int(await connection.fetchval(LATEST_REVISION, month))
    if revision is None:
        return Source(month, latest)
    if not 0 <= revision <= latest:
        raise UnknownRevision
    return Source(month, revision)


def _codes(area: str, level: RowLevel) -> tuple[Area, ...]:
    """The areas that have a row each, whatever was done there."""
    return () if level in ("organisation", "volunteer") else areas_of(area, level)
