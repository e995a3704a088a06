-- migrate:up

-- `attempt` begins anew with no step: a worker that slept through several would find its own number again. How often a
-- step was tried is what was added since.
ALTER TABLE facility_import ADD COLUMN attempts_before integer NOT NULL DEFAULT 0;  -- in former steps

-- migrate:down

ALTER TABLE facility_import DROP COLUMN attempts_before;
