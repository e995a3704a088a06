"""The need-to-reach list: whom to go to, by priority or by date, in any area, page by page.

A list is walked in the order of an index, so that its first page costs the same whether a subdistrict waits or the
country: a district is merged from its subdistricts' beginnings, the country from its provinces'.
Nothing here is opened: names lie sealed in the submission (`services.survey.opening`).
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final, NamedTuple
from uuid import UUID

from shared.areas.register import provinces, subdistricts
from shared.postgres.pool import Connection

DISTRICT_DIGITS: Final = 4
_EVER: Final = datetime(9999, 1, 1, tzinfo=UTC)


class Status(StrEnum):
    """Which persons a list is of: those of one status, or those who are late: open or appointed, and past the date of
    an appointment, a new attempt or a promised visit."""

    OPEN = "open"
    APPOINTED = "appointed"
    LATE = "late"
    VACCINATED = "vaccinated"
    CHANGED_MIND = "changed_mind"
    MOVED = "moved"
    NOT_FOUND = "not_found"
    DIED = "died"

    @property
    def by_date(self) -> bool:
        """Whether the list is in the order of dates; the others are in that of priority."""
        return self in (Status.APPOINTED, Status.LATE)


class Ownership(StrEnum):
    """Whose persons a list is of, where it is not one volunteer's."""

    ANYBODY = "anybody"
    NOBODY = "nobody"


class Place(NamedTuple):
    """Where a person stands in a list: by rank and waiting time, or (rank 0) by date; then by id."""

    rank: int
    at: datetime
    household_id: UUID
    person_id: UUID


class Entry(NamedTuple):
    """A person to reach as stored, without what is sealed. others: further households that name the same person."""

    household_id: UUID
    person_id: UUID
    area: str
    village: str | None
    registered_area: str | None
    submission_id: UUID
    place: int
    rank: int
    wanting_since: datetime
    dose: int
    at_risk: bool
    home_visit: bool
    reasons: Sequence[str]
    status: str
    due_at: datetime | None
    followed_at: datetime | None
    owner: UUID | None
    owner_due_at: datetime | None
    due_first: datetime | None
    others: Sequence[UUID]

    def late(self, now: datetime) -> bool:
        """Whether something to be done for this person should have been done by now."""
        return self.status in ("open", "appointed") and self.due_first is not None and self.due_first < now


class Page(NamedTuple):
    """Entries, and where the next page begins; None at the end."""

    entries: list[Entry]
    next: Place | None


# Which persons come, by place alone: the first ones of each area, from an index that begins with the area's code.
_NEXT = """
SELECT one.*
FROM unnest($1::text[]) AS a (code), unnest($2::boolean[]) AS o (owned), LATERAL (
    SELECT rank, wanting_since, household_id, person_id
    FROM reach
    WHERE reach.{column} = a.code AND status = $3 AND reach.owned = o.owned
      AND (rank, wanting_since, household_id, person_id) > ($4::smallint, $5::timestamptz, $6::uuid, $7::uuid)
    ORDER BY rank, wanting_since, household_id, person_id
    LIMIT $8
) AS one
ORDER BY rank, wanting_since, household_id, person_id
LIMIT $8
"""
_DUE = """
SELECT one.*
FROM unnest($1::text[]) AS a (code), unnest($2::text[]) AS s (status), LATERAL (
    SELECT 0::smallint AS rank, due_first, household_id, person_id
    FROM reach
    WHERE due_first IS NOT NULL AND reach.{column} = a.code AND reach.status = s.status AND due_first < $3
      AND (due_first, household_id, person_id) > ($4::timestamptz, $5::uuid, $6::uuid)
    ORDER BY due_first, household_id, person_id
    LIMIT $7
) AS one
ORDER BY due_first, household_id, person_id
LIMIT $7
"""

# One volunteer's: no more than somebody may hold, so they are looked at all.
OWNED = """
SELECT CASE WHEN $3 THEN 0::smallint ELSE rank END, CASE WHEN $3 THEN due_first ELSE wanting_since END,
       household_id, person_id
FROM claim JOIN reach USING (household_id, person_id)
WHERE volunteer_id = $1 AND expires_at > $2 AND starts_with(area, $4) AND status = ANY ($5::text[])
  AND (NOT $3 OR due_first < $6)
  AND (CASE WHEN $3 THEN 0::smallint ELSE rank END, CASE WHEN $3 THEN due_first ELSE wanting_since END,
       household_id, person_id) > ($7::smallint, $8::timestamptz, $9::uuid, $10::uuid)
ORDER BY 1, 2, 3, 4
LIMIT $11
"""

# Those whose claim has ended and is still there: the keeper's last half minute, or all since it stood still.
ENDED = """
SELECT rank, wanting_since, household_id, person_id
FROM claim JOIN reach USING (household_id, person_id)
WHERE expires_at <= $1 AND starts_with(area, $2) AND status = $3
  AND (rank, wanting_since, household_id, person_id) > ($4::smallint, $5::timestamptz, $6::uuid, $7::uuid)
ORDER BY rank, wanting_since, household_id, person_id
LIMIT $8
"""

