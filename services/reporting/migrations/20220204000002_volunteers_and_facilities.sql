-- migrate:up

-- How many people hold which role in which status; sums of (after - before), like the survey's figures.
CREATE TABLE volunteer_count (
    area               text COLLATE "C" NOT NULL,  -- 0, 2, 4 or 6 digits: where the role is held
    organisation_kind  text COLLATE "C",           -- null: through nobody
    role               text COLLATE "C" NOT NULL,
    status             text COLLATE "C" NOT NULL,
    people             bigint NOT NULL DEFAULT 0,
    UNIQUE NULLS NOT DISTINCT (area, organisation_kind, role, status)
) WITH (fillfactor = 70);

-- The latest public state of every place, as far as the map and its freshness need it.
CREATE TABLE facility (
    facility_id   uuid PRIMARY KEY,
    revision      integer NOT NULL,
    kind          text COLLATE "C" NOT NULL,
    name          text NOT NULL,
    area          text COLLATE "C" NOT NULL,
    status        text COLLATE "C" NOT NULL,
    lat           double precision,                -- WGS 84; both or neither
    lon           double precision,
    capacity      integer,
    free          integer,
    updated_at    timestamptz NOT NULL,
    confirmed_at  timestamptz NOT NULL,
    CHECK ((lat IS NULL) = (lon IS NULL))
) WITH (fillfactor = 70);

CREATE INDEX facility_area ON facility (area, facility_id);

-- migrate:down

DROP TABLE facility;
DROP TABLE volunteer_count;
