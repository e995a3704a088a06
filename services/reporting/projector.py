"""Applies batches of public events to the reporting database.

The shared consumer has judged each event's place in its stream and holds the position; what is written here commits
together with it. A batch is folded in memory and then written with one statement, which adds to all tables: a batch is
small where events come one by one, and each statement more costs as much as the rows of three events. Rows are written
in the order of their keys, so that two projectors that meet in a district wait for each other.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from operator import add
from typing import Any, Final

import msgspec

from services.reporting.domain import COLUMNS, VISIT_FIGURES, Changes, PlaceEvent, Progress, SurveyKey, visit
from services.reporting.notices import CHANNEL, NOTIFY, Kind, Notice
from services.reporting.submissions import Submission, read_submission
from shared.contracts.events import FacilityUpdated, FurtherFacilityUpdated, HelpUpdated, VolunteerRegistered
from shared.contracts.topics import (
    FACILITY_UPDATED,
    FURTHER_FACILITY_UPDATED,
    HELP_UPDATED,
    SURVEY_SUBMITTED,
    VOLUNTEER_REGISTERED,
    Topic,
)
from shared.kafka.projection import Event
from shared.postgres.pool import Connection

TOPICS: Final[tuple[Topic, ...]] = (
    SURVEY_SUBMITTED,
    VOLUNTEER_REGISTERED,
    FACILITY_UPDATED,
    FURTHER_FACILITY_UPDATED,
    HELP_UPDATED,
)

VERSION: Final = 3
"""Raised whenever the tables come to mean something else: they are then to be made anew from the streams."""

TABLES: Final = (
    "survey_subdistrict",
    "survey_day",
    "reason_subdistrict",
    "reason_day",
    "flag_subdistrict",
    "volunteer_month",
    "volunteer_count",
    "registration_month",
    "facility",
    "place_month",
    "help_count",
    "help_month",
    "help_request",
)
"""What holds nothing but sums over the streams, so that it can be made anew from their start."""

_DECODERS: Final[Mapping[str | None, Callable[[bytes], Any]]] = {
    SURVEY_SUBMITTED.event_type: read_submission,
    VOLUNTEER_REGISTERED.event_type: VolunteerRegistered.model_validate_json,
    FACILITY_UPDATED.event_type: FacilityUpdated.model_validate_json,
    FURTHER_FACILITY_UPDATED.event_type: FurtherFacilityUpdated.model_validate_json,
    HELP_UPDATED.event_type: HelpUpdated.model_validate_json,
}

_LATEST_MILLISECONDS: Final = 253_370_764_800_000
"""The year 9999. A broken clock's time beyond it shall not keep a whole batch from being written."""


def addition(table: str, keys: Mapping[str, str], counters: Sequence[str]) -> str:
    """The statement that adds rows of counters to a table, given one array for each part of the key, and all counters,
    row by row, as the text of one array (see `_added`).

    For `("reason_subdistrict", {"subdistrict": "text", "reason": "text"}, ["persons"])`:

        INSERT INTO reason_subdistrict AS t (subdistrict, reason, persons)
        SELECT subdistrict, reason, v[n * 1 - 0]
        FROM (SELECT $3::text::bigint[] AS v OFFSET 0) AS c,
             unnest($1::text[], $2::text[]) WITH ORDINALITY AS k (subdistrict, reason, n)
        ORDER BY subdistrict, reason
        ON CONFLICT (subdistrict, reason) DO UPDATE SET persons = t.persons + excluded.persons

    OFFSET 0 lets the text be read once instead of for every counter.
    """
    names = ", ".join(keys)
    arrays = ", ".join(f"${number}::{kind}[]" for number, kind in enumerate(keys.values(), 1))
    values = ", ".join(f"v[n * {len(counters)} - {left}]" for left in reversed(range(len(counters))))
    sums = ", ".join(f"{counter} = t.{counter} + excluded.{counter}" for counter in counters)
    return (
        f"INSERT INTO {table} AS t ({names}, {', '.join(counters)}) "  # noqa: S608 - names of this module only
        f"SELECT {names}, {values} "
        f"FROM (SELECT ${len(keys) + 1}::text::bigint[] AS v OFFSET 0) AS c, "
        f"unnest({arrays}) WITH ORDINALITY AS k ({names}, n) "
        f"ORDER BY {names} "
        f"ON CONFLICT ({names}) DO UPDATE SET {sums}"
    )