# A person whom several households name is shown in the one where she was seen last; where she was not found, or from
# where she moved, she was not seen. An ended claim is nobody's, whether or not the keeper has been there.
ENTRIES = """
SELECT r.household_id, r.person_id, r.area, r.village, r.registered_area, r.submission_id, r.place, r.rank,
       r.wanting_since, r.dose, r.at_risk, r.home_visit, coalesce(r.reasons, '{}') AS reasons, r.status, r.due_at,
       r.followed_at, claim.volunteer_id AS owner, claim.due_at AS owner_due_at,
       least(r.due_at, claim.due_at) AS due_first, coalesce(elsewhere.households, '{}') AS others
FROM unnest($1::uuid[], $2::uuid[]) WITH ORDINALITY AS asked (household_id, person_id, n)
JOIN reach AS r USING (household_id, person_id)
JOIN household AS h USING (household_id)
LEFT JOIN claim ON claim.household_id = r.household_id AND claim.person_id = r.person_id AND claim.expires_at > $3
LEFT JOIN LATERAL (
    SELECT array_agg(o.household_id ORDER BY o.household_id) AS households,
           bool_or(o.status NOT IN ('moved', 'not_found')
                   AND (greatest(oh.captured_at, o.followed_at), o.household_id)
                       > (greatest(h.captured_at, r.followed_at), r.household_id)) AS seen_later
    FROM reach AS o JOIN household AS oh USING (household_id)
    WHERE o.person_id = r.person_id AND o.household_id <> r.household_id
) AS elsewhere ON true
WHERE starts_with(r.area, $4) AND NOT ($5 AND coalesce(elsewhere.seen_later, false))
ORDER BY n
"""

FIRST: Final = Place(-1, datetime(1970, 1, 1, tzinfo=UTC), UUID(int=0), UUID(int=0))
"""Before everybody."""


async def page(
    connection: Connection,
    area: str,
    *,
    status: Status,
    owner: UUID | Ownership,
    after: Place,
    limit: int,
    now: datetime,
) -> Page:
    """The persons of `area` that stand behind `after`, at most `limit`.

    A page may have fewer entries although others follow: a person whom several households name is left out where she
    was not seen last.
    """
    if isinstance(owner, UUID):
        places = await _owned(connection, area, status, owner, after, limit + 1, now)
    elif status.by_date:
        places = await _due(connection, area, status, after, limit + 1, now)
    else:
        places = await _next(connection, area, status, owner, after, limit + 1, now)
    more = places[limit - 1] if len(places) > limit else None
    shown = await entries(connection, [(one.household_id, one.person_id) for one in places[:limit]], area=area, now=now)
    if status is Status.LATE:  # by a claim that has ended nobody is late
        shown = [one for one in shown if one.late(now)]
    if owner is Ownership.NOBODY:  # in lists by date, where few have no owner
        shown = [one for one in shown if one.owner is None]
    return Page(shown, more)


async def entries(
    connection: Connection, keys: Sequence[tuple[UUID, UUID]], *, area: str, now: datetime, once: bool = True
) -> list[Entry]:
    """The persons of these households in `area`, in this order; once: each only where she was seen last."""
    if not keys:
        return []
    households, persons = map(list, zip(*keys, strict=True))
    return [Entry(*row) for row in await connection.fetch(ENTRIES, households, persons, now, area, once)]


async def _next(
    connection: Connection, area: str, status: Status, owner: Ownership, after: Place, limit: int, now: datetime
) -> list[Place]:
    owned = [False] if owner is Ownership.NOBODY else [False, True]
    column, codes = _merged(area)
    rows = await connection.fetch(_NEXT.format(column=column), codes, owned, status.value, *after, limit)
    if owner is Ownership.NOBODY:
        rows += await connection.fetch(ENDED, now, area, status.value, *after, limit)
    return sorted(Place(*row) for row in rows)[:limit]


async def _due(
    connection: Connection, area: str, status: Status, after: Place, limit: int, now: datetime
) -> list[Place]:
    statuses, before = _due_of(status, now)
    column, codes = _merged(area)
    rows = await connection.fetch(_DUE.format(column=column), codes, statuses, before, *after[1:], limit)
    return [Place(*row) for row in rows]


async def _owned(
    connection: Connection, area: str, status: Status, owner: UUID, after: Place, limit: int, now: datetime
) -> list[Place]:
    statuses, before = _due_of(status, now)
    rows = await connection.fetch(OWNED, owner, now, status.by_date, area, statuses, before, *after, limit)
    return [Place(*row) for row in rows]


def _due_of(status: Status, now: datetime) -> tuple[list[str], datetime]:
    """Which statuses a list is of, and before when what it shows is due."""
    return (["open", "appointed"], now) if status is Status.LATE else ([status.value], _EVER)


def _merged(area: str) -> tuple[str, list[str]]:
    """Of which areas the beginnings are merged to the list of `area`, and the column that has their codes: 77 at most,
    and in a district 25."""
    if len(area) < DISTRICT_DIGITS:
        return "province", [area] if area else [each.code for each in provinces()]
    return "area", [each.code for each in subdistricts(area)]
