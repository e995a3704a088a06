"""Finding places: what lies near, inside a box, or bears a name."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from math import asin, cos, radians, sin, sqrt
from typing import Any, Final
from uuid import UUID

import asyncpg

from services.facilities.domain.hours import BANGKOK
from services.facilities.domain.hours import open_at as is_open
from services.facilities.domain.places import Facility, Position
from services.facilities.store.rows import COLUMNS, facility_of
from shared.contracts.events import Day, FacilityStatus
from shared.postgres.pool import Connection

EARTH_KM: Final = 6_371.0
KM_PER_DEGREE: Final = 110.6
"""Of latitude, in Thailand."""
RUN: Final = 3
"""Characters of the runs that search_runs() makes of a name."""
CANDIDATES: Final = 60
"""Three times as many as the nearest that are shown, since the plane's order is not quite the sphere's."""
LOOKED_AT: Final = 1_500
"""So many of the nearest are looked at for those that are open now: at night hardly one in fifty is."""
MOST_FEATURES: Final = 2_000
"""Points, or else groups, in one map: what an old phone draws in half a second; some 100 KB packed."""

# Which index serves best depends on what is asked for: a plan made for any question would not do.
PLAN_EACH_TIME: Final = "SET LOCAL plan_cache_mode = force_custom_plan"

SELECT_NEAREST: Final = f"""
SELECT {COLUMNS}
FROM facility
WHERE lat IS NOT NULL {{conditions}}
ORDER BY on_plane(lat, lon) <-> on_plane($1, $2)
LIMIT $3
"""  # noqa: S608 - text of this module only

_HOLDS: Final = "@.open <= $clock && (@.close > $clock || @.close < @.open)"
_GOES_ON: Final = "@.close < @.open && @.close > $clock"
_BY_DAY: Final = """
CASE WHEN jsonb_path_exists(exceptions, '$[*] ? (@.date == ${day}.date)', $5)
     THEN jsonb_path_exists(exceptions, '$[*] ? (@.date == ${day}.date).spans[*] ? ({span})', $5)
     ELSE (holidays = 'open' OR NOT ($5 -> '{day}' -> 'is_holiday')::boolean)
          AND jsonb_path_exists(hours, '$[*] ? (@.days[*] == ${day}.name && {span})', $5)
END"""
# `domain.hours.open_at` in SQL. What it let through besides would stand in the way of what is open farther off.
OPEN: Final = f"""
status <> 'suspended' AND ({_BY_DAY.format(day="today", span=_HOLDS)}
OR {_BY_DAY.format(day="yesterday", span=_GOES_ON)})
"""
SELECT_NEAREST_OPEN: Final = f"""
SELECT {COLUMNS}
FROM (
    SELECT {COLUMNS}, on_plane(lat, lon) <-> on_plane($1, $2) AS away
    FROM facility
    WHERE lat IS NOT NULL {{conditions}}
    ORDER BY away
    LIMIT $4
) AS near
WHERE {OPEN}
ORDER BY away
LIMIT $3
"""  # noqa: S608

SELECT_NAMED: Final = f"""
SELECT {COLUMNS}, search_name
FROM facility
WHERE (search_name, facility_id) > ($1, $2) {{conditions}}
ORDER BY search_name, facility_id
LIMIT $3
"""  # noqa: S608

SELECT_POINTS: Final = """
SELECT facility_id, kind, status, name, lat, lon
FROM facility
WHERE lat IS NOT NULL {conditions}
LIMIT $1
"""

# Cells of a size in degrees, each kind by itself; a group stands where its places are in the mean. The largest come
# first: where there are more than one answer takes, those that are left out hold the fewest places.
SELECT_GROUPS: Final = """
SELECT kind, count(*) AS places, avg(lat) AS lat, avg(lon) AS lon
FROM facility
WHERE lat IS NOT NULL {conditions}
GROUP BY kind, floor(lat / $1), floor(lon / $1)
ORDER BY places DESC, kind, floor(lat / $1), floor(lon / $1)
LIMIT $2
"""

SPELLING: Final = "SELECT search_spelling($1)"


@dataclass(frozen=True, slots=True)
class Box:
    """An area of a map, in degrees."""

    west: float
    south: float
    east: float
    north: float


@dataclass(frozen=True, slots=True)
class Sought:
    """Which places are asked for: all conditions that are set hold. Closed places are found by their status alone.

    text: stands anywhere in the name; of one or two characters, at its beginning.
    """

    area: str = ""
    kinds: Sequence[str] = ()
    status: FacilityStatus | None = None
    service: str | None = None
    text: str | None = None
    box: Box | None = None

    def conditions(self, spelling: str | None, first: int) -> tuple[str, list[Any]]:
        """Return the SQL of what is set, its parameters numbered from `first`, and their values."""
        wanted: list[tuple[str, Any]] = []
        if self.area:
            wanted.append(("area >= ${0} AND area < ${0} || ':'", self.area))
        if self.kinds:
            wanted.append(("kind = ANY (${0}::text[])", list(self.kinds)))
        if self.service is not None:
            wanted.append(("${0} = ANY (services)", self.service))
        if spelling is not None:
            if not spelling:  # nothing but what a spelling leaves out: no name has that
                return "AND false", []
            if len(spelling) >= RUN:
                wanted.append(("search_runs @> search_runs(${0}) AND strpos(search_name, ${0}) > 0", spelling))
            else:
                wanted.append(("starts_with(search_name, ${0})", spelling))
        if self.box is not None:
            wanted.append(("on_plane(lat, lon) <@ ${0}::box", _on_plane(self.box)))
        texts = [f"AND {text.format(number)}" for number, (text, _) in enumerate(wanted, first)]
        values = [value for _, value in wanted]
        if self.status is None:
            texts.append("AND status <> 'closed'")
        else:
            texts.append(f"AND status = ${first + len(values)}")
            values.append(self.status)
        return "\n  ".join(texts), values


@dataclass(frozen=True, slots=True)
class Moment:
    """When a place has to be open, and which days are holidays."""

    at: datetime
    holidays: Collection[date]

    def as_json(self) -> str:
        """As `OPEN` asks for it."""
        local = self.at.astimezone(BANGKOK)
        today, yesterday = (self._day(local.date() - timedelta(days=back)) for back in (0, 1))
        return json.dumps({"today": today, "yesterday": yesterday, "clock": f"{local:%H:%M}"})

    def _day(self, day: date) -> dict[str, Any]:
        return {"date": day.isoformat(), "name": tuple(Day)[day.weekday()], "is_holiday": day in self.holidays}


@dataclass(frozen=True, slots=True)
class Point:
    """A place on a map."""

    facility_id: UUID
    kind: str
    status: FacilityStatus
    name: str
    position: Position


@dataclass(frozen=True, slots=True)
class Group:
    """Places of a kind that lie too close to be drawn one by one, and the mean of their positions."""

    kind: str
    places: int
    position: Position


async def nearest(
    connection: Connection,
    sought: Sought,
    position: Position,
    *,
    within_km: float,
    limit: int,
    open_at: Moment | None = None,
) -> list[tuple[float, Facility]]:
    """The nearest places, with their distance in km, the nearest first; at most `limit`.

    open_at: only such as are known to be open then.
    """
    around = Box(*_around(position, within_km)) if sought.box is None else sought.box
    boxed = Sought(sought.area, sought.kinds, sought.status, sought.service, sought.text, around)
    asked: list[Any] = [position.lat, position.lon, max(CANDIDATES, 2 * limit)]
    if open_at is not None:
        asked += [LOOKED_AT, open_at.as_json()]
    async with connection.transaction(readonly=True):
        await connection.execute(PLAN_EACH_TIME)
        spelling = await _spelling(connection, sought.text)
        conditions, values = boxed.conditions(spelling, len(asked) + 1)
        query = (SELECT_NEAREST if open_at is None else SELECT_NEAREST_OPEN).format(conditions=conditions)
        rows = await connection.fetch(query, *asked, *values)
    candidates = [facility_of(row) for row in rows]
    found = [
        (distance_km(position, each.content.position), each)
        for each in candidates
        if open_at is None or is_open(each.content, open_at.holidays, open_at.at) is True
    ]
    # The plane's order is wrong by some hundredths: twice as many as are asked for hold those that are nearest.
    near = [pair for pair in found if pair[0] <= within_km]
    return sorted(near, key=lambda pair: (pair[0], pair[1].facility_id))[:limit]


async def named(
    connection: Connection, sought: Sought, after: tuple[str, UUID], limit: int
) -> list[tuple[str, Facility]]:
    """Places in the order of their names' spelling and ids, each with that spelling, beginning behind `after`."""
    async with connection.transaction(readonly=True):
        await connection.execute(PLAN_EACH_TIME)
        conditions, values = sought.conditions(await _spelling(connection, sought.text), 4)
        rows = await connection.fetch(SELECT_NAMED.format(conditions=conditions), *after, limit, *values)
    return [(row["search_name"], facility_of(row)) for row in rows]


