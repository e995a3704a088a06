-- migrate:up

-- The sums of months that are still counted, as of a moment ago: over a million rows of volunteers they take seconds, and readers
-- wait for milliseconds. Made from the projections by the keeper; may be emptied at any time.
CREATE TABLE month_sum (
    month                  date NOT NULL,
    grain                  text COLLATE "C" NOT NULL CHECK (grain IN ('area', 'organisation')),
    area                   text COLLATE "C" NOT NULL,
    organisation_id        uuid,
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
    help_closed            bigint NOT NULL,
    UNIQUE NULLS NOT DISTINCT (month, grain, area, organisation_id)
) WITH (fillfactor = 70);

CREATE TABLE month_summed (
    month      date PRIMARY KEY,
    as_of      jsonb NOT NULL,          -- how new the sums are
    events     bigint NOT NULL          -- how many had been applied, of all streams: as long as it are as many, nothing is new
);

-- migrate:down

DROP TABLE month_summed;
DROP TABLE month_sum;
