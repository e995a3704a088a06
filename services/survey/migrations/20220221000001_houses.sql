-- migrate:up

-- The lists of houses: what there is to be visited. The household's id is the keyed hash that a survey of the same address gets, so
-- that visits are found without opening anything; the address itself is sealed, as in a submission.
CREATE TABLE house (
    household_id  uuid        PRIMARY KEY,
    area          text        NOT NULL,  -- subdistrict, 6 digits
    village       text,                  -- 8 digits
    volunteer_id  uuid,                  -- whose house it is; one at a time
    added_at      timestamptz NOT NULL,
    added_by      uuid        NOT NULL,
    import_id     uuid,                  -- the list that brought it; null: entered by itself
    key_id        text        NOT NULL,
    wrapped_key   bytea       NOT NULL,
    sealed        bytea       NOT NULL   -- house number and unit
) WITH (fillfactor = 90);

CREATE INDEX house_volunteer ON house (volunteer_id) WHERE volunteer_id IS NOT NULL;

-- Lists that were taken in. The file itself is not kept: it is full of addresses.
CREATE TABLE house_import (
    import_id        uuid        PRIMARY KEY,
    area             text        NOT NULL,  -- where its sender held the role
    sent_by          uuid        NOT NULL,
    sent_at          timestamptz NOT NULL,
    file_digest      bytea       NOT NULL,  -- SHA-256 of the file and the subdistrict that it was sent for
    partial          boolean     NOT NULL,
    rows             integer     NOT NULL,
    bad              integer     NOT NULL,  -- rows with a fault, which were left out
    added            integer     NOT NULL,
    known            integer     NOT NULL,  -- were on the list already
    ignored_columns  text[]      NOT NULL
);

-- What a file has added once it does not add again, not even what was removed since.
CREATE UNIQUE INDEX house_import_once ON house_import (area, file_digest, partial);
CREATE INDEX house_import_newest ON house_import (sent_at, import_id);

-- Submissions with something odd, by area and in the order in which they came.
CREATE INDEX submission_flagged ON submission (area, received_at, submission_id) WHERE flags IS NOT NULL;

-- What a coordinator found when he looked at a flagged submission: once for each.
CREATE TABLE flag_review (
    submission_id  uuid        PRIMARY KEY,
    household_id   uuid        NOT NULL,
    area           text        NOT NULL,
    verdict        text        NOT NULL CHECK (verdict IN ('fine', 'corrected', 'wrong')),
    corrected_by   uuid UNIQUE,             -- the submission that put it right
    reviewed_by    uuid        NOT NULL,
    reviewed_at    timestamptz NOT NULL,
    note_key_id    text,
    note_wrapped   bytea,                   -- null without a note, and when erased
    note           bytea,
    CHECK ((verdict = 'corrected') = (corrected_by IS NOT NULL))
);

-- An erasure destroys the keys of a household's submissions; what was written about them goes with them, whoever erases.
CREATE FUNCTION forget_flag_notes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE flag_review SET note_key_id = NULL, note_wrapped = NULL, note = NULL WHERE submission_id = NEW.submission_id;
    RETURN NULL;
END
$$;

CREATE TRIGGER submission_erased AFTER UPDATE OF wrapped_key ON submission
    FOR EACH ROW WHEN (NEW.wrapped_key IS NULL AND OLD.flags IS NOT NULL) EXECUTE FUNCTION forget_flag_notes();

-- migrate:down

DROP TRIGGER submission_erased ON submission;
DROP FUNCTION forget_flag_notes;
DROP TABLE flag_review;
DROP INDEX submission_flagged;
DROP TABLE house_import;
DROP TABLE house;
