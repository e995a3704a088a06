-- migrate:up

-- Somebody else had the national id already when this person signed up: told to who decides, and not to who signed up.
ALTER TABLE person ADD COLUMN national_id_shared boolean NOT NULL DEFAULT false;

-- migrate:down

ALTER TABLE person DROP COLUMN national_id_shared;
