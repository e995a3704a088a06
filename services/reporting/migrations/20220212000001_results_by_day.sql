-- migrate:up

-- What the monitor of areas without results reads, and nothing else: survey_day's rows are wide (300 bytes), and a question about the
-- country would go through all of them. A duty of the keeper copies what changed, by subdistrict and summed up by district, so that
-- the projector writes nothing more. Everything a question needs stands in the index.
CREATE TABLE result_day (
    digits       smallint NOT NULL CHECK (digits IN (4, 6)),  -- how long the code is: questions about wider areas sum up the districts
    area         text COLLATE "C" NOT NULL,
    day          date NOT NULL,
    submissions  integer NOT NULL,
    households   integer NOT NULL,
    revisits     integer NOT NULL,
    PRIMARY KEY (digits, area, day) INCLUDE (submissions, households, revisits)
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.02);

-- Up to what each subdistrict was copied. A visit makes submissions more, and an erasure alone makes households fewer: whatever was
-- applied since shows in one of the two. made_from is the table itself, which a rebuild puts another in the place of.
CREATE TABLE result_seen (
    subdistrict  text COLLATE "C" PRIMARY KEY,
    made_from    oid NOT NULL,
    submissions  bigint NOT NULL,
    households   bigint NOT NULL
);

-- How new the copy is: what was known of the stream when the last turn that finished began.
CREATE TABLE result_refresh (
    one              boolean PRIMARY KEY DEFAULT true CHECK (one),
    newest           timestamptz,
    lag              bigint,
    lag_measured_at  timestamptz,
    refreshed_at     timestamptz NOT NULL
);

-- migrate:down

DROP TABLE result_refresh;
DROP TABLE result_seen;
DROP TABLE result_day;
