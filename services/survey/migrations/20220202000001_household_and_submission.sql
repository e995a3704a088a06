-- migrate:up

-- What a household counts for now. Its id is a keyed hash of its address, so nothing here says where it is below the village.
CREATE TABLE household (
    household_id   uuid        PRIMARY KEY,
    area           text        NOT NULL,  -- subdistrict, 6 digits
    village        text,                  -- 8 digits
    revision       integer     NOT NULL,
    submission_id  uuid        NOT NULL,  -- the submission whose state this is
    captured_at    timestamptz NOT NULL,
    counts         json                   -- HouseholdCounts as published (json, not jsonb: it keeps the bytes); null when erased
) WITH (fillfactor = 80);  -- a revisit's row stays in its page, and no index is touched

-- Every recorded submission, and with it the event that it became.
CREATE TABLE submission (
    submission_id    uuid        PRIMARY KEY,
    household_id     uuid        NOT NULL,
    volunteer_id     uuid        NOT NULL,
    organisation_id  uuid,
    area             text        NOT NULL,
    captured_at      timestamptz NOT NULL,
    received_at      timestamptz NOT NULL,
    recorded_at      timestamptz NOT NULL,
    kind             text        NOT NULL,
    outcome          text        NOT NULL,
    revision         integer     NOT NULL,
    before           json,
    after            json,
    digest           bytea       NOT NULL,
    partition        integer     NOT NULL,
    sequence         bigint      NOT NULL,
    previous         bigint,
    key_id           text        NOT NULL,
    wrapped_key      bytea,               -- null when erased: the sealed data can then never be opened again
    sealed           bytea       NOT NULL
);

CREATE UNIQUE INDEX submission_sequence ON submission (partition, sequence);
CREATE INDEX submission_household ON submission (household_id);

-- Accepted records whose submission was recorded already: the same sent again, or another one under a used id.
-- submission + repeated_submission + dead_letter is every record of survey-intake.
CREATE TABLE repeated_submission (
    partition      integer     NOT NULL,
    sequence       bigint      NOT NULL,
    submission_id  uuid        NOT NULL,
    volunteer_id   uuid        NOT NULL,
    area           text        NOT NULL,
    received_at    timestamptz NOT NULL,
    same_content   boolean     NOT NULL,
    PRIMARY KEY (partition, sequence)
);

CREATE INDEX repeated_submission_id ON repeated_submission (submission_id);

-- migrate:down

DROP TABLE repeated_submission;
DROP TABLE submission;
DROP TABLE household;
