"""Applies batches of public events to the reporting database.

The shared consumer has judged each event's place in its stream and holds the position; what is written here commits
together with it. A batch is folded in memory and then written with one statement per table. Rows are written in the
order of their keys, and the tables always in the same order, so that two projectors that meet in a subdistrict wait for
each other instead of locking each other out.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import add
from typing import Any, Final

from services.reporting.domain import FIGURES, Changes
from services.reporting.notices import Kind, notify
from services.reporting.submissions import Submission, read_submission
from shared.contracts.events import FacilityUpdated, VolunteerRegistered
from shared.contracts.topics import FACILITY_UPDATED, SURVEY_SUBMITTED, VOLUNTEER_REGISTERED, Topic
from shared.kafka.projection import Event
from shared.postgres.pool import Connection

TOPICS: Final[tuple[Topic, ...]] = (SURVEY_SUBMITTED, VOLUNTEER_REGISTERED, FACILITY_UPDATED)

_DECODERS: Final[Mapping[str | None, Callable[[bytes], Any]]] = {
    SURVEY_SUBMITTED.event_type: read_submission,
    VOLUNTEER_REGISTERED.event_type: VolunteerRegistered.model_validate_json,
    FACILITY_UPDATED.event_type: FacilityUpdated.model_validate_json,
}

_LATEST_MILLISECONDS: Final = 253_370_764_800_000
"""The year 9999. A broken clock's time beyond it shall not keep a whole batch from being written."""


def addition(table: str, keys: Mapping[str, str], counters: Sequence[str]) -> str:
    """The statement that adds rows of counters to a table, given one array per column.

    For `("reason_subdistrict", {"subdistrict": "text", "reason": "text"}, ["persons"])`:

        INSERT INTO reason_subdistrict AS t (subdistrict, reason, persons)
        SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[]) AS c (subdistrict, reason, persons)
        ORDER BY subdistrict, reason
        ON CONFLICT (subdistrict, reason) DO UPDATE SET persons = t.persons + excluded.persons
    """
    columns = ", ".join([*keys, *counters])
    types = [*keys.values(), *("bigint" for _ in counters)]
    arrays = ", ".join(f"${number}::{kind}[]" for number, kind in enumerate(types, 1))
    sums = ", ".join(f"{counter} = t.{counter} + excluded.{counter}" for counter in counters)
    return (
        f"INSERT INTO {table} AS t ({columns}) "  # noqa: S608 - names of this module only
        f"SELECT * FROM unnest({arrays}) AS c ({columns}) "
        f"ORDER BY {', '.join(keys)} "
        f"ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {sums}"
    )


ADD_SURVEY_SUBDISTRICT: Final = addition("survey_subdistrict", {"subdistrict": "text"}, FIGURES)
ADD_SURVEY_DAY: Final = addition("survey_day", {"subdistrict": "text", "day": "date"}, FIGURES)
ADD_REASON_SUBDISTRICT: Final = addition("reason_subdistrict", {"subdistrict": "text", "reason": "text"}, ["persons"])
ADD_REASON_DISTRICT: Final = addition("reason_district", {"district": "text", "reason": "text"}, ["persons"])
ADD_REASON_DAY: Final = addition("reason_day", {"subdistrict": "text", "day": "date", "reason": "text"}, ["persons"])
ADD_FLAG_SUBDISTRICT: Final = addition("flag_subdistrict", {"subdistrict": "text", "flag": "text"}, ["submissions"])
ADD_VOLUNTEER_MONTH: Final = addition(
    "volunteer_month",
    {"volunteer_id": "uuid", "organisation_id": "uuid", "month": "date"},
    ["submissions", "superseded"],
)
ADD_VOLUNTEERS: Final = addition(
    "volunteer_count",
    {"area": "text", "organisation_kind": "text", "role": "text", "status": "text"},
    ["people"],
)

PUT_FACILITIES: Final = """
INSERT INTO facility AS f
    (facility_id, revision, kind, name, area, status, lat, lon, capacity, free, updated_at, confirmed_at)
SELECT *
FROM unnest($1::uuid[], $2::integer[], $3::text[], $4::text[], $5::text[], $6::text[],
            $7::double precision[], $8::double precision[], $9::integer[], $10::integer[],
            $11::timestamptz[], $12::timestamptz[])
     AS c (facility_id, revision, kind, name, area, status, lat, lon, capacity, free, updated_at, confirmed_at)
ORDER BY facility_id
ON CONFLICT (facility_id) DO UPDATE SET
    revision = excluded.revision,
    kind = excluded.kind,
    name = excluded.name,
    area = excluded.area,
    status = excluded.status,
    lat = excluded.lat,
    lon = excluded.lon,
    capacity = excluded.capacity,
    free = excluded.free,
    updated_at = excluded.updated_at,
    confirmed_at = excluded.confirmed_at
WHERE f.revision < excluded.revision
"""

