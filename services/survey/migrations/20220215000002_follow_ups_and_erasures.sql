-- migrate:up

-- What nobody visited has no volunteer: an erasure, and what is left of a household when one of its persons was erased.
ALTER TABLE submission ALTER COLUMN volunteer_id DROP NOT NULL;
ALTER TABLE repeated_submission ALTER COLUMN volunteer_id DROP NOT NULL;
ALTER TABLE submission ADD COLUMN reach uuid[];  -- the persons to reach whom it names, standing or not; null: none

-- A household may be known by a follow-up before the survey that names its persons comes: then it has no visit yet and no counts.
ALTER TABLE household ALTER COLUMN submission_id DROP NOT NULL;
ALTER TABLE household ALTER COLUMN captured_at DROP NOT NULL;
ALTER TABLE household ADD COLUMN followed_at timestamptz;  -- the latest follow-up by its time at the door; null: none
ALTER TABLE household ADD COLUMN erased_at   timestamptz;  -- what was captured until then is gone, and what of it still comes is not kept
ALTER TABLE household ADD COLUMN erased_by   uuid;

-- dose is what the person has had by now, with what follow-ups told; reasons hold while it is still the surveyed one.
ALTER TABLE reach ADD COLUMN surveyed_dose smallint NOT NULL;
ALTER TABLE reach ADD COLUMN facility_id   uuid;               -- of an appointment: the vaccination point

-- migrate:down

ALTER TABLE reach DROP COLUMN facility_id;
ALTER TABLE reach DROP COLUMN surveyed_dose;
ALTER TABLE household DROP COLUMN erased_by;
ALTER TABLE household DROP COLUMN erased_at;
ALTER TABLE household DROP COLUMN followed_at;
DELETE FROM household WHERE submission_id IS NULL;
ALTER TABLE household ALTER COLUMN captured_at SET NOT NULL;
ALTER TABLE household ALTER COLUMN submission_id SET NOT NULL;
ALTER TABLE submission DROP COLUMN reach;
