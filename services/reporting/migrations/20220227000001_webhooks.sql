-- migrate:up

-- What external systems have sent to them. `fence` grows with every process that takes a subscription, `revision` with every
-- change by its owner: who sends writes nothing down once either has grown.
CREATE TABLE webhook_subscription (
    subscription_id   uuid PRIMARY KEY,
    subscriber        uuid        NOT NULL,              -- the account: the token's subject
    organisation_id   uuid,
    role              text        COLLATE "C" NOT NULL,
    url               text        NOT NULL,
    area              text        COLLATE "C" NOT NULL,
    streams           text[]      NOT NULL,
    types             text[],                            -- null: all
    state             text        COLLATE "C" NOT NULL
        CHECK (state IN ('verifying', 'unverified', 'active', 'disabled', 'ended')),
    reason            text        COLLATE "C",
    state_at          timestamptz NOT NULL,
    created_at        timestamptz NOT NULL,
    attempts          integer     NOT NULL DEFAULT 0,    -- failed, since the last that succeeded
    failing_since     timestamptz,
    next_attempt_at   timestamptz NOT NULL,
    delivered_at      timestamptz,
    -- The secret that signs, sealed, and until previous_until the one before it.
    sealing_key_id    text        NOT NULL,
    wrapped_key       bytea       NOT NULL,
    sealed_secret     bytea       NOT NULL,
    previous_key_id   text,
    previous_wrapped  bytea,
    previous_sealed   bytea,
    previous_until    timestamptz,
    revision          integer     NOT NULL DEFAULT 1,
    fence             bigint      NOT NULL DEFAULT 0,
    leased_until      timestamptz,                       -- by the database's clock
    CHECK (num_nulls(previous_key_id, previous_wrapped, previous_sealed, previous_until) IN (0, 4))
);

CREATE INDEX webhook_subscription_subscriber ON webhook_subscription (subscriber, created_at, subscription_id);

-- Where a subscription is in a stream: behind the last event that was delivered. What was delivered behind `noted` is not yet
-- in the transfer log: so many events, the first at began_at.
CREATE TABLE webhook_position (
    subscription_id   uuid        NOT NULL REFERENCES webhook_subscription ON DELETE CASCADE,
    stream            text        COLLATE "C" NOT NULL,
    position          bytea       NOT NULL,
    noted             bytea       NOT NULL,
    events            integer     NOT NULL DEFAULT 0,
    began_at          timestamptz,
    PRIMARY KEY (subscription_id, stream)
);

-- What was read and is being sent, one after another. Read again, events of several partitions would come in another order,
-- and with other numbers: whoever is sent something twice is sent the same.
CREATE TABLE webhook_message (
    subscription_id   uuid        NOT NULL,
    stream            text        COLLATE "C" NOT NULL,
    place             integer     NOT NULL,              -- 0, 1, 2 and so on
    event_id          text        NOT NULL,
    body              bytea       NOT NULL,
    position          bytea       NOT NULL,              -- behind it
    is_event          boolean     NOT NULL,              -- or a gap
    PRIMARY KEY (subscription_id, stream, place),
    FOREIGN KEY (subscription_id, stream) REFERENCES webhook_position ON DELETE CASCADE
);

-- Deliveries that failed; the newest of each subscription are kept.
CREATE TABLE webhook_failure (
    id                bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    subscription_id   uuid        NOT NULL REFERENCES webhook_subscription ON DELETE CASCADE,
    stream            text        COLLATE "C",           -- null: of a verification
    event_id          text        NOT NULL,
    attempt           integer     NOT NULL,
    cause             text        COLLATE "C" NOT NULL,
    status            integer,                           -- of the answer, where there was one
    failed_at         timestamptz NOT NULL,
    next_attempt_at   timestamptz
);

CREATE INDEX webhook_failure_subscription ON webhook_failure (subscription_id, id);

-- migrate:down

DROP TABLE webhook_failure;
DROP TABLE webhook_message;
DROP TABLE webhook_position;
DROP TABLE webhook_subscription;
