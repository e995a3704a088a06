-- migrate:up

-- A volunteer's own list, newest first. Everything that one request brought has one received_at, so that a phone's batch shares an
-- entry of the index (PostgreSQL keeps equal keys once): some 10 bytes a submission, where an index ending in a unique column has 48.
CREATE INDEX submission_volunteer ON submission (volunteer_id, received_at);
CREATE INDEX repeated_submission_volunteer ON repeated_submission (volunteer_id, received_at);

-- migrate:down

DROP INDEX repeated_submission_volunteer;
DROP INDEX submission_volunteer;