ADD_SURVEY_SUBDISTRICT: Final = addition("survey_subdistrict", {"subdistrict": "text"}, COLUMNS)
ADD_SURVEY_DAY: Final = addition("survey_day", {"subdistrict": "text", "day": "date"}, COLUMNS)
ADD_REASON_SUBDISTRICT: Final = addition("reason_subdistrict", {"subdistrict": "text", "reason": "text"}, ["persons"])
ADD_REASON_DAY: Final = addition("reason_day", {"subdistrict": "text", "day": "date", "reason": "text"}, ["persons"])
ADD_FLAG_SUBDISTRICT: Final = addition("flag_subdistrict", {"subdistrict": "text", "flag": "text"}, ["submissions"])
ADD_VOLUNTEER_MONTH: Final = addition(
    "volunteer_month",
    {"month": "date", "subdistrict": "text", "volunteer_id": "uuid", "organisation_id": "uuid"},
    VISIT_FIGURES,
)
ADD_VOLUNTEERS: Final = addition(
    "volunteer_count",
    {"area": "text", "organisation_kind": "text", "role": "text", "status": "text"},
    ["people"],
)
ADD_REGISTRATIONS: Final = addition(
    "registration_month",
    {"month": "date", "area": "text", "organisation_id": "uuid", "organisation_kind": "text", "role": "text"},
    ["people"],
)
ADD_PLACE_CHANGES: Final = addition(
    "place_month",
    {"month": "date", "area": "text", "organisation_id": "uuid", "changed_by": "uuid"},
    ["entered", "updated", "confirmed", "closed"],
)
ADD_HELP: Final = addition("help_count", {"area": "text", "kind": "text", "status": "text"}, ["requests"])
ADD_HELP_DONE: Final = addition("help_month", {"month": "date", "area": "text"}, ["closed"])

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

PUT_HELP_REQUESTS: Final = """
INSERT INTO help_request AS h
    (request_id, revision, kind, area, status, asked_at, accepted_at, deadline, updated_at)
SELECT *
FROM unnest($1::uuid[], $2::integer[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::timestamptz[],
            $8::timestamptz[], $9::timestamptz[])
     AS c (request_id, revision, kind, area, status, asked_at, accepted_at, deadline, updated_at)
ORDER BY request_id
ON CONFLICT (request_id) DO UPDATE SET
    revision = excluded.revision,
    kind = excluded.kind,
    area = excluded.area,
    status = excluded.status,
    asked_at = excluded.asked_at,
    accepted_at = excluded.accepted_at,
    deadline = excluded.deadline,
    updated_at = excluded.updated_at
WHERE h.revision < excluded.revision
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
    FurtherFacilityUpdated: Changes.add_facility,
    HelpUpdated: Changes.add_help,
}


def fold(events: Sequence[Event]) -> Changes:
    """What the batch adds to the figures."""
    changes = Changes()
    for event in events:
        _ADDITIONS[type(event.body)](changes, event.body)
        changes.note(event.topic, event.time)
    return changes


_PARAMETER: Final = re.compile(r"\$(\d+)")


def parameters(statement: str) -> list[int]:
    """The numbers of a statement's parameters, as they come."""
    return [int(number) for number in _PARAMETER.findall(statement)]


def renumbered(statement: str, by: int) -> str:
    """The statement with parameters of numbers that are so much higher."""
    return _PARAMETER.sub(lambda found: f"${int(found[1]) + by}", statement)


@lru_cache(maxsize=64)  # one for each set of tables that a batch may touch; few of them ever come
def together(writes: Sequence[str], last: str) -> str:
    """One statement that does what all of these do, with their parameters one after the other.

    writes: each an INSERT. PostgreSQL promises no order among them but keeps to one, from the last to the first, so
    that projectors wait for each other instead of locking each other out; if it ever did not, the one that loses begins
    its batch again.
    """
    moved, known = [], 0
    for statement in (*writes, last):
        moved.append(renumbered(statement, known))
        known += max(parameters(statement))
    parts = ",\n".join(f"write_{number} AS ({write})" for number, write in enumerate(moved[:-1], 1))
    return f"WITH {parts}\n{moved[-1]}"


class FiguresProjection:
    """Keeps the figures: what the shared consumer calls with each batch, inside its transaction."""

    def __init__(self, topics: Sequence[Topic] = TOPICS, *, tells: bool = True) -> None:
        """tells: whether listeners hear of it; nobody reads figures that are made beside the shown ones."""
        self._tells = tells
        self.decoders: Mapping[str, Callable[[bytes], Any]] = {
            topic.name: _DECODERS[topic.event_type] for topic in topics
        }

    async def apply(self, connection: Connection, events: Sequence[Event]) -> None:
        """Adds a batch to the figures and tells the listeners at the commit."""
        changes = fold(events)
        writes: list[str] = []
        arguments: list[Any] = []
        for statement, columns in _writes(changes):
            writes.append(statement)
            arguments += columns
        notices = [notice.text() for notice in _notices(changes)] if self._tells else []
        await connection.execute(together(tuple(writes), NOTIFY), *arguments, CHANNEL, notices)


