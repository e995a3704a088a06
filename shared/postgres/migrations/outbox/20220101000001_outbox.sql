-- migrate:up

-- The events of this service, in the order in which its changes were made. A row is written in the transaction of the change
-- itself; the relay gives it its place in the stream (sequence, previous) and publishes it. Rows are kept: they are the
-- service's own copy of its stream, from which a lost Kafka cluster is filled again.
CREATE TABLE outbox (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic         text        NOT NULL,
    partition     integer     NOT NULL,
    key           text        NOT NULL,
    event_id      uuid        NOT NULL UNIQUE,
    event_time    timestamptz NOT NULL,
    body          bytea       NOT NULL,
    sequence      bigint,
    previous      bigint,
    published_at  timestamptz,
    UNIQUE (topic, partition, sequence)
);

CREATE INDEX outbox_unnumbered ON outbox (id) WHERE sequence IS NULL;
CREATE INDEX outbox_unpublished ON outbox (topic, partition, sequence) WHERE published_at IS NULL AND sequence IS NOT NULL;

-- The last sequence given out in each partition.
CREATE TABLE outbox_position (
    topic          text    NOT NULL,
    partition      integer NOT NULL,
    last_sequence  bigint  NOT NULL,
    PRIMARY KEY (topic, partition)
);

-- Kafka's identity of the topic that published_at speaks of: published in a former topic is not published in this one.
CREATE TABLE outbox_topic (
    topic     text PRIMARY KEY,
    topic_id  text NOT NULL
);

-- Wakes the relay when a transaction with new rows commits.
CREATE FUNCTION notify_outbox() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('outbox', '');
    RETURN NULL;
END
$$;

CREATE TRIGGER outbox_added AFTER INSERT ON outbox FOR EACH STATEMENT EXECUTE FUNCTION notify_outbox();

-- migrate:down

DROP TABLE outbox_topic;
DROP TABLE outbox_position;
DROP TABLE outbox;
DROP FUNCTION notify_outbox();