async def on_map(connection: Connection, sought: Sought, box: Box) -> Sequence[Point] | Sequence[Group]:
    """The places in a box one by one, or grouped where they are more than `MOST_FEATURES`."""
    boxed = Sought(sought.area, sought.kinds, sought.status, sought.service, sought.text, box)
    async with connection.transaction(readonly=True):
        await connection.execute(PLAN_EACH_TIME)
        spelling = await _spelling(connection, sought.text)
        conditions, values = boxed.conditions(spelling, 2)
        rows = await connection.fetch(SELECT_POINTS.format(conditions=conditions), MOST_FEATURES + 1, *values)
        if len(rows) <= MOST_FEATURES:
            return [
                Point(
                    row["facility_id"],
                    row["kind"],
                    FacilityStatus(row["status"]),
                    row["name"],
                    Position(row["lat"], row["lon"]),
                )
                for row in rows
            ]
        conditions, values = boxed.conditions(spelling, 3)
        rows = await connection.fetch(SELECT_GROUPS.format(conditions=conditions), _cell(box), MOST_FEATURES, *values)
    return [Group(row["kind"], row["places"], Position(row["lat"], row["lon"])) for row in rows]


def distance_km(one: Position, other: Position | None) -> float:
    """The distance of two positions on a sphere; without a second one 0."""
    if other is None:
        return 0.0
    south, north = radians(one.lat), radians(other.lat)
    half = sin((north - south) / 2) ** 2 + cos(south) * cos(north) * sin(radians(other.lon - one.lon) / 2) ** 2
    return 2 * EARTH_KM * asin(sqrt(half))


def _around(position: Position, km: float) -> tuple[float, float, float, float]:
    up = km / KM_PER_DEGREE
    across = up / max(cos(radians(position.lat)), 0.1)
    return position.lon - across, position.lat - up, position.lon + across, position.lat + up


def _on_plane(box: Box) -> asyncpg.Box:
    """As `on_plane` has it."""
    return asyncpg.Box((box.east * 0.97, box.north), (box.west * 0.97, box.south))


def _cell(box: Box) -> float:
    """The side of a cell, in degrees, with which a box has at most some 300 cells, each of a few kinds."""
    return sqrt(max((box.east - box.west) * (box.north - box.south) / 300, 1e-6))


async def _spelling(connection: Connection, text: str | None) -> str | None:
    return None if text is None else str(await connection.fetchval(SPELLING, text))
