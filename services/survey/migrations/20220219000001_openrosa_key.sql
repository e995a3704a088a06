-- migrate:up

-- Keys by which a volunteer's device sends forms without a token. Of a key there is only its hash.
CREATE TABLE openrosa_key (
    key_id          uuid        PRIMARY KEY,
    hash            bytea       NOT NULL UNIQUE,  -- SHA-256 of 100 random bits
    volunteer_id    uuid        NOT NULL,
    organisation_id uuid,
    role            text        NOT NULL,
    area            text        NOT NULL,
    label           text        NOT NULL,         -- by which its maker knows the device again
    made_at         timestamptz NOT NULL,
    ends_at         timestamptz NOT NULL,
    revoked_at      timestamptz,
    used_on         date                          -- the last day on which it was used
);

-- A volunteer's own, and how many of them are good.
CREATE INDEX openrosa_key_volunteer ON openrosa_key (volunteer_id, made_at);
-- What has ended long ago is forgotten.
CREATE INDEX openrosa_key_end ON openrosa_key (ends_at);

-- migrate:down

DROP TABLE openrosa_key;
