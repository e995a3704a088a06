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

import asyncpg

from shared.areas.register import provinces, subdistricts
from shared.postgres.pool import Connection
from shared.security.sealing import Sealed

DISTRICT_DIGITS: Final = 4
DEFAULT_ITEMS: Final = 50
"""A screen of a desk, and more than anybody visits in a day."""
FEW: Final = 8
"""Persons of an area that are looked at first where areas are merged: of 77 provinces' lists nearly always enough for a
screen, at a third of the time that all 50 of each take."""
CONNECTIONS: Final = 4
"""For lists. Each keeps the plans of all these statements, which take as long to make as to carry out; and more than a
few at a time would only wait for the same two or three processors."""
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
    """A person to reach as stored. others: further households that name the same person."""

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
    key_id: str | None
    wrapped_key: bytes | None
    ciphertext: bytes | None

    @property
    def sealed(self) -> Sealed | None:
        """The survey that names the person, unless it was erased."""
        if self.key_id is None or self.wrapped_key is None or self.ciphertext is None:
            return None
        return Sealed(self.key_id, self.wrapped_key, self.ciphertext)

    def late(self, now: datetime) -> bool:
        """Whether something to be done for this person should have been done by now."""
        return self.status in ("open", "appointed") and self.due_first is not None and self.due_first < now


class Page(NamedTuple):
    """Entries, and where the next page begins; None at the end."""

    entries: list[Entry]
    next: Place | None


# What every statement is given first: $1 now, $2 the area; and the lists: $3 to $5 the time, household and person of
# the place behind which they begin. How many is part of the statement, so that the plan which PostgreSQL keeps for it
# is made for that number: planning it anew takes as long as answering it.

# Which persons come, by place alone: the first ones of one area, from an index that begins with the area's code.
_NEXT: Final = """
SELECT rank, wanting_since AS at, household_id, person_id
FROM reach
WHERE reach.{column} = list.code AND status = $8 AND reach.owned = list.kind
  AND (rank, wanting_since, household_id, person_id) > ($9, $3, $4, $5)
ORDER BY rank, wanting_since, household_id, person_id
"""
_DUE: Final = """
SELECT 0::smallint AS rank, due_first AS at, household_id, person_id
FROM reach
WHERE due_first IS NOT NULL AND reach.{column} = list.code AND reach.status = list.kind AND due_first < $8
  AND (due_first, household_id, person_id) > ($3, $4, $5)
ORDER BY due_first, household_id, person_id
"""

# The first ones of all areas ($6), which are lists of two kinds each ($7): owned or not, open or appointed.
_MERGED: Final = """
SELECT list.code, list.kind, one.*
FROM (SELECT code, kind FROM unnest($6::text[]) AS code, unnest($7::{kinds}[]) AS kind) AS list,
     LATERAL ({of_one} LIMIT {of_each}) AS one
ORDER BY rank, at, household_id, person_id
LIMIT {limit}
"""

_ALL: Final = "SELECT rank, at, household_id, person_id FROM ({merged}) AS merged"

# Of many areas each one's first few will do, but for those areas of which all these came: they are read again.
_MERGED_BY_FEW: Final = """
WITH merged AS MATERIALIZED ({merged})
SELECT rank, at, household_id, person_id
FROM merged
UNION
SELECT one.*
FROM (SELECT code, kind FROM merged GROUP BY code, kind HAVING count(*) = {of_each}) AS list,
     LATERAL ({of_one} LIMIT {limit}) AS one
"""

# Those whose claim has ended and is still there: the keeper's last half minute, or all since it stood still. The lower
# bound says only that they are few: for one bound a plan that is kept reckons with a third of all claims, and joins the
# persons by hash; for two with a two-hundredth, whom it looks up one by one.
_ENDED: Final = """
SELECT rank, wanting_since AS at, household_id, person_id
FROM claim JOIN reach USING (household_id, person_id)
WHERE expires_at BETWEEN '-infinity' AND $1 AND starts_with(area, $2) AND status = $8
  AND (rank, wanting_since, household_id, person_id) > ($9, $3, $4, $5)
ORDER BY rank, wanting_since, household_id, person_id
LIMIT {limit}
"""

_AND_ENDED: Final = "({places}) UNION ALL ({ended})"

# One volunteer's: no more than somebody may hold, so they are looked at all.
_OWNED_NEXT: Final = """
SELECT rank, wanting_since AS at, household_id, person_id
FROM claim JOIN reach USING (household_id, person_id)
WHERE volunteer_id = $6 AND expires_at > $1 AND starts_with(area, $2) AND status = ANY ($7::text[])
  AND (rank, wanting_since, household_id, person_id) > ($8, $3, $4, $5)
"""
_OWNED_DUE: Final = """
SELECT 0::smallint AS rank, due_first AS at, household_id, person_id
FROM claim JOIN reach USING (household_id, person_id)
WHERE volunteer_id = $6 AND expires_at > $1 AND starts_with(area, $2) AND status = ANY ($7::text[]) AND due_first < $8
  AND (due_first, household_id, person_id) > ($3, $4, $5)
"""

_LISTED: Final = """
SELECT rank, at, household_id, person_id
FROM ({places}) AS placed
ORDER BY rank, at, household_id, person_id
LIMIT {limit}
"""
_NAMED: Final = """
SELECT n AS rank, NULL::timestamptz AS at, household_id, person_id
FROM unnest($3::uuid[], $4::uuid[]) WITH ORDINALITY AS named (household_id, person_id, n)
"""

