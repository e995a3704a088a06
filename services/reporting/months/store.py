"""Reads of months: their rows, ranked and beside the month before, and which of them are closed."""

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final
from uuid import UUID

import asyncpg
import msgspec

from services.reporting.answers import AsOf, Stream
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
from services.reporting.months.calendar import month_before
from services.reporting.months.sources import COLUMNS, Parameters, Source, groups
from shared.areas.register import Area
from shared.postgres.pool import Connection

PREFETCHED: Final = 5_000
"""Rows that a cursor takes at once: about a megabyte."""

READ_SECONDS: Final = 120.0
"""Until the first of a million volunteers: seconds on an idle machine."""

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
    kept: bool = True,
) -> AsyncIterator[PerformanceRow]:
    """The rows of `level` inside `area`, those with the largest figure `sort` first, equal ones by key.

    Of areas all are given, also those without results; of organisations and accounts those that did something in the
    month or in the one before. revision: of a closed month, the latest when None; 0 as it is counted now. kept: whether
    sums of it that are a moment old will do. The caller's transaction has to be a snapshot. Takes the rows from the
    database as they are taken from here.
    """
    if sort not in FIGURES:
        raise ValueError(f"{sort} is no figure of a month")
    wanted = Wanted(area, level, sort, organisation)
    source = await source_of(connection, month, revision, kept=kept)
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
    async for record in connection.cursor(query, *given.values, prefetch=PREFETCHED, timeout=READ_SECONDS):
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
    # Joined rather than looked up in the array: of a country both are long.
    keys = f"unnest({given.add(changed)}::text[]) AS changed (key)"
    query = f"SELECT key, {COLUMNS} FROM ({first}) AS f JOIN {keys} USING (key)"  # noqa: S608 - names of ours
    found = await connection.fetch(query, *given.values, timeout=READ_SECONDS)
    closed = {key: MonthFigures(*figures) for key, *figures in found}
    return {key: closed.get(key) or MonthFigures() for key in changed}


async def total(
    connection: Connection,
    month: date,
    revision: int | None,
    area: str,
    organisation: UUID | None = None,
    *,
    kept: bool = True,
) -> MonthFigures:
    """The figures of a whole area; with `organisation`, of what was done for it there. kept: as for `rows`."""
    source = await source_of(connection, month, revision, kept=kept)
    level: RowLevel = LEVELS[len(area) // 2] if organisation is None else "organisation"
    given = Parameters([])
    query = groups(source, area, level, organisation, given)
    key = given.add(area if organisation is None else str(organisation))
    found = await connection.fetchrow(
        f"SELECT {COLUMNS} FROM ({query}) AS t WHERE key = {key}::text",  # noqa: S608 - names of ours
        *given.values,
        timeout=READ_SECONDS,
    )
    return MonthFigures() if found is None else MonthFigures(*found)


CLOSINGS: Final = """
SELECT month, revision, closed_at, closed_by, reason, hash, rows, positions, as_of
FROM month_close
WHERE month = ANY ($1::date[])
ORDER BY month DESC, revision
"""


async def closings(connection: Connection, month: date) -> list[Closing]:
    """The revisions of a month, the first one first; none while it is open."""
    return (await closings_of(connection, [month])).get(month, [])


async def closings_of(connection: Connection, months: Sequence[date]) -> dict[date, list[Closing]]:
    """The revisions of each of these months that is closed."""
    found: dict[date, list[Closing]] = {}
    for row in await connection.fetch(CLOSINGS, months):
        found.setdefault(row["month"], []).append(closing(row))
    return found


async def closing_of(connection: Connection, month: date, revision: int | None) -> Closing | None:
    """A month's revision, the latest when None; None for an open month, and for 0, as it is counted now. Raises
    `UnknownRevision`."""
    source = await source_of(connection, month, revision)
    return (await closings(connection, month))[source.revision - 1] if source.revision else None


def closing(row: asyncpg.Record) -> Closing:
    """The revision that a row of `month_close` tells of."""
    read = {"positions": json.loads(row["positions"]), "as_of": _as_of(row["as_of"])}
    return Closing(**{**row, **read, "month": f"{row['month']:%Y-%m}"})


COUNTED_MONTHS: Final = """
SELECT m.month
FROM unnest($1::date[]) AS m (month)
WHERE EXISTS (SELECT FROM volunteer_month AS v WHERE v.month = m.month)
   OR EXISTS (SELECT FROM registration_month AS r WHERE r.month = m.month)
   OR EXISTS (SELECT FROM place_month AS p WHERE p.month = m.month)
   OR EXISTS (SELECT FROM help_month AS h WHERE h.month = m.month)
   OR EXISTS (SELECT FROM month_close AS c WHERE c.month = m.month)
ORDER BY m.month DESC
"""


async def counted_months(connection: Connection, latest: date, number: int) -> list[date]:
    """Of so many months up to `latest`, those in which anything was counted, the latest first."""
    asked = [latest]
    while len(asked) < number:
        asked.append(month_before(asked[-1]))
    return [row["month"] for row in await connection.fetch(COUNTED_MONTHS, asked)]


class UnknownRevision(Exception):
    """The month has no such revision."""


STATE: Final = """
SELECT (SELECT coalesce(max(revision), 0) FROM month_close WHERE month = $1) AS latest,
       EXISTS (SELECT FROM month_summed WHERE month = $1) AS summed
"""

SUMMED_AS_OF: Final = "SELECT as_of FROM month_summed WHERE month = $1"


async def as_of_sums(connection: Connection, month: date) -> AsOf | None:
    """How new the sums of a month are that is still counted; None when they are counted for each reader."""
    found = await connection.fetchval(SUMMED_AS_OF, month)
    return None if found is None else _as_of(found)


def _as_of(text: str) -> AsOf:
    return msgspec.json.decode(text, type=dict[str, Stream])


async def source_of(connection: Connection, month: date, revision: int | None, *, kept: bool = True) -> Source:
    """Where the rows of a month's revision come from; raises `UnknownRevision`. kept: as for `rows`."""
    state = await connection.fetchrow(STATE, month)
    latest, summed = (0, False) if state is None else state
    summed = summed and kept
    if revision is None:
        return Source(month, latest, summed)
    if not 0 <= revision <= latest:
        raise UnknownRevision
    return Source(month, revision, summed)


def _codes(area: str, level: RowLevel) -> tuple[Area, ...]:
    """The areas that have a row each, whatever was done there."""
    return () if level in ("organisation", "volunteer") else areas_of(area, level)
