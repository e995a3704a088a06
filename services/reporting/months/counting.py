"""Counts a whole month into a temporary table: by account, then rolled up by area and organisation at every level.

All figures but the active volunteers add up. Of those only who was active in several places has to be told apart again
at each level: a tenth of a million, instead of sorting all of them eight times.
"""

from datetime import date
from typing import Final

from services.reporting.months.answers import FIGURES
from services.reporting.months.sources import ADDED, COLUMNS, COUNTED
from shared.postgres.pool import Connection

COUNT_SECONDS: Final = 300.0
"""For each statement: a month of a million volunteers takes well below a minute on an idle machine."""

KEYS: Final = "grain, area, organisation_id, account_id"

MEMORY: Final = "SET LOCAL work_mem = '128MB'"
"""For the few sorts and sums of a million rows, instead of files."""

# A rebuild puts other tables in the place of these: positions of the one and figures of the other would not belong
# together.
KEEP_TABLES: Final = """
LOCK TABLE consumer_position, stream_progress, volunteer_month, registration_month, place_month, help_month
IN ACCESS SHARE MODE
"""

COUNT_ACCOUNTS: Final = f"""
CREATE TEMPORARY TABLE month_fresh ON COMMIT DROP AS
SELECT 'account'::text COLLATE "C" AS grain, area, organisation_id, account_id, {
    ADDED.format(active="(account_id IS NOT NULL AND sum(submissions) > 0)::integer::bigint")
}
FROM ({COUNTED.format(month="'{month}'::date", area="''")}) AS c
GROUP BY area, organisation_id, account_id
"""  # noqa: S608 - names of ours

ADD_UP: Final = f"""
CREATE TEMPORARY TABLE month_leaf ON COMMIT DROP AS
SELECT area, organisation_id, {", ".join(f"sum({name})::bigint AS {name}" for name in FIGURES)}
FROM month_fresh
GROUP BY area, organisation_id
"""  # noqa: S608 - names of ours

FIND_SEVERAL: Final = """
CREATE TEMPORARY TABLE month_several ON COMMIT DROP AS
SELECT area, organisation_id, account_id
FROM month_fresh
WHERE volunteers_active > 0 AND account_id IN (
    SELECT account_id FROM month_fresh WHERE volunteers_active > 0 GROUP BY account_id HAVING count(*) > 1
)
"""

_TWICE: Final = ", ".join(
    "count(DISTINCT account_id) - count(*)" if name == "volunteers_active" else "0" for name in FIGURES
)
"""What is too much in the sum of a group in which accounts were active several times."""

# Added up instead of joined: organisations may be null, and a join by IS NOT DISTINCT FROM compares every row with
# every other, a minute and more for 60,000 organisations.
ROLL_UP: Final = f"""
INSERT INTO month_fresh
SELECT '{{grain}}', key, organisation_id, NULL, {", ".join(f"sum({name})" for name in FIGURES)}
FROM (
    SELECT left(area, {{digits}}) AS key, {{organisation}} AS organisation_id, {COLUMNS}
    FROM month_leaf
    WHERE length(area) >= {{digits}}
    UNION ALL
    SELECT left(area, {{digits}}), {{organisation}}, {_TWICE}
    FROM month_several
    WHERE length(area) >= {{digits}}
    GROUP BY 1, 2
) AS leaf
GROUP BY key, organisation_id
"""  # noqa: S608 - names of ours

DROP_ZEROS: Final = f"""
DELETE FROM month_fresh WHERE ({COLUMNS}) = ({", ".join("0" for _ in FIGURES)})
"""  # noqa: S608 - names of ours


async def count_rows(connection: Connection, month: date) -> None:
    """Makes the temporary table `month_fresh` of the caller's transaction, from the projections that its search path
    names; no row has all figures zero."""
    await connection.execute(COUNT_ACCOUNTS.format(month=month), timeout=COUNT_SECONDS)
    await connection.execute(ADD_UP, timeout=COUNT_SECONDS)
    await connection.execute(FIND_SEVERAL, timeout=COUNT_SECONDS)
    await connection.execute("ANALYZE month_leaf, month_several", timeout=COUNT_SECONDS)
    for digits in (0, 2, 4, 6):
        for grain, organisation in (("area", "NULL::uuid"), ("organisation", "organisation_id")):
            statement = ROLL_UP.format(grain=grain, organisation=organisation, digits=digits)
            await connection.execute(statement, timeout=COUNT_SECONDS)
    await connection.execute(DROP_ZEROS, timeout=COUNT_SECONDS)
