-- migrate:up

-- Who may read the public streams from Kafka itself, as it was decided. The keeper brings Kafka to it, and notes the revision
-- that Kafka has. A name is never given twice: a connection of a revoked subscriber must not come to life again.
CREATE TABLE subscriber (
    subscriber_id     uuid PRIMARY KEY,
    name              text COLLATE "C" NOT NULL UNIQUE CHECK (name ~ '^[a-z][a-z0-9_]{1,31}$'),
    client_id         uuid UNIQUE,            -- its account at registration
    streams           text[]      NOT NULL,
    bytes_a_second    integer     NOT NULL,
    request_percent   integer     NOT NULL,
    revision          integer     NOT NULL DEFAULT 1,
    applied_revision  integer     NOT NULL DEFAULT 0,
    applied_at        timestamptz,
    password_at       timestamptz NOT NULL,   -- when its password was made
    password_lost     boolean     NOT NULL DEFAULT false,
    -- A new password, sealed, from when it was made until Kafka has it; then it is destroyed.
    sealing_key_id    text,
    wrapped_key       bytea,
    sealed_password   bytea,
    created_at        timestamptz NOT NULL,
    revoked_at        timestamptz,
    CHECK (applied_revision <= revision),
    CHECK (num_nulls(sealing_key_id, wrapped_key, sealed_password) IN (0, 3))
);

-- What was decided, by whom, and why. changed_by is the nil UUID for a command at the machine.
CREATE TABLE subscriber_change (
    subscriber_id     uuid        NOT NULL REFERENCES subscriber,
    revision          integer     NOT NULL,
    change            text COLLATE "C" NOT NULL CHECK (change IN ('made', 'granted', 'password', 'revoked')),
    streams           text[]      NOT NULL,
    bytes_a_second    integer     NOT NULL,
    request_percent   integer     NOT NULL,
    reason            text,
    changed_by        uuid        NOT NULL,
    changed_at        timestamptz NOT NULL,
    PRIMARY KEY (subscriber_id, revision)
);

-- migrate:down

DROP TABLE subscriber_change;
DROP TABLE subscriber;
