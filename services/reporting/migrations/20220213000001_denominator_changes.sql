-- migrate:up

-- Answers are kept as long as what they are made of stays the same. Of the streams their progress tells that; the tables that
-- percentages are of change by hand, so whoever changes them, in whatever way, counts here.
CREATE TABLE denominator_change (
    one      boolean PRIMARY KEY DEFAULT true CHECK (one),
    changes  bigint NOT NULL
) WITH (fillfactor = 50);

INSERT INTO denominator_change (changes) VALUES (0);

CREATE FUNCTION count_denominator_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE denominator_change SET changes = changes + 1;
    RETURN NULL;
END
$$;

CREATE TRIGGER denominator_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON denominator
    FOR EACH STATEMENT EXECUTE FUNCTION count_denominator_change();

-- migrate:down

DROP TRIGGER denominator_changed ON denominator;
DROP FUNCTION count_denominator_change();
DROP TABLE denominator_change;
