-- migrate:up

-- Rolls of volunteers that organisations sent. The file itself is not kept: it is full of names and numbers.
CREATE TABLE volunteer_import (
    import_id       uuid PRIMARY KEY,
    organisation_id uuid        NOT NULL REFERENCES organisation,
    sent_by         uuid        NOT NULL,
    sent_at         timestamptz NOT NULL,
    file_digest     bytea       NOT NULL,           -- SHA-256
    mode            text        NOT NULL CHECK (mode IN ('check', 'apply')),
    partial         boolean     NOT NULL,
    rows            integer     NOT NULL,
    good            integer     NOT NULL,           -- without any fault
    added           integer     NOT NULL,           -- 0 for a check, and where a bad row kept all back
    ignored_columns text[]      NOT NULL
);

CREATE INDEX volunteer_import_by_organisation ON volunteer_import (organisation_id, sent_at, import_id);

-- What a file has added once it does not add again.
CREATE UNIQUE INDEX volunteer_import_once
    ON volunteer_import (organisation_id, file_digest, partial) WHERE mode = 'apply' AND added > 0;

CREATE TABLE volunteer_import_error (
    import_id uuid    NOT NULL REFERENCES volunteer_import ON DELETE CASCADE,
    row       integer NOT NULL,                     -- as the spreadsheet numbers it; the header is row 1
    "column"  text    NOT NULL,
    code      text    NOT NULL,
    first_row integer,                              -- of a repetition: where the same stands first
    PRIMARY KEY (import_id, row, "column")
);

-- migrate:down

DROP TABLE volunteer_import_error;
DROP TABLE volunteer_import;
