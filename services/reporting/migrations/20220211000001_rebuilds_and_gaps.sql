-- migrate:up

-- What the projections mean: the number is raised in the code whenever they come to mean something else, and what was counted
-- before is then counted anew. None: nothing has been counted yet, and whatever comes is counted by the code that runs.
CREATE TABLE projection_version (
    version  integer NOT NULL
);
CREATE UNIQUE INDEX projection_version_one ON projection_version ((true));
INSERT INTO projection_version SELECT 1 FROM consumer_position HAVING count(*) > 0;

-- Figures made beside the shown ones have a schema each, build_N.
CREATE SEQUENCE build_number;

-- Rebuilds of the projections, one at a time: asked for over HTTP or at the machine, or begun since the version is another.
CREATE TABLE rebuild (
    rebuild_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    state       text        NOT NULL CHECK (state IN ('waiting', 'filling', 'done', 'failed')),
    version     integer,                                -- of the code that fills it
    number      bigint,                                 -- of its schema
    origin      text        NOT NULL CHECK (origin IN ('administrator', 'operator', 'version')),
    reason      text,                                   -- of whoever asked for it
    asked_by    uuid,                                   -- the administrator
    asked_at    timestamptz NOT NULL,
    began_at    timestamptz,
    ended_at    timestamptz,
    cause       text                                    -- why it failed
);
CREATE UNIQUE INDEX rebuild_one ON rebuild ((true)) WHERE state IN ('waiting', 'filling');

-- Partitions that wait for an event that is missing.
CREATE TABLE gap (
    topic          text        NOT NULL,
    partition      integer     NOT NULL,
    topic_epoch    integer     NOT NULL,
    last_sequence  bigint,                              -- null: not even the first event is there
    previous       bigint      NOT NULL,                -- what the next event there is says that comes before it
    seen_at        timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (topic, partition)
);

-- Gaps that the chain may pass over: what is missing there was given up. They hold for ever, since a rebuild meets them again.
CREATE TABLE gap_dismissal (
    topic          text        NOT NULL,
    partition      integer     NOT NULL,
    topic_epoch    integer     NOT NULL,
    last_sequence  bigint,
    previous       bigint      NOT NULL,
    reason         text        NOT NULL,
    dismissed_by   uuid        NOT NULL,
    dismissed_at   timestamptz NOT NULL,
    UNIQUE NULLS NOT DISTINCT (topic, partition, topic_epoch, last_sequence, previous)
);

-- What became of a dead letter: applied after all, by hand or by a rebuild, or given up.
ALTER TABLE dead_letter
    ADD COLUMN resolution   text CHECK (resolution IN ('replayed', 'rebuilt', 'dismissed')),
    ADD COLUMN resolved_at  timestamptz,
    ADD COLUMN resolved_by  uuid,                       -- null: a rebuild
    ADD COLUMN reason       text,
    ADD CHECK ((resolution IS NULL) = (resolved_at IS NULL));
CREATE INDEX dead_letter_open ON dead_letter (id) WHERE resolution IS NULL;

-- migrate:down

DROP INDEX dead_letter_open;
ALTER TABLE dead_letter
    DROP COLUMN resolution,
    DROP COLUMN resolved_at,
    DROP COLUMN resolved_by,
    DROP COLUMN reason;
DROP TABLE gap_dismissal;
DROP TABLE gap;
DROP TABLE rebuild;
DROP SEQUENCE build_number;
DROP TABLE projection_version;
