-- migrate:up

-- The revisions of closed months: 1 is the closing, each further one a correction. A month without any is open.
CREATE TABLE month_close (
    month      date NOT NULL CHECK (extract(day FROM month) = 1),
    revision   integer NOT NULL CHECK (revision > 0),
    closed_at  timestamptz NOT NULL,
    closed_by  text NOT NULL,              -- an account, "schedule" or "command"
    reason     text CHECK ((reason IS NULL) = (revision = 1)),
    hash       text NOT NULL,              -- SHA-256 of all rows of the month as of this revision
    rows       bigint NOT NULL,            -- how many those are
    positions  jsonb NOT NULL,             -- of the streams that they were made from
    as_of      jsonb NOT NULL,             -- how new they were
    PRIMARY KEY (month, revision)
);

-- The rows: all of them in revision 1, in a further one those that differ from the revision before, zeros for a row that is gone.
-- Volunteers active do not add up over areas, so the sums are frozen as well as what they are made from.
CREATE TABLE month_row (
    month                  date NOT NULL,
    revision               integer NOT NULL,
    grain                  text COLLATE "C" NOT NULL CHECK (grain IN ('area', 'organisation', 'account')),
    area                   text COLLATE "C" NOT NULL,  -- 0, 2, 4 or 6 digits; of an account, where it was done
    organisation_id        uuid,
    account_id             uuid,
    volunteers_registered  bigint NOT NULL,
    volunteers_active      bigint NOT NULL,
    households_new         bigint NOT NULL,
    households_revisited   bigint NOT NULL,
    persons                bigint NOT NULL,
    unvaccinated           bigint NOT NULL,
    wanting                bigint NOT NULL,
    followed_up            bigint NOT NULL,
    vaccinated             bigint NOT NULL,
    places_entered         bigint NOT NULL,
    places_confirmed       bigint NOT NULL,
    help_closed            bigint NOT NULL
);

CREATE UNIQUE INDEX month_row_by_area
    ON month_row (month, grain, area, organisation_id, account_id, revision DESC) NULLS NOT DISTINCT;

-- A closed month is not changed, by nobody and by no mistake.
CREATE FUNCTION month_is_closed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a closed month is never changed';
END
$$;

CREATE TRIGGER never_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON month_close
    FOR EACH STATEMENT EXECUTE FUNCTION month_is_closed();
CREATE TRIGGER never_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON month_row
    FOR EACH STATEMENT EXECUTE FUNCTION month_is_closed();

-- migrate:down

DROP TABLE month_row;
DROP TABLE month_close;
DROP FUNCTION month_is_closed;
