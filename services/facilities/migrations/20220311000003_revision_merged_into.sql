-- migrate:up

-- Which place this one was known to be at that revision: without it a merger reads like a closing.
ALTER TABLE facility_revision ADD COLUMN merged_into uuid;

-- migrate:down

ALTER TABLE facility_revision DROP COLUMN merged_into;
