"""Where the rows of a month come from: what is counted while it is open, what was frozen when it was closed.

Each function gives a query with `{month}`, `{area}` and so on filled in as numbered parameters. Its rows have a `key`
and the figures.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID

from services.reporting.areas import DIGITS
from services.reporting.months.answers import FIGURES, NO_ORGANISATION, RowLevel

COLUMNS: Final = ", ".join(FIGURES)

COUNTED: Final = """
SELECT subdistrict AS area, organisation_id, volunteer_id AS account_id,
       0::bigint AS registered, submissions, households, revisits, persons, dose_0, wanting, followed_up, vaccinated,
       0::bigint AS entered, 0::bigint AS confirmed, 0::bigint AS done
FROM volunteer_month
WHERE month = {month} AND subdistrict >= {area} AND subdistrict < {area} || ':'
UNION ALL
SELECT area, organisation_id, NULL, people, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
FROM registration_month
WHERE month = {month} AND area >= {area} AND area < {area} || ':' AND role = 'volunteer'
UNION ALL
SELECT area, organisation_id, changed_by, 0, 0, 0, 0, 0, 0, 0, 0, 0, entered, confirmed, 0
FROM place_month
WHERE month = {month} AND area >= {area} AND area < {area} || ':'
UNION ALL
SELECT area, NULL, NULL, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, closed
FROM help_month
WHERE month = {month} AND area >= {area} AND area < {area} || ':'
"""
"""What is counted of a month inside an area, as it lies in the projections: several rows for the same thing."""

ADDED: Final = """
    coalesce(sum(registered), 0)::bigint  AS volunteers_registered,
    {active}                              AS volunteers_active,
    coalesce(sum(households), 0)::bigint  AS households_new,
    coalesce(sum(revisits), 0)::bigint    AS households_revisited,
    coalesce(sum(persons), 0)::bigint     AS persons,
    coalesce(sum(dose_0), 0)::bigint      AS unvaccinated,
    coalesce(sum(wanting), 0)::bigint     AS wanting,
    coalesce(sum(followed_up), 0)::bigint AS followed_up,
    coalesce(sum(vaccinated), 0)::bigint  AS vaccinated,
    coalesce(sum(entered), 0)::bigint     AS places_entered,
    coalesce(sum(confirmed), 0)::bigint   AS places_confirmed,
    coalesce(sum(done), 0)::bigint        AS help_closed
"""
"""The figures of a group of counted rows, in their order; `active` is how its active volunteers are counted."""

_ACTIVE: Final = "count(DISTINCT account_id) FILTER (WHERE submissions > 0)::bigint"
_ACTIVE_OF_ACCOUNT: Final = "(sum(submissions) > 0)::integer::bigint"

_OF_ACCOUNT: Final = ", ".join(
    f"{'max' if name == 'volunteers_active' else 'sum'}({name})::bigint AS {name}" for name in FIGURES
)
"""An account was active where it was anywhere; all else adds up."""


@dataclass(frozen=True, slots=True)
class Source:
    """A month as it is counted now (revision 0), or as it stood in a revision of its closing.

    summed: the sums of areas and organisations are kept, as of a moment ago.
    """

    month: date
    revision: int
    summed: bool = False


@dataclass(slots=True)
class Parameters:
    """The arguments of a query, numbered as they are named."""

    values: list[Any]

    def add(self, value: Any) -> str:
        """The parameter's place in the query."""
        self.values.append(value)
        return f"${len(self.values)}"


def groups(source: Source, area: str, level: RowLevel, organisation: UUID | None, given: Parameters) -> str:
    """The query for the rows of a level inside `area`; with `organisation`, which only organisations and accounts have,
    of what was done for it."""
    place = given.add(area)
    of_organisation = "" if organisation is None else f"WHERE organisation_id = {given.add(organisation)}"
    if source.revision or (source.summed and level != "volunteer"):
        return _frozen_groups(source, place, level, of_organisation, given)
    counted = COUNTED.format(month=given.add(source.month), area=f"{place}::text")
    counted = f"SELECT * FROM ({counted}) AS c {of_organisation}"  # noqa: S608 - names of ours
    match level:
        case "organisation":
            key, condition = f"coalesce(organisation_id::text, '{NO_ORGANISATION}')", "true"
        case "volunteer":
            key, condition = "account_id::text", "account_id IS NOT NULL"
        case _:
            digits = DIGITS[level]
            key, condition = f"left(area, {digits})", f"length(area) >= {digits}"
    sums = ADDED.format(active=_ACTIVE_OF_ACCOUNT if level == "volunteer" else _ACTIVE)
    return f"SELECT {key} AS key, {sums} FROM ({counted}) AS c WHERE {condition} GROUP BY 1"  # noqa: S608 - ours


def _frozen_groups(source: Source, place: str, level: RowLevel, of_organisation: str, given: Parameters) -> str:
    if level == "volunteer":
        rows = frozen(source, "account", f"area >= {place} AND area < {place} || ':'", given)
        rows = f"SELECT * FROM ({rows}) AS f {of_organisation}"  # noqa: S608 - names of ours
        key, condition = "account_id::text", "account_id IS NOT NULL"
        return f"SELECT {key} AS key, {_OF_ACCOUNT} FROM ({rows}) AS f WHERE {condition} GROUP BY 1"  # noqa: S608 - ours
    if level == "organisation":
        rows = frozen(source, "organisation", f"area = {place}", given)
        key = f"coalesce(organisation_id::text, '{NO_ORGANISATION}')"
        return f"SELECT {key} AS key, {COLUMNS} FROM ({rows}) AS f {of_organisation}"  # noqa: S608 - ours
    rows = frozen(source, "area", f"area >= {place} AND area < {place} || ':'", given)
    return f"SELECT area AS key, {COLUMNS} FROM ({rows}) AS f WHERE length(area) = {DIGITS[level]}"  # noqa: S608 - ours


def frozen(source: Source, grain: str, where: str, given: Parameters) -> str:
    """The query for the rows of a grain that are kept: of a closed month, of each the latest up to the revision."""
    kept = f"month = {given.add(source.month)} AND grain = '{grain}' AND {where}"
    if not source.revision:
        return f"SELECT area, organisation_id, {COLUMNS} FROM month_sum WHERE {kept}"  # noqa: S608 - names of ours
    if source.revision == 1:
        return f"SELECT area, organisation_id, account_id, {COLUMNS} FROM month_row WHERE {kept} AND revision = 1"  # noqa: S608 - names of ours
    return (
        f"SELECT DISTINCT ON (area, organisation_id, account_id) area, organisation_id, account_id, {COLUMNS} "  # noqa: S608 - ours
        f"FROM month_row WHERE {kept} AND revision <= {given.add(source.revision)} "
        "ORDER BY area, organisation_id, account_id, revision DESC"
    )
