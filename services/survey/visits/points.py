"""The survey's own copy of the vaccination points: kept from `facility-updated`, so that appointments can be made while
the register of places is away, and their numbers stand beside each point's capacity."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from uuid import UUID

import asyncpg
import msgspec

from shared.contracts.events import FacilityKind, FacilityUpdated
from shared.contracts.topics import FACILITY_UPDATED
from shared.kafka.projection import Event
from shared.observability.clock import BANGKOK
from shared.postgres.pool import Connection

GROUP: Final = "survey-points"
MOST_POINTS: Final = 100
"""In one answer: the nearest, or those of a district; a district has some ten."""
DAYS_AHEAD: Final = 30
"""Appointments are counted so far ahead: nobody is asked to wait longer for a dose."""

PUT_POINTS: Final = """
INSERT INTO vaccination_point AS p
    (facility_id, revision, name, area, lat, lon, status, capacity, hours, hours_note)
SELECT *
FROM unnest($1::uuid[], $2::integer[], $3::text[], $4::text[], $5::double precision[], $6::double precision[],
            $7::text[], $8::integer[], $9::jsonb[], $10::text[])
ORDER BY 1
ON CONFLICT (facility_id) DO UPDATE SET
    revision   = excluded.revision,
    name       = excluded.name,
    area       = excluded.area,
    lat        = excluded.lat,
    lon        = excluded.lon,
    status     = excluded.status,
    capacity   = excluded.capacity,
    hours      = excluded.hours,
    hours_note = excluded.hours_note
WHERE p.revision < excluded.revision
"""

# A place that became something else is a vaccination point no more.
DROP_OTHERS: Final = """
DELETE FROM vaccination_point AS p
USING unnest($1::uuid[], $2::integer[]) AS other (facility_id, revision)
WHERE p.facility_id = other.facility_id AND p.revision < other.revision
"""

IN_AREA: Final = """
SELECT facility_id, name, area, lat, lon, status, capacity, hours, hours_note, NULL::double precision AS metres
FROM vaccination_point
WHERE starts_with(area, $1) AND status <> 'closed'
ORDER BY area, name, facility_id
LIMIT $2
"""

# The country's some ten thousand points are looked at one by one: 5 ms, and no index to keep.
NEAR: Final = """
SELECT facility_id, name, area, lat, lon, status, capacity, hours, hours_note,
       111195 * sqrt((lat - $1) ^ 2 + ((lon - $2) * cos(radians((lat + $1) / 2))) ^ 2) AS metres
FROM vaccination_point
WHERE lat IS NOT NULL AND status <> 'closed'
ORDER BY metres, facility_id
LIMIT $3
"""

BOOKED: Final = """
SELECT facility_id, (due_at AT TIME ZONE 'Asia/Bangkok')::date AS day, count(*) AS booked
FROM reach
WHERE facility_id = ANY ($1::uuid[]) AND due_at >= $2 AND due_at < $3 AND status = 'appointed'
GROUP BY 1, 2
ORDER BY 1, 2
"""


class PointsProjection:
    """Keeps the copy; the highest revision of a place stands."""

    decoders: Mapping[str, Callable[[bytes], Any]]

    def __init__(self, topic: str = FACILITY_UPDATED.name) -> None:
        self.decoders = {topic: FacilityUpdated.model_validate_json}

    async def apply(self, connection: Connection, events: Sequence[Event]) -> None:
        """Writes a batch."""
        latest: dict[UUID, FacilityUpdated] = {}
        for event in events:
            place: FacilityUpdated = event.body
            known = latest.get(place.facility_id)
            if known is None or known.revision < place.revision:
                latest[place.facility_id] = place
        points = [place for place in latest.values() if place.kind is FacilityKind.VACCINATION_POINT]
        others = [place for place in latest.values() if place.kind is not FacilityKind.VACCINATION_POINT]
        if points:
            await connection.execute(PUT_POINTS, *map(list, zip(*map(_row, points), strict=True)))
        if others:
            await connection.execute(
                DROP_OTHERS, [place.facility_id for place in others], [place.revision for place in others]
            )


def _row(place: FacilityUpdated) -> tuple[Any, ...]:
    position = place.position
    hours = [{"days": [day.value for day in span.days], "open": span.open, "close": span.close} for span in place.hours]
    return (
        place.facility_id,
        place.revision,
        place.name,
        place.area,
        position.lat if position else None,
        position.lon if position else None,
        place.status.value,
        place.capacity,
        msgspec.json.encode(hours).decode(),
        place.hours_note,
    )


async def in_area(connection: Connection, area: str) -> list[asyncpg.Record]:
    """The points of an area that are not closed, at most `MOST_POINTS`."""
    return await connection.fetch(IN_AREA, area, MOST_POINTS)


async def near(connection: Connection, lat: float, lon: float, limit: int) -> list[asyncpg.Record]:
    """The nearest points that are not closed, with the metres to each."""
    return await connection.fetch(NEAR, lat, lon, limit)


async def booked(connection: Connection, points: Sequence[UUID], now: datetime) -> dict[UUID, dict[date, int]]:
    """Persons who have an appointment at each point, by day in Thailand, from today on."""
    today = now.astimezone(BANGKOK).date()
    start = datetime.combine(today, time(), BANGKOK)
    found: dict[UUID, dict[date, int]] = {}
    for row in await connection.fetch(BOOKED, list(points), start, start + timedelta(days=DAYS_AHEAD)):
        found.setdefault(row["facility_id"], {})[row["day"]] = row["booked"]
    return found
