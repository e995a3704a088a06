-- migrate:up

-- A place as it stands now. Its events are in the outbox, written in the same transaction.
CREATE TABLE facility (
    facility_id   uuid PRIMARY KEY,
    kind          text NOT NULL
        CHECK (kind IN ('test_point', 'vaccination_point', 'hospital', 'field_hospital', 'waiting_centre')),
    name          text NOT NULL CHECK (name <> ''),
    area          text COLLATE "C" NOT NULL CHECK (area ~ '^[0-9]{6}$'),   -- "C": a prefix is a range of the index
    official_code text CHECK (official_code ~ '^([0-9]{5}|[0-9A-Z]{9})$'), -- not unique: a hospital may be several places
    lat           double precision,
    lon           double precision,
    status        text NOT NULL CHECK (status IN ('open', 'full', 'suspended', 'closed')),
    capacity      integer CHECK (capacity >= 0),
    free          integer CHECK (free BETWEEN 0 AND capacity),
    hours         jsonb NOT NULL,                                          -- [{"days", "open", "close"}, ...]
    hours_note    text,
    services      text[] NOT NULL,
    phone         text,
    email         text,
    website       text,
    revision      integer NOT NULL CHECK (revision >= 1),
    created_at    timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL,                                    -- when it got this revision
    confirmed_at  timestamptz NOT NULL,                                    -- when the content was last known to be right
    CHECK ((lat IS NULL) = (lon IS NULL)),
    CHECK (free IS NULL OR capacity IS NOT NULL)
);

CREATE INDEX facility_area ON facility (area);
CREATE INDEX facility_confirmed_at ON facility (confirmed_at) WHERE status <> 'closed'; -- the overdue ones

-- Every change, with who made it and when; never altered.
CREATE TABLE facility_revision (
    facility_id  uuid    NOT NULL REFERENCES facility,
    revision     integer NOT NULL,
    change       text    NOT NULL CHECK (change IN ('created', 'updated', 'confirmed', 'closed')),
    content      jsonb   NOT NULL,
    changed_at   timestamptz NOT NULL,
    changed_by   uuid    NOT NULL,                                         -- the subject of the token
    organisation uuid,
    role         text    NOT NULL,
    PRIMARY KEY (facility_id, revision)
);

-- migrate:down

DROP TABLE facility_revision;
DROP TABLE facility;
