-- migrate:up

-- How new the figures are: per stream, the time of the newest event that they contain.
CREATE TABLE stream_progress (
    topic       text PRIMARY KEY,
    newest      timestamptz NOT NULL,            -- the largest event time applied
    events      bigint NOT NULL,                 -- events applied
    applied_at  timestamptz NOT NULL             -- when the last of them was
) WITH (fillfactor = 50);

-- Where each partition ends in Kafka, as the projector that reads it last saw; with consumer_position this gives the lag.
CREATE TABLE stream_end (
    topic        text NOT NULL,
    partition    integer NOT NULL,
    end_offset   bigint NOT NULL,
    measured_at  timestamptz NOT NULL,
    PRIMARY KEY (topic, partition)
) WITH (fillfactor = 50);

-- What percentages are of: houses to be surveyed, registered population. Dated tables from a named source; the newest one that
-- names an area counts. Areas above the given ones are summed up, where all below are known.
CREATE TABLE denominator (
    kind     text COLLATE "C" NOT NULL CHECK (kind IN ('houses', 'population')),
    area     text COLLATE "C" NOT NULL CHECK (area ~ '^([0-9]{2}){0,3}$'),
    dated    date NOT NULL,
    value    bigint NOT NULL CHECK (value >= 0),
    source   text NOT NULL,
    derived  boolean NOT NULL,                   -- summed up from the areas below rather than given
    set_by   uuid NOT NULL,
    set_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (kind, area, dated)
);

-- migrate:down

DROP TABLE denominator;
DROP TABLE stream_end;
DROP TABLE stream_progress;
