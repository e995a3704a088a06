-- migrate:up

-- How far this service has taken in each partition that it consumes. A row moves only in the transaction of the effects.
CREATE TABLE consumer_position (
    topic          text    NOT NULL,
    partition      integer NOT NULL,
    topic_id       text    NOT NULL,            -- Kafka's identity of the topic that next_offset belongs to
    topic_epoch    integer NOT NULL,            -- raised when the topic turns out to be another one
    owner_epoch    bigint  NOT NULL,            -- raised at each take-over: a former owner's moves then find no row
    next_offset    bigint  NOT NULL,
    last_sequence  bigint,                      -- of the last event taken (projector) or given out (recorder)
    published      bigint  NOT NULL DEFAULT 0,  -- recorder: every event below this sequence is known to be in Kafka
    published_topic_id text,                    -- recorder: Kafka's identity of the topic that "published" belongs to
    PRIMARY KEY (topic, partition)
);

-- Records that could not be read. They keep their place in the stream and can be looked at, replayed and dismissed.
CREATE TABLE dead_letter (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic       text        NOT NULL,
    partition   integer     NOT NULL,
    topic_epoch integer     NOT NULL,
    "offset"    bigint      NOT NULL,
    sequence    bigint,
    cause       text        NOT NULL,
    key         bytea,
    headers     jsonb       NOT NULL,           -- [[name, base64 or null], ...]
    value       bytea,
    seen_at     timestamptz NOT NULL DEFAULT now(),
    UNIQUE (topic, topic_epoch, partition, "offset")
);

-- migrate:down

DROP TABLE dead_letter;
DROP TABLE consumer_position;
