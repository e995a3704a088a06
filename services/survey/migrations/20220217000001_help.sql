-- migrate:up

-- Requests for help as they stand. What is personal is sealed: name, phone, position, address, note. In the clear are the
-- subdistrict, the grid cell of the position (a hundredth of a degree, 1.1 km) and keyed hashes.
CREATE TABLE help_request (
    request_id    uuid        PRIMARY KEY,  -- made on the phone
    citizen       uuid        NOT NULL,     -- keyed hash of the proven phone (shared/security/citizens.py)
    kind          text        NOT NULL,     -- of services/survey/help/kinds.py
    area          text        COLLATE "C" NOT NULL,  -- subdistrict, 6 digits
    people        smallint    NOT NULL,
    status        text        NOT NULL,     -- HelpStatus of the contract
    revision      integer     NOT NULL,
    asked_at      timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL,
    deadline      timestamptz,              -- by when the next step is due; null once it is finished, as the two below
    expires_at    timestamptz,
    hand_up_at    timestamptz,              -- when the next one above is told; null as well when all were
    escalation    smallint    NOT NULL,     -- how many were told that this step is late
    accepted_at   timestamptz,              -- first
    owner         uuid,
    owner_role    text,
    owner_area    text,
    outcome       text,
    merged_into   uuid        REFERENCES help_request,
    cell_row      smallint,
    cell_column   smallint,
    place         bytea,                    -- keyed hash of where exactly: equal ones may be the same call for help
    key_id        text,                     -- all three null once nobody may read it any more
    wrapped_key   bytea,
    sealed        bytea,
    CHECK ((deadline IS NULL) = (status IN ('done', 'cancelled', 'expired'))),
    CHECK ((deadline IS NULL) = (expires_at IS NULL)),
    CHECK ((owner IS NULL) = (owner_role IS NULL) AND (owner IS NULL) = (owner_area IS NULL))
) WITH (fillfactor = 80);

-- One citizen has one open request of a kind.
CREATE UNIQUE INDEX help_request_open ON help_request (citizen, kind) WHERE deadline IS NOT NULL;
CREATE INDEX help_request_due ON help_request (area, deadline, request_id) WHERE deadline IS NOT NULL;
CREATE INDEX help_request_soonest ON help_request (deadline, request_id) WHERE deadline IS NOT NULL;  -- of wide areas
CREATE INDEX help_request_finished ON help_request (area, updated_at, request_id) WHERE deadline IS NULL;
CREATE INDEX help_request_citizen ON help_request (citizen, asked_at);
CREATE INDEX help_request_place ON help_request (place) WHERE deadline IS NOT NULL;
CREATE INDEX help_request_merged ON help_request (merged_into) WHERE merged_into IS NOT NULL;
CREATE INDEX help_request_counts ON help_request (area, kind, status);  -- what is told to everybody, and held figures to
-- What the keeper looks for.
CREATE INDEX help_request_late ON help_request (hand_up_at) WHERE hand_up_at IS NOT NULL;
CREATE INDEX help_request_expiring ON help_request (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX help_request_kept ON help_request (updated_at) WHERE deadline IS NULL AND key_id IS NOT NULL;

-- Other ids under which the same was asked while it was open: a phone that sends one of them again finds its request.
CREATE TABLE help_repeat (
    repeat_id   uuid        PRIMARY KEY,
    request_id  uuid        NOT NULL REFERENCES help_request,
    asked_at    timestamptz NOT NULL
);

CREATE INDEX help_repeat_request ON help_repeat (request_id);

-- What happened to a request, never changed. A note of whoever worked on it is sealed.
CREATE TABLE help_step (
    request_id   uuid        NOT NULL REFERENCES help_request,
    revision     integer     NOT NULL,
    at           timestamptz NOT NULL,
    step         text        NOT NULL,  -- Step of services/survey/help/domain.py
    actor        uuid,                  -- volunteer; null: the citizen or the clock
    actor_role   text,
    told_role    text,                  -- handed up: to whom
    told_area    text,
    other        uuid,                  -- merged: into which; took in: which
    key_id       text,
    wrapped_key  bytea,
    sealed       bytea,
    PRIMARY KEY (request_id, revision)
);

-- Counts of shared/postgres/throttle.py. Lost in a crash, and that is all right.
CREATE UNLOGGED TABLE throttle (
    key      bytea       PRIMARY KEY,
    ends_at  timestamptz NOT NULL,
    spent    integer     NOT NULL
);

CREATE INDEX throttle_by_end ON throttle (ends_at);

-- migrate:down

DROP TABLE throttle;
DROP TABLE help_step;
DROP TABLE help_repeat;
DROP TABLE help_request;
