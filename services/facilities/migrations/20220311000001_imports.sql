-- migrate:up

-- A list that somebody sent: checked row by row, then applied as one unit, perhaps undone.
--   waiting -> checked -> applying -> applied -> undoing -> undone; failed: nothing could be read of it
CREATE TABLE facility_import (
    import_id    uuid PRIMARY KEY,
    state        text        NOT NULL
        CHECK (state IN ('waiting', 'checked', 'applying', 'applied', 'undoing', 'undone', 'failed')),
    name         text        NOT NULL,              -- the file's own
    file         bytea,                             -- null once it is erased, ninety days after it was sent
    digest       bytea       NOT NULL,
    sent_by      uuid        NOT NULL,
    organisation uuid,
    role         text        NOT NULL,
    area         text        COLLATE "C" NOT NULL,  -- the sender's: every place has to lie in it
    sent_at      timestamptz NOT NULL,
    guess        jsonb,                             -- what the columns seem to hold
    columns      jsonb,                             -- what they hold: {"places": {field: column}, "defaults": {...}}
    row_count    integer     NOT NULL DEFAULT 0,    -- read so far
    partial      boolean     NOT NULL DEFAULT false,
    confirm      boolean     NOT NULL DEFAULT false,
    finished_at  timestamptz,                       -- when it got its present state
    failure      text,                              -- why it failed, or why it was not applied
    -- One worker at a time: whoever claims it raises `attempt`, and writes nothing under another one.
    attempt      integer     NOT NULL DEFAULT 0,
    lease_until  timestamptz
);

CREATE INDEX facility_import_by_area ON facility_import (area, sent_at DESC, import_id);
CREATE INDEX facility_import_to_do ON facility_import (sent_at) WHERE state IN ('waiting', 'applying', 'undoing');

CREATE TABLE facility_import_row (
    import_id    uuid    NOT NULL REFERENCES facility_import ON DELETE CASCADE,
    number       integer NOT NULL,
    result       text    NOT NULL CHECK (result IN (
        'new', 'changed', 'unchanged', 'duplicate', 'error', 'ignored', 'changed_meanwhile', 'changed_since')),
    facility_id  uuid,                              -- the place that the row is about, also a new one
    revision     integer,                           -- of that place when it was compared
    before       jsonb,                             -- its fields then
    after        jsonb,                             -- its fields as the row has them
    confirmed_at timestamptz,                       -- when it was last confirmed before
    as_of        date,                              -- the day on which the row was right, if the list says
    duplicate_of uuid,
    faults       jsonb   NOT NULL DEFAULT '[]',
    notices      jsonb   NOT NULL DEFAULT '[]',
    applied      integer,                           -- the revision that applying made
    PRIMARY KEY (import_id, number)
);

CREATE INDEX facility_import_row_by_result ON facility_import_row (import_id, result, number);

-- migrate:down

DROP TABLE facility_import_row;
DROP TABLE facility_import;
