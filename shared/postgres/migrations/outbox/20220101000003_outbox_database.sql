-- migrate:up

-- Which server, and which of its histories, last numbered events here. Another one is a database that was restored, or a
-- standby that took over: it may not know of numbers that its former self has given out.
CREATE TABLE outbox_database (
    one       boolean PRIMARY KEY DEFAULT true CHECK (one),
    identity  text    NOT NULL,
    epoch     bigint  NOT NULL DEFAULT 0    -- sequences begin above epoch * 10^15
);

-- Taken back from Kafka: the database was restored to a moment before this change, and its other tables know nothing of it.
ALTER TABLE outbox ADD COLUMN adopted_at timestamptz;

-- migrate:down

ALTER TABLE outbox DROP COLUMN adopted_at;
DROP TABLE outbox_database;
