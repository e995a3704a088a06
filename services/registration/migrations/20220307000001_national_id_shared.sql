-- migrate:up

-- Somebody else had the national id already when this person signed up: told to who decides, and not to who signed up.
ALTER TABLE person ADD COLUMN national_id_shared boolean NOT NULL DEFAULT false;

-- A role ends with the withdrawal from now on; until now it ended some seconds later, which who signed up again within
-- them escaped.
UPDATE appointment AS a
SET ended_at = now()
FROM person AS p
WHERE p.person_id = a.person_id AND a.begun_at IS NOT NULL AND a.ended_at IS NULL
  AND (p.status = 'withdrawn' OR a.begun_at < p.waiting_since);

-- migrate:down

ALTER TABLE person DROP COLUMN national_id_shared;
