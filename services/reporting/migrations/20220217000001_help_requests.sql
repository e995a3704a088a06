-- migrate:up

-- The latest state of every request for help, as far as lateness and the time until acceptance need it.
CREATE TABLE help_request (
    request_id   uuid PRIMARY KEY,
    revision     integer NOT NULL,
    kind         text COLLATE "C" NOT NULL,
    area         text COLLATE "C" NOT NULL,
    status       text COLLATE "C" NOT NULL,
    asked_at     timestamptz,
    accepted_at  timestamptz,                -- first
    deadline     timestamptz,                -- of the next step; null when nothing is due any more
    updated_at   timestamptz NOT NULL
) WITH (fillfactor = 80);

CREATE INDEX help_request_due ON help_request (deadline, area) WHERE deadline IS NOT NULL;
CREATE INDEX help_request_accepted ON help_request (accepted_at, area) WHERE accepted_at IS NOT NULL;

-- migrate:down

DROP TABLE help_request;
