-- migrate:up

-- Who asked, without an account, to be helped with registering. Name and number are sealed together, and destroyed when
-- the request is closed.
CREATE TABLE registration_help (
    request_id  uuid PRIMARY KEY,
    area        text        COLLATE "C" NOT NULL,   -- a subdistrict
    phone_index bytea       NOT NULL,
    asked_at    timestamptz NOT NULL,
    key_id      text,
    wrapped_key bytea,
    ciphertext  bytea,
    closed_at   timestamptz,
    closed_by   uuid,
    outcome     text        CHECK (outcome IN ('registered', 'not_reached', 'not_wanted')),
    CHECK ((closed_at IS NULL) = (outcome IS NULL)),
    CHECK ((closed_at IS NULL) = (ciphertext IS NOT NULL))
);

CREATE UNIQUE INDEX registration_help_open_by_phone ON registration_help (phone_index) WHERE closed_at IS NULL;
CREATE INDEX registration_help_open_by_area ON registration_help (area, asked_at, request_id) WHERE closed_at IS NULL;

-- migrate:down

DROP TABLE registration_help;
