-- migrate:up

-- Agencies and network partners, through which volunteers join.
CREATE TABLE organisation (
    organisation_id uuid PRIMARY KEY,
    name            text        NOT NULL,
    kind            text        NOT NULL CHECK (kind IN ('agency', 'network_partner')),
    area            text        COLLATE "C" NOT NULL,   -- it takes volunteers inside this area
    parent_id       uuid        REFERENCES organisation,
    created_at      timestamptz NOT NULL,
    created_by      uuid        NOT NULL
);

-- What a volunteer types to join an organisation. Kept readable: it hangs on the wall of the training room, and it
-- opens no more than a sign-up that a coordinator still has to approve.
CREATE TABLE group_code (
    code            text        COLLATE "C" PRIMARY KEY,
    organisation_id uuid        NOT NULL REFERENCES organisation,
    expires_at      timestamptz NOT NULL,
    uses_left       integer     NOT NULL CHECK (uses_left >= 0),
    created_at      timestamptz NOT NULL,
    created_by      uuid        NOT NULL,
    revoked_at      timestamptz
);

-- Volunteers, coordinators, administrators and place officers. Each holds one role in one area.
-- Names and numbers are in sealed_field; here are only keyed hashes to find a person by.
CREATE TABLE person (
    person_id         uuid PRIMARY KEY,
    organisation_id   uuid        NOT NULL REFERENCES organisation,
    area              text        COLLATE "C" NOT NULL,
    role              text        NOT NULL,
    status            text        NOT NULL CHECK (status IN ('pending', 'approved', 'suspended', 'withdrawn')),
    phone_index       bytea       NOT NULL UNIQUE,
    national_id_index bytea       UNIQUE,
    registered_at     timestamptz NOT NULL,
    revision          integer     NOT NULL CHECK (revision >= 1)
);

CREATE INDEX person_by_area ON person (area, registered_at, person_id);

CREATE TABLE sealed_field (
    person_id   uuid  NOT NULL REFERENCES person,
    field       text  NOT NULL,             -- name, phone, or reason.REVISION of a decision
    key_id      text  NOT NULL,
    wrapped_key bytea NOT NULL,
    ciphertext  bytea NOT NULL,
    PRIMARY KEY (person_id, field)
);

-- Who decided each change of a person. A sign-up is nobody's decision and has no row.
CREATE TABLE decision (
    person_id  uuid        NOT NULL REFERENCES person,
    revision   integer     NOT NULL,
    status     text        NOT NULL,
    role       text        NOT NULL,
    area       text        NOT NULL,
    decided_by uuid        NOT NULL,
    decided_at timestamptz NOT NULL,
    PRIMARY KEY (person_id, revision)
);

-- Every reading of personal data: who, what for, whose.
CREATE TABLE personal_data_access (
    access_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    read_at   timestamptz NOT NULL,
    reader    uuid        NOT NULL,
    purpose   text        NOT NULL,
    persons   uuid[]      NOT NULL
);

-- Programs that sign in with a secret. The name is a label, not a person's.
CREATE TABLE client (
    client_id       uuid PRIMARY KEY,
    name            text        NOT NULL,
    role            text        NOT NULL,
    area            text        NOT NULL,
    organisation_id uuid        REFERENCES organisation,
    secret_hash     bytea       NOT NULL,
    created_at      timestamptz NOT NULL,
    revoked_at      timestamptz
);

-- At most one code is alive for a phone: a new one replaces the one before.
CREATE TABLE one_time_code (
    phone_index   bytea PRIMARY KEY,
    code_hash     bytea       NOT NULL,
    expires_at    timestamptz NOT NULL,
    attempts_left integer     NOT NULL
);

-- All refresh tokens that descend from one sign-in. When one of them is used twice, somebody has a copy: the family ends.
CREATE TABLE refresh_family (
    family_id  uuid PRIMARY KEY,
    person_id  uuid        NOT NULL REFERENCES person,
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz
);

CREATE INDEX refresh_family_by_person ON refresh_family (person_id);
CREATE INDEX refresh_family_by_expiry ON refresh_family (expires_at);

CREATE TABLE refresh_token (
    token_hash bytea PRIMARY KEY,
    family_id  uuid        NOT NULL REFERENCES refresh_family ON DELETE CASCADE,
    issued_at  timestamptz NOT NULL,
    used_at    timestamptz
);

CREATE INDEX refresh_token_by_family ON refresh_token (family_id);

-- How often something was done in the present window. The key is a keyed hash: it tells neither phone nor address.
-- Unlogged: counting must not cost each request a write to disk, and after a crash of the database counting begins anew.
CREATE UNLOGGED TABLE throttle (
    key      bytea PRIMARY KEY,
    ends_at  timestamptz NOT NULL,
    spent    integer     NOT NULL
);

CREATE INDEX throttle_by_end ON throttle (ends_at);

-- migrate:down

DROP TABLE throttle;
DROP TABLE refresh_token;
DROP TABLE refresh_family;
DROP TABLE one_time_code;
DROP TABLE client;
DROP TABLE personal_data_access;
DROP TABLE decision;
DROP TABLE sealed_field;
DROP TABLE person;
DROP TABLE group_code;
DROP TABLE organisation;
