-- migrate:up

-- notice: the version of the privacy notice that was shown at the sign-up; null for those of before there was one, and
-- where nobody said so. notice_shown: on the page that the person filled in, read out by the coordinator who did, or by
-- the organisation that sent the roll, as it says.
ALTER TABLE person
    ADD COLUMN notice       text,
    ADD COLUMN notice_shown text CHECK (notice_shown IN ('page', 'spoken', 'roll')),
    ADD CHECK ((notice IS NULL) = (notice_shown IS NULL)),
    ALTER COLUMN phone_index DROP NOT NULL;   -- null: erased

-- Who was erased, when, and by whom: by himself, or on his written request, whose reason is sealed and goes in time.
CREATE TABLE person_erasure (
    person_id   uuid PRIMARY KEY REFERENCES person,
    erased_at   timestamptz NOT NULL,
    erased_by   uuid        NOT NULL,
    key_id      text,
    wrapped_key bytea,
    ciphertext  bytea
);

CREATE INDEX person_erasure_reason ON person_erasure (erased_at) WHERE wrapped_key IS NOT NULL;

-- A copy of somebody's data says who has read it. The table belongs to the auditor where it is protected already, and
-- its index is the database administrator's to make then (docs/privacy.md).
DO $$
BEGIN
    IF (SELECT pg_has_role(current_user, relowner, 'USAGE') FROM pg_class WHERE oid = 'personal_data_access'::regclass)
    THEN
        CREATE INDEX personal_data_access_person ON personal_data_access USING gin (persons);
    END IF;
END
$$;

-- migrate:down

-- phone_index stays as it is: who was erased has none.
DROP INDEX IF EXISTS personal_data_access_person;
DROP TABLE person_erasure;
ALTER TABLE person
    DROP COLUMN notice_shown,
    DROP COLUMN notice;
