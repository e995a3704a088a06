-- migrate:up

-- What persons ask about their own data: access, correction, erasure, objection. What they wrote, and why it was decided so, is sealed.
CREATE TABLE subject_request (
    request_id     uuid        PRIMARY KEY,
    kind           text        NOT NULL CHECK (kind IN ('access', 'correction', 'erasure', 'objection')),
    state          text        NOT NULL CHECK (state IN ('waiting', 'accepted', 'done', 'refused', 'withdrawn')),
    area           text        COLLATE "C" NOT NULL,  -- the household's subdistrict
    household_id   uuid        NOT NULL,  -- by the address that was given; there may be none
    place          smallint,              -- which of the standing survey's persons, from 0; null: the household
    subject        uuid,                  -- the citizen who asked, by the hash of the phone; null: asked at an office
    asked_by       uuid,                  -- who wrote it down there
    identity       text        NOT NULL,  -- how it was known who asks: phone, card, known, other
    asked_at       timestamptz NOT NULL,
    due_at         timestamptz NOT NULL,
    decided_at     timestamptz,
    decided_by     uuid,
    closed_at      timestamptz,
    submission_id  uuid,                  -- the correction that came of it; the erasure's record
    revision       integer     NOT NULL DEFAULT 1,
    key_id         text        NOT NULL,
    wrapped_key    bytea,                 -- null: kept for its time, and destroyed
    sealed         bytea       NOT NULL
);

CREATE INDEX subject_request_queue ON subject_request (area, due_at, request_id) WHERE closed_at IS NULL;
CREATE INDEX subject_request_closed ON subject_request (closed_at);
CREATE INDEX subject_request_subject ON subject_request (subject, asked_at);
CREATE INDEX subject_request_household ON subject_request (household_id);

CREATE TABLE subject_request_step (
    request_id  uuid        NOT NULL REFERENCES subject_request,
    revision    integer     NOT NULL,
    state       text        NOT NULL,
    at          timestamptz NOT NULL,
    done_by     uuid,                     -- null: the citizen
    PRIMARY KEY (request_id, revision)
);

-- Personal data that left the system: whose, to whom, in which form.
CREATE TABLE transfer (
    id          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at          timestamptz NOT NULL,
    recipient   uuid        NOT NULL,     -- of a citizen: the hash of the phone
    role        text        NOT NULL,     -- citizen, or the role of who took it on behalf
    area        text        NOT NULL,     -- of the data
    what        text        NOT NULL,     -- access_json, access_html, readings_csv
    households  uuid[]      NOT NULL
);

CREATE INDEX transfer_time ON transfer (at, id);

-- Which notice was shown at a visit, where the phone said so.
ALTER TABLE submission ADD COLUMN notice text;

-- migrate:down

ALTER TABLE submission DROP COLUMN notice;
DROP TABLE transfer;
DROP TABLE subject_request_step;
DROP TABLE subject_request;
