-- migrate:up

-- Residents are who really lives in an area, population who is registered there: two kinds, never mixed.
ALTER TABLE denominator DROP CONSTRAINT denominator_kind_check;
ALTER TABLE denominator ADD CONSTRAINT denominator_kind_check CHECK (kind IN ('houses', 'population', 'residents'));

-- Every table that ever was put in, as it was given: a percentage of last month can be followed back to what it was of. `denominator`
-- has the values that count now.
CREATE TABLE denominator_table (
    table_id  uuid PRIMARY KEY,
    kind      text COLLATE "C" NOT NULL CHECK (kind IN ('houses', 'population', 'residents')),
    dated     date NOT NULL,
    source    text NOT NULL,
    areas     text[] NOT NULL,           -- those that were given, by code
    counts    bigint[] NOT NULL,         -- their values, in the same order
    derived   integer NOT NULL,          -- areas above them that were summed up
    total     bigint,                    -- of the country, given or summed up; null where it is neither
    set_by    uuid NOT NULL,
    set_at    timestamptz NOT NULL,
    ended_at  timestamptz,               -- replaced by a later one of the same kind and date, or taken back
    ended_by  uuid,
    CHECK (cardinality(areas) = cardinality(counts)),
    CHECK ((ended_at IS NULL) = (ended_by IS NULL))
);

CREATE UNIQUE INDEX denominator_table_in_use ON denominator_table (kind, dated) WHERE ended_at IS NULL;
CREATE INDEX denominator_table_by_time ON denominator_table (set_at DESC, table_id);

-- What was put in before there was this record.
INSERT INTO denominator_table (table_id, kind, dated, source, areas, counts, derived, total, set_by, set_at)
SELECT gen_random_uuid(), kind, dated, min(source),
       coalesce(array_agg(area ORDER BY area) FILTER (WHERE NOT derived), '{}'),
       coalesce(array_agg(value ORDER BY area) FILTER (WHERE NOT derived), '{}'),
       count(*) FILTER (WHERE derived), sum(value) FILTER (WHERE area = ''),
       (array_agg(set_by))[1], max(set_at)
FROM denominator
GROUP BY kind, dated;

-- migrate:down

DROP TABLE denominator_table;
DELETE FROM denominator WHERE kind = 'residents';
ALTER TABLE denominator DROP CONSTRAINT denominator_kind_check;
ALTER TABLE denominator ADD CONSTRAINT denominator_kind_check CHECK (kind IN ('houses', 'population'));
