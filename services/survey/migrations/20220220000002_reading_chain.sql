-- migrate:up

-- The audit log that nobody changes unseen. Each row of `reading` is followed, in the order of `position`, by a link whose hash covers the
-- link before it and the row's content. The local stack then gives both tables to a role of their own (deploy/local/postgres.py): the
-- service may add and read, and neither change nor delete.
CREATE TABLE reading_link (
    position    bigint      PRIMARY KEY,  -- 1, 2, 3, without a gap
    reading_id  bigint      NOT NULL UNIQUE,
    read_at     timestamptz NOT NULL,     -- the row's, which outlives it
    linked_at   timestamptz NOT NULL,
    content     bytea       NOT NULL,     -- SHA-256 of the row's columns
    hash        bytea       NOT NULL      -- SHA-256 of the hash before it and everything here
);

-- Rows that wait for their link. Numbers are given before transactions commit, so that a lower one may come later than a higher one:
-- what waits is known by this table and not by the highest number.
CREATE TABLE reading_waiting (
    reading_id bigint PRIMARY KEY
);

CREATE FUNCTION await_link() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO reading_waiting SELECT id FROM added;
    RETURN NULL;
END
$$;

CREATE TRIGGER reading_waits AFTER INSERT ON reading
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION await_link();

INSERT INTO reading_waiting SELECT id FROM reading;

-- Readings are kept for two years. Their content goes then, and their links stay: the chain can still be followed. This is the one way to
-- delete, and it deletes nothing younger, whatever it is asked.
CREATE FUNCTION forget_readings(before timestamptz, most integer) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp
BEGIN ATOMIC
    WITH forgotten AS (
        DELETE FROM reading
        WHERE id IN (
            SELECT r.id
            FROM reading AS r JOIN reading_link AS l ON l.reading_id = r.id
            WHERE r.read_at < least(before, now() - interval '2 years')
            ORDER BY r.read_at
            LIMIT least(most, 10000)
        )
        RETURNING id
    )
    SELECT count(*) FROM forgotten;
END;

CREATE INDEX reading_time ON reading (read_at, id);
CREATE INDEX reading_household ON reading USING gin (households);

-- migrate:down

DROP INDEX reading_household;
DROP INDEX reading_time;
DROP FUNCTION forget_readings(timestamptz, integer);
DROP TRIGGER reading_waits ON reading;
DROP FUNCTION await_link();
DROP TABLE reading_waiting;
DROP TABLE reading_link;