# A person whom several households name is shown in the one where she was seen last; where she was not found, or from
# where she moved, she was not seen. An ended claim is nobody's, whether or not the keeper has been there.
_ENTRIES: Final = """
WITH asked AS MATERIALIZED ({asked})
SELECT r.household_id, r.person_id, r.area, r.village, r.registered_area, r.submission_id, r.place, r.rank,
       r.wanting_since, r.dose, r.at_risk, r.home_visit, coalesce(r.reasons, '{{}}') AS reasons, r.status, r.due_at,
       r.followed_at, claim.volunteer_id AS owner, claim.due_at AS owner_due_at,
       least(r.due_at, claim.due_at) AS due_first, coalesce(elsewhere.households, '{{}}') AS others,
       s.key_id, s.wrapped_key, s.sealed,
       asked.rank AS place_rank, asked.at AS place_at, coalesce(elsewhere.seen_later, false) AS seen_later
FROM asked
JOIN reach AS r USING (household_id, person_id)
LEFT JOIN submission AS s ON s.submission_id = r.submission_id AND s.wrapped_key IS NOT NULL
LEFT JOIN claim ON claim.household_id = r.household_id AND claim.person_id = r.person_id AND claim.expires_at > $1
LEFT JOIN LATERAL (
    SELECT array_agg(o.household_id ORDER BY o.household_id) AS households,
           bool_or(o.status NOT IN ('moved', 'not_found')
                   AND (greatest(oh.captured_at, o.followed_at), o.household_id)
                       > (greatest(h.captured_at, r.followed_at), r.household_id)) AS seen_later
    FROM reach AS o
    JOIN household AS oh USING (household_id)
    JOIN household AS h ON h.household_id = r.household_id
    WHERE o.person_id = r.person_id AND o.household_id <> r.household_id
) AS elsewhere ON true
WHERE starts_with(r.area, $2)
ORDER BY asked.rank, asked.at, household_id, person_id
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
    statement, arguments = _listed(area, status, owner, after, limit + 1, now)
    rows = await connection.fetch(statement, now, area, *arguments)
    more = None
    if len(rows) > limit:
        last = rows[limit - 1]
        more = Place(last["place_rank"], last["place_at"], last["household_id"], last["person_id"])
    shown = [_entry(row) for row in rows[:limit] if not row["seen_later"]]
    if status is Status.LATE:  # by a claim that has ended nobody is late
        shown = [one for one in shown if one.late(now)]
    if owner is Ownership.NOBODY:  # in lists by date, where few have no owner
        shown = [one for one in shown if one.owner is None]
    return Page(shown, more)


async def prepare(connection: Connection) -> None:
    """Asks a new connection for the first pages of all lists of areas, so that it has planned them by then."""
    for area in ("", "10", "1001", "100101"):
        for status, owner in (
            (Status.OPEN, Ownership.ANYBODY),
            (Status.OPEN, Ownership.NOBODY),
            (Status.LATE, Ownership.ANYBODY),
        ):
            await page(connection, area, status=status, owner=owner, after=FIRST, limit=DEFAULT_ITEMS, now=FIRST.at)


async def entries(
    connection: Connection, keys: Sequence[tuple[UUID, UUID]], *, area: str, now: datetime, once: bool = True
) -> list[Entry]:
    """The persons of these households in `area`, in this order; once: each only where she was seen last."""
    if not keys:
        return []
    households, persons = map(list, zip(*keys, strict=True))
    rows = await connection.fetch(_ENTRIES.format(asked=_NAMED), now, area, households, persons)
    return [_entry(row) for row in rows if not (once and row["seen_later"])]


def _entry(row: asyncpg.Record) -> Entry:
    return Entry(*row[: len(Entry._fields)])


def _listed(
    area: str, status: Status, owner: UUID | Ownership, after: Place, limit: int, now: datetime
) -> tuple[str, list[object]]:
    """The statement for a list, and what it is given beside the time and the area."""
    statuses, before = (["open", "appointed"], now) if status is Status.LATE else ([status.value], _EVER)
    given: list[object]
    if isinstance(owner, UUID):
        places = _OWNED_DUE if status.by_date else _OWNED_NEXT
        given = [owner, statuses, before if status.by_date else after.rank]
    elif status.by_date:
        codes, places = _merged(area, _DUE, "text", limit)
        given = [codes, statuses, before]
    else:
        codes, places = _merged(area, _NEXT, "boolean", limit)
        given = [codes, [False, True] if owner is Ownership.ANYBODY else [False], status.value, after.rank]
        if owner is Ownership.NOBODY:
            places = _AND_ENDED.format(places=places, ended=_ENDED.format(limit=limit))
    return _ENTRIES.format(asked=_LISTED.format(places=places, limit=limit)), [*after[1:], *given]


def _merged(area: str, of_one: str, kinds: str, limit: int) -> tuple[list[str], str]:
    """Of which areas the beginnings are merged to the list of `area`, 77 at most and in a district 25, and how."""
    column, codes = _areas(area)
    of_one = of_one.format(column=column)
    few = min(FEW, limit) if len(codes) > 1 else limit
    merged = _MERGED.format(kinds=kinds, of_one=of_one, of_each=few, limit=limit)
    whole = _ALL if few == limit else _MERGED_BY_FEW
    return codes, whole.format(merged=merged, of_one=of_one, of_each=few, limit=limit)


def _areas(area: str) -> tuple[str, list[str]]:
    """The column of areas' codes by which an index begins, and which of them make up `area`."""
    if len(area) < DISTRICT_DIGITS:
        return "province", [area] if area else [each.code for each in provinces()]
    return "area", [each.code for each in subdistricts(area)]
