-- migrate:up

-- One spelling for searches and for telling whether two names are one. Thai has no spaces between words, and people type
-- the spaces, digits and vowels that there are in many ways; abbreviations are written out.
CREATE FUNCTION search_spelling(name text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN regexp_replace(
    regexp_replace(
        regexp_replace(
            replace(
                regexp_replace(
                    lower(translate(
                        regexp_replace(normalize(name, NFC), '[\s\u00ad\u200b-\u200f\u2060\ufeff"'']+', '', 'g'),
                        '๐๑๒๓๔๕๖๗๘๙', '0123456789'
                    )),
                    '\u0e4d([\u0e48-\u0e4b]?)\u0e32', E'\\1\u0e33', 'g'  -- nikhahit and aa, typed in pieces, are am
                ),
                E'\u0e40\u0e40', E'\u0e41'                               -- as two e are ae
            ),
            'รพ\.?สต\.?', 'โรงพยาบาลส่งเสริมสุขภาพตำบล', 'g'
        ),
        '(^รพ\.?|รพ\.)', 'โรงพยาบาล', 'g'
    ),
    '(ศูนย์พักคอยชุมชน|ศูนย์พักคอยฯ|communityisolation)', 'ศูนย์พักคอย', 'g'
);

-- All runs of three characters: what contains a searched text contains all of its runs, and an index finds these.
-- pg_trgm would not do: to it a Thai vowel or tone mark ends a word, and words of one letter have no trigrams of use.
CREATE FUNCTION search_runs(spelling text) RETURNS text[] LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN ARRAY(SELECT DISTINCT substr(spelling, n, 3) FROM generate_series(1, char_length(spelling) - 2) AS n);

-- Where a place lies on a plane on which distances compare: a degree of longitude is 0.97 of one of latitude in the
-- middle of the country, and between 0.94 and 0.995 at its ends.
CREATE FUNCTION on_plane(lat double precision, lon double precision) RETURNS point
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN point(lon * 0.97, lat);

ALTER TABLE facility
    ADD COLUMN search_name text COLLATE "C" NOT NULL GENERATED ALWAYS AS (search_spelling(name)) STORED,
    ADD COLUMN search_runs text[] NOT NULL GENERATED ALWAYS AS (search_runs(search_spelling(name))) STORED;

CREATE INDEX facility_by_name ON facility (search_name, facility_id);
CREATE INDEX facility_by_run ON facility USING gin (search_runs);
CREATE INDEX facility_by_position ON facility USING gist (on_plane(lat, lon)) WHERE lat IS NOT NULL;
CREATE INDEX facility_merged ON facility (merged_into) WHERE merged_into IS NOT NULL;

-- Pairs that somebody has looked at and found to be two places; never suggested again.
CREATE TABLE duplicate_dismissal (
    one          uuid        NOT NULL REFERENCES facility,
    other        uuid        NOT NULL REFERENCES facility CHECK (one < other),
    dismissed_by uuid        NOT NULL,
    dismissed_at timestamptz NOT NULL,
    PRIMARY KEY (one, other)
);

-- migrate:down

DROP TABLE duplicate_dismissal;
DROP INDEX facility_merged;
ALTER TABLE facility DROP search_runs, DROP search_name;
DROP INDEX facility_by_position;
DROP FUNCTION on_plane(double precision, double precision);
DROP FUNCTION search_runs(text);
DROP FUNCTION search_spelling(text);
