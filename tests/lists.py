"""What the lists of whom to reach have to say: what the households say."""

from typing import Final

NOT_LISTED: Final = """
WITH said AS (
    SELECT h.household_id, p.person_id, h.area, h.village, h.submission_id, p.place, p.rank, p.wanting_since,
           coalesce(p.status, 'open') AS status, coalesce(p.dose, 0) AS dose, p.due_at, p.facility_id, p.followed_at
    FROM household AS h
    CROSS JOIN LATERAL json_to_recordset(h.reach) AS p (
        person_id uuid, place smallint, rank smallint, wanting_since timestamptz, status text, dose smallint,
        due_at timestamptz, facility_id uuid, followed_at timestamptz)
), listed AS (
    SELECT household_id, person_id, area, village, submission_id, place, rank, wanting_since, status, dose, due_at,
           facility_id, followed_at
    FROM reach
)
SELECT count(*) FROM ((TABLE said EXCEPT TABLE listed) UNION ALL (TABLE listed EXCEPT TABLE said)) AS different
"""
"""How many persons stand in a list otherwise than in their household, or in one of the two only."""