NOTE_PROGRESS: Final = """
INSERT INTO stream_progress AS s (topic, newest, events, applied_at)
SELECT topic, to_timestamp(newest / 1000.0), events, now()
FROM unnest($1::text[], $2::bigint[], $3::bigint[]) AS c (topic, newest, events)
ORDER BY topic
ON CONFLICT (topic) DO UPDATE SET
    newest = greatest(s.newest, excluded.newest),
    events = s.events + excluded.events,
    applied_at = greatest(s.applied_at, excluded.applied_at)
"""


_ADDITIONS: Final[Mapping[type, Callable[[Changes, Any], None]]] = {
    Submission: Changes.add_submission,
    VolunteerRegistered: Changes.add_volunteer,
    FacilityUpdated: Changes.add_facility,
}


def fold(events: Sequence[Event]) -> Changes:
    """What the batch adds to the figures."""
    changes = Changes()
    for event in events:
        _ADDITIONS[type(event.body)](changes, event.body)
        changes.note(event.topic, event.time)
    return changes


class FiguresProjection:
    """Keeps the figures: what the shared consumer calls with each batch, inside its transaction."""

    def __init__(self, topics: Sequence[Topic] = TOPICS) -> None:
        self.decoders: Mapping[str, Callable[[bytes], Any]] = {
            topic.name: _DECODERS[topic.event_type] for topic in topics
        }

    async def apply(self, connection: Connection, events: Sequence[Event]) -> None:
        """Adds a batch to the figures and tells the listeners at the commit."""
        changes = fold(events)
        await _write_survey(connection, changes)
        await _write_volunteers(connection, changes)
        await _write_facilities(connection, changes)
        # Last, since every batch of a topic meets in this one row: it is held for the shortest time.
        await _execute(
            connection,
            NOTE_PROGRESS,
            (
                (topic, min(max(progress.newest, 0), _LATEST_MILLISECONDS), progress.events)
                for topic, progress in changes.progress.items()
            ),
        )


async def _write_survey(connection: Connection, changes: Changes) -> None:
    if not changes.survey:
        return
    subdistricts: dict[str, list[int]] = {}
    for (subdistrict, _), row in changes.survey.items():
        total = subdistricts.get(subdistrict)
        subdistricts[subdistrict] = row if total is None else list(map(add, total, row))
    by_subdistrict: Counter[tuple[str, str]] = Counter()
    by_district: Counter[tuple[str, str]] = Counter()
    for (subdistrict, _, reason), persons in changes.reasons.items():
        by_subdistrict[subdistrict, reason] += persons
        by_district[subdistrict[:4], reason] += persons
    await _execute(connection, ADD_SURVEY_SUBDISTRICT, ((code, *row) for code, row in subdistricts.items()))
    await _execute(connection, ADD_SURVEY_DAY, ((*key, *row) for key, row in changes.survey.items()))
    await _execute(connection, ADD_REASON_SUBDISTRICT, ((*key, persons) for key, persons in by_subdistrict.items()))
    await _execute(connection, ADD_REASON_DISTRICT, ((*key, persons) for key, persons in by_district.items()))
    await _execute(connection, ADD_REASON_DAY, ((*key, persons) for key, persons in changes.reasons.items()))
    await _execute(
        connection, ADD_FLAG_SUBDISTRICT, ((*key, submissions) for key, submissions in changes.flags.items())
    )
    await _execute(
        connection,
        ADD_VOLUNTEER_MONTH,
        ((*key, visits.submissions, visits.superseded) for key, visits in changes.visits.items()),
    )
    await notify(connection, Kind.SURVEY, subdistricts.keys())


async def _write_volunteers(connection: Connection, changes: Changes) -> None:
    if changes.volunteers:
        await _execute(connection, ADD_VOLUNTEERS, ((*key, people) for key, people in changes.volunteers.items()))
        await notify(connection, Kind.VOLUNTEERS, {key.area for key in changes.volunteers})


async def _write_facilities(connection: Connection, changes: Changes) -> None:
    if not changes.facilities:
        return
    await _execute(
        connection,
        PUT_FACILITIES,
        (
            (
                place.facility_id,
                place.revision,
                place.kind,
                place.name,
                place.area,
                place.status,
                place.position and place.position.lat,
                place.position and place.position.lon,
                place.capacity,
                place.free,
                place.updated_at,
                place.confirmed_at,
            )
            for place in changes.facilities.values()
        ),
    )
    await notify(connection, Kind.PLACES, changes.facility_areas)


async def _execute(connection: Connection, statement: str, rows: Iterable[tuple[Any, ...]]) -> None:
    columns = list(zip(*rows, strict=True))
    if columns:
        await connection.execute(statement, *columns)
