-- migrate:up

-- What each account got, by stream, form and area: the transfer log's sums, which nobody adds up again at each look.
CREATE TABLE stream_receiver (
    subscriber      uuid        NOT NULL,
    organisation_id uuid,
    stream          text        COLLATE "C" NOT NULL,
    form            text        COLLATE "C" NOT NULL,
    area            text        COLLATE "C" NOT NULL,
    events          bigint      NOT NULL,
    last_at         timestamptz NOT NULL,
    PRIMARY KEY (subscriber, stream, form, area)
);

INSERT INTO stream_receiver
SELECT subscriber, (array_agg(organisation_id ORDER BY id DESC))[1], stream, form, area, sum(events), max(ended_at)
FROM stream_transfer
GROUP BY subscriber, stream, form, area;

-- Accounts to which nothing is given any more, whatever their tokens say.
CREATE TABLE receiver_revocation (
    account    uuid        PRIMARY KEY,
    reason     text        NOT NULL,
    revoked_by uuid        NOT NULL,
    revoked_at timestamptz NOT NULL
);

-- Where the consumer groups of subscribers are in Kafka, as the keeper saw it last. moved_at: when it saw that one had moved.
CREATE TABLE subscriber_place (
    subscriber_id  uuid        NOT NULL REFERENCES subscriber,
    consumer_group text        COLLATE "C" NOT NULL,
    stream         text        COLLATE "C" NOT NULL,
    partition      integer     NOT NULL,
    next_offset    bigint      NOT NULL,
    moved_at       timestamptz NOT NULL,
    PRIMARY KEY (subscriber_id, consumer_group, stream, partition)
);

-- The transfer log is kept for two years. This is the one way to delete from it, and it deletes nothing younger, whatever it is asked.
-- Ids rise with time: only the oldest rows are looked at, so that a turn with nothing to do costs nothing.
CREATE FUNCTION forget_transfers(before timestamptz, most integer) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
BEGIN ATOMIC
    WITH oldest AS (
        SELECT id, ended_at FROM stream_transfer ORDER BY id LIMIT least(most, 10000)
    ), forgotten AS (
        DELETE FROM stream_transfer AS t USING oldest AS o
        WHERE t.id = o.id AND o.ended_at < least(before, now() - interval '2 years')
        RETURNING t.id
    )
    SELECT count(*) FROM forgotten;
END;

-- migrate:down

DROP FUNCTION forget_transfers(timestamptz, integer);
DROP TABLE subscriber_place;
DROP TABLE receiver_revocation;
DROP TABLE stream_receiver;
