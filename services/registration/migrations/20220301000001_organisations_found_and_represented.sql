-- migrate:up

-- One spelling for searches. Thai has no spaces between words, and people type the spaces, digits and vowels that there
-- are in many ways. C.UTF-8 would do for lower(), but only ASCII matters here: Thai has no capitals.
CREATE FUNCTION search_spelling(name text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN replace(
    regexp_replace(
        lower(translate(
            regexp_replace(normalize(name, NFC), '[\s\u00ad\u200b-\u200f\u2060\ufeff]+', '', 'g'),
            '๐๑๒๓๔๕๖๗๘๙', '0123456789'
        )),
        '\u0e4d([\u0e48-\u0e4b]?)\u0e32', E'\\1\u0e33', 'g'  -- nikhahit and aa, typed in pieces, are am
    ),
    E'\u0e40\u0e40', E'\u0e41'                               -- as two e are ae
);

-- All runs of three characters: what contains a searched text contains all of its runs, and an index finds these.
-- pg_trgm would not do: to it a Thai vowel or tone mark ends a word, and words of one letter have no trigrams of use.
CREATE FUNCTION search_runs(spelling text) RETURNS text[] LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN ARRAY(SELECT DISTINCT substr(spelling, n, 3) FROM generate_series(1, char_length(spelling) - 2) AS n);

ALTER TABLE organisation
    ADD COLUMN search_name text COLLATE "C" NOT NULL GENERATED ALWAYS AS (search_spelling(name)) STORED,
    ADD COLUMN search_runs text[] NOT NULL GENERATED ALWAYS AS (search_runs(search_spelling(name))) STORED;

CREATE INDEX organisation_by_name ON organisation (search_name, organisation_id);
CREATE INDEX organisation_by_area ON organisation (area, search_name, organisation_id);
CREATE INDEX organisation_by_parent ON organisation (parent_id) WHERE parent_id IS NOT NULL;
CREATE INDEX organisation_by_run ON organisation USING gin (search_runs);

-- Who acts for an organisation, whatever his role: sees its page, makes its group codes, sends the roll of its
-- volunteers. It holds while the person is approved and belongs to the organisation.
CREATE TABLE organisation_contact (
    organisation_id uuid        NOT NULL REFERENCES organisation,
    person_id       uuid        NOT NULL REFERENCES person,
    valid_from      timestamptz NOT NULL,
    valid_to        timestamptz,
    appointed_by    uuid        NOT NULL,
    ended_by        uuid,
    PRIMARY KEY (organisation_id, person_id, valid_from)
);

CREATE INDEX organisation_contact_by_person ON organisation_contact (person_id);

-- How many sign-ups a code was made for; uses - uses_left have been spent.
ALTER TABLE group_code ADD COLUMN uses integer;
UPDATE group_code SET uses = greatest(uses_left, 1);
ALTER TABLE group_code ALTER COLUMN uses SET NOT NULL, ADD CHECK (uses >= uses_left);

CREATE INDEX group_code_by_organisation ON group_code (organisation_id, created_at);

-- migrate:down

DROP INDEX group_code_by_organisation;
ALTER TABLE group_code DROP COLUMN uses;
DROP TABLE organisation_contact;
ALTER TABLE organisation DROP COLUMN search_runs, DROP COLUMN search_name;
DROP FUNCTION search_runs(text);
DROP FUNCTION search_spelling(text);