def _writes(changes: Changes) -> Iterator[tuple[str, Sequence[Any]]]:
    """The statements for all tables that the batch touches, with their arguments."""
    # First, so that it is done last: every batch of a topic meets in this one row, which is held for the shortest time.
    yield NOTE_PROGRESS, _noted(changes.progress)
    if changes.survey:
        yield ADD_SURVEY_SUBDISTRICT, _added(_by_subdistrict(changes.survey))
        yield ADD_SURVEY_DAY, _added(changes.survey)
    if changes.reasons:
        reasons: Counter[tuple[str, str]] = Counter()
        for (subdistrict, _, reason), persons in changes.reasons.items():
            reasons[subdistrict, reason] += persons
        yield ADD_REASON_SUBDISTRICT, _added({key: (persons,) for key, persons in reasons.items()})
        yield ADD_REASON_DAY, _added({key: (persons,) for key, persons in changes.reasons.items()})
    if changes.flags:
        yield ADD_FLAG_SUBDISTRICT, _added({key: (submissions,) for key, submissions in changes.flags.items()})
    if changes.visits:
        yield ADD_VOLUNTEER_MONTH, _added({visit(key): made for key, made in changes.visits.items()})
    if changes.volunteers:
        yield ADD_VOLUNTEERS, _added({key: (people,) for key, people in changes.volunteers.items()})
    if changes.registrations:
        yield ADD_REGISTRATIONS, _added({key: (people,) for key, people in changes.registrations.items()})
    if changes.facilities:
        yield PUT_FACILITIES, _put(changes.facilities.values())
    if changes.place_changes:
        yield ADD_PLACE_CHANGES, _added(changes.place_changes)
    if changes.help:
        yield ADD_HELP, _added({key: (requests,) for key, requests in changes.help.items()})
    if changes.help_requests:
        yield PUT_HELP_REQUESTS, _put_requests(changes.help_requests.values())
    if changes.help_done:
        yield ADD_HELP_DONE, _added({key: (requests,) for key, requests in changes.help_done.items()})


def _added(counted: Mapping[Any, Sequence[int]]) -> list[Any]:
    """The arguments of an addition. The counters go as text, since asyncpg takes longer over an array of numbers than
    all the rest of this module: it asks of every number whether it is an array itself."""
    counters = msgspec.json.encode(list(chain.from_iterable(counted.values()))).decode()
    return [*zip(*counted, strict=True), f"{{{counters[1:-1]}}}"]


def _noted(progress: Mapping[str, Progress]) -> list[Any]:
    return [
        list(progress),
        [min(max(each.newest, 0), _LATEST_MILLISECONDS) for each in progress.values()],
        [each.events for each in progress.values()],
    ]


def _by_subdistrict(survey: Mapping[SurveyKey, list[int]]) -> dict[tuple[str], list[int]]:
    sums: dict[tuple[str], list[int]] = {}
    for (subdistrict, _), row in survey.items():
        total = sums.get((subdistrict,))
        sums[subdistrict,] = row if total is None else list(map(add, total, row))
    return sums


def _put(places: Iterable[PlaceEvent]) -> list[Any]:
    rows = (
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
        for place in places
    )
    return list(zip(*rows, strict=True))


def _put_requests(requests: Iterable[HelpUpdated]) -> list[Any]:
    rows = (
        (
            request.request_id,
            request.revision,
            request.kind,
            request.area,
            request.status,
            request.asked_at,
            request.accepted_at,
            request.deadline,
            request.updated_at,
        )
        for request in requests
    )
    return list(zip(*rows, strict=True))


def _notices(changes: Changes) -> Iterator[Notice]:
    """Where figures of which kind are new."""
    areas = {
        Kind.SURVEY: frozenset(subdistrict for subdistrict, _ in changes.survey),
        Kind.VOLUNTEERS: frozenset(key.area for key in changes.volunteers),
        Kind.PLACES: frozenset(changes.facility_areas),
        Kind.HELP: frozenset(request.area for request in changes.help_requests.values()),
    }
    return (Notice(kind, found) for kind, found in areas.items() if found)
