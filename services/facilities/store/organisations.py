"""Institutions: official codes of places, each with what its foremost place says."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import asyncpg

from services.facilities.domain.places import Contact
from services.facilities.store.conditions import Condition, joined
from services.facilities.store.finding import PLAN_EACH_TIME
from shared.postgres.pool import Connection

# Of the places with one code the first speaks for all: one that is open, then a hospital, then the oldest. A place that
# turned out to be another one has nothing to say.
ORGANISATIONS: Final = """
SELECT DISTINCT ON (official_code)
       official_code, name, search_name, search_runs, area, phone, email, website,
       max(updated_at) OVER same AS updated_at, bool_or(status <> 'closed') OVER same AS active
FROM facility
WHERE official_code > $1 AND merged_into IS NULL {narrowing}
WINDOW same AS (PARTITION BY official_code)
ORDER BY official_code, status = 'closed', kind <> 'hospital', created_at, facility_id
"""
# What has to hold of the foremost place holds of one of them: an index finds these.
NARROWING: Final = """
  AND official_code IN (SELECT official_code FROM facility WHERE merged_into IS NULL {conditions})
"""
SELECT_PAGE: Final = """
SELECT official_code, name, area, phone, email, website, updated_at, active
FROM ({organisations}) AS organisation
WHERE true {{conditions}}
ORDER BY official_code
LIMIT $2
"""
COUNT: Final = """
SELECT count(*) FROM ({organisations}) AS organisation WHERE $2 > 0 {{conditions}}
"""
ANY_NUMBER: Final = 1

ACTIVE: Final = Condition("active")


@dataclass(frozen=True, slots=True)
class Organisation:
    """An institution. updated_at: the last change of one of its places; active: one of them is not closed."""

    code: str
    name: str
    area: str
    contact: Contact
    updated_at: datetime
    active: bool


async def page(
    connection: Connection,
    narrowing: Sequence[Condition],
    conditions: Sequence[Condition],
    after: str,
    limit: int,
) -> Sequence[Organisation]:
    """At most `limit` institutions in the order of their codes, beginning behind `after`.

    narrowing: conditions on the foremost place's code, name and area; conditions: on the whole institution.
    """
    query, values = _query(SELECT_PAGE, narrowing, conditions)
    async with connection.transaction(readonly=True):
        await connection.execute(PLAN_EACH_TIME)
        return [_organisation(row) for row in await connection.fetch(query, after, limit, *values)]


async def count(connection: Connection, narrowing: Sequence[Condition], conditions: Sequence[Condition]) -> int:
    """How many institutions there are."""
    query, values = _query(COUNT, narrowing, conditions)
    async with connection.transaction(readonly=True):
        await connection.execute(PLAN_EACH_TIME)
        return int(await connection.fetchval(query, "", ANY_NUMBER, *values))


def _query(query: str, narrowing: Sequence[Condition], conditions: Sequence[Condition]) -> tuple[str, list[object]]:
    narrow, narrow_values = joined(narrowing, 3)
    among = NARROWING.format(conditions=narrow) if narrowing else ""
    wanted, values = joined([*narrowing, *conditions], 3 + len(narrow_values))
    organisations = ORGANISATIONS.format(narrowing=among)
    return query.format(organisations=organisations).format(conditions=wanted), [*narrow_values, *values]


def _organisation(row: asyncpg.Record) -> Organisation:
    return Organisation(
        row["official_code"],
        row["name"],
        row["area"],
        Contact(row["phone"], row["email"], row["website"]),
        row["updated_at"],
        row["active"],
    )
