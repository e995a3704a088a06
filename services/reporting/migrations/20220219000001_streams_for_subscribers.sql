-- migrate:up

-- Seals the cursors of the streams. Made by whoever needs it first; without it subscribers begin again from a time.
CREATE TABLE stream_cursor_key (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    key    bytea   NOT NULL CHECK (length(key) = 32)
);

-- Who received what: a row for each answer with events, and for every few seconds of a connection that stays open. The
-- service may add to it, and neither change nor delete (deploy/catalogue.py).
CREATE TABLE stream_transfer (
    id              bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    subscriber      uuid        NOT NULL,                -- the account: the token's subject
    organisation_id uuid,
    role            text        COLLATE "C" NOT NULL,
    stream          text        COLLATE "C" NOT NULL,
    area            text        COLLATE "C" NOT NULL,    -- the scope; empty: the country
    form            text        COLLATE "C" NOT NULL,
    events          integer     NOT NULL CHECK (events > 0),
    first_number    bigint      NOT NULL,                -- of the subscriber's own feed
    last_number     bigint      NOT NULL,
    topic_id        text        NOT NULL,
    positions       jsonb       NOT NULL,                -- by partition: [first offset read, the one behind the last]
    began_at        timestamptz NOT NULL,
    ended_at        timestamptz NOT NULL
);

CREATE INDEX stream_transfer_subscriber ON stream_transfer (subscriber, id);
CREATE INDEX stream_transfer_area ON stream_transfer (area, id);

-- migrate:down

DROP TABLE stream_transfer;
DROP TABLE stream_cursor_key;
