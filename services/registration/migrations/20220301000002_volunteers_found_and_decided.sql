-- migrate:up

ALTER TABLE person
    ADD COLUMN name_tokens        bigint[] NOT NULL DEFAULT '{}', -- keyed hashes of the beginnings of the name's words
    ADD COLUMN group_code         text COLLATE "C" REFERENCES group_code, -- by which the person joined last
    ADD COLUMN phone_confirmed_at timestamptz,                    -- when a code sent to the phone came back
    ADD COLUMN assisted_by        uuid,                           -- who filled in the sign-up on the person's behalf
    ADD COLUMN refused_at         timestamptz,                    -- last refusal; the phone may sign up again
    ADD COLUMN waiting_since      timestamptz;                    -- last sign-up, from which the deadline counts
UPDATE person SET waiting_since = registered_at;
ALTER TABLE person ALTER COLUMN waiting_since SET NOT NULL;

CREATE INDEX person_by_status ON person (status, area, registered_at, person_id);
CREATE INDEX person_by_organisation ON person (organisation_id, area, registered_at, person_id) INCLUDE (status);
-- New tokens wait in a list that each search reads to its end and that some sign-up has to empty: 512 kB take 10 ms.
CREATE INDEX person_by_name ON person USING gin (name_tokens) WITH (gin_pending_list_limit = 512);
-- The approval queue of a large area; that of a small one is read from person_by_status.
CREATE INDEX person_waiting ON person (waiting_since, person_id) WHERE status = 'pending';

-- step: approval, suspension, refusal, withdrawal, transfer, appointment, assisted_sign_up.
ALTER TABLE decision
    ADD COLUMN step            text,
    ADD COLUMN organisation_id uuid REFERENCES organisation;

-- The code that proves the phone of a sign-up; a keyed hash. Attempts are counted as for ids that belong to nobody.
CREATE TABLE sign_up_code (
    person_id  uuid PRIMARY KEY REFERENCES person ON DELETE CASCADE,
    code_hash  bytea       NOT NULL,
    expires_at timestamptz NOT NULL
);

CREATE INDEX sign_up_code_by_expiry ON sign_up_code (expires_at);

-- migrate:down

DROP TABLE sign_up_code;
ALTER TABLE decision DROP COLUMN organisation_id, DROP COLUMN step;
DROP INDEX person_waiting, person_by_name, person_by_organisation, person_by_status;
ALTER TABLE person
    DROP COLUMN waiting_since,
    DROP COLUMN refused_at,
    DROP COLUMN assisted_by,
    DROP COLUMN phone_confirmed_at,
    DROP COLUMN group_code,
    DROP COLUMN name_tokens;
