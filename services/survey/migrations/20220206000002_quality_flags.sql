-- migrate:up

ALTER TABLE submission ADD COLUMN flags text[];  -- what is odd about it, in alphabetical order as published; null: nothing
ALTER TABLE submission ADD COLUMN persons bytea[];  -- the person_index rows it may have made: by it an erasure finds them

-- Where each volunteer was last, to tell a speed that nobody can have: one row each, overwritten, and no more than the grid cell
-- of a square kilometre. Personal data of volunteers all the same: it leaves this database nowhere.
CREATE TABLE volunteer_sighting (
    volunteer_id  uuid        PRIMARY KEY,
    captured_at   timestamptz NOT NULL,
    cell_row      smallint    NOT NULL,  -- hundredths of a degree of latitude
    cell_column   smallint    NOT NULL   -- and of longitude
) WITH (fillfactor = 50);  -- free space lets an update stay in its page without touching the index

-- In which household a national id was recorded first. Keyed hashes: nobody without the key can make or read one. An erasure
-- comes from the household's submissions, whose index there is, and clears `persons` there:
--     DELETE FROM person_index USING submission
--     WHERE submission.household_id = $1 AND person_index.household_id = $1 AND blind_index = ANY (submission.persons)
CREATE TABLE person_index (
    blind_index   bytea       PRIMARY KEY,
    household_id  uuid        NOT NULL
);

-- migrate:down

DROP TABLE person_index;
DROP TABLE volunteer_sighting;
ALTER TABLE submission DROP COLUMN persons;
ALTER TABLE submission DROP COLUMN flags;
