-- migrate:up

-- What month reports are made from. Rows of before this migration lack what it adds: they are counted anew when the projections are
-- next rebuilt from the streams.

-- Visits after a first one that were made to follow it up, and what came of them. They only grow.
ALTER TABLE survey_subdistrict
    ADD COLUMN follow_ups   bigint NOT NULL DEFAULT 0,  -- recorded submissions of that kind
    ADD COLUMN followed_up  bigint NOT NULL DEFAULT 0,  -- persons of the household who wanted vaccine before
    ADD COLUMN vaccinated   bigint NOT NULL DEFAULT 0;  -- doses that its persons had got since

ALTER TABLE survey_day
    ADD COLUMN follow_ups   bigint NOT NULL DEFAULT 0,
    ADD COLUMN followed_up  bigint NOT NULL DEFAULT 0,
    ADD COLUMN vaccinated   bigint NOT NULL DEFAULT 0;

-- What each volunteer did for which organisation, where, by month of capture. The month and the subdistrict stand first: a month
-- is read area by area, and a batch of a subdistrict touches neighbouring rows.
ALTER TABLE volunteer_month RENAME TO volunteer_month_before;
DROP INDEX volunteer_month_by_organisation;

CREATE TABLE volunteer_month (
    month            date NOT NULL,                -- its first day
    subdistrict      text COLLATE "C" NOT NULL,    -- empty: counted before places were kept
    volunteer_id     uuid,                         -- null: nobody's visit, an erasure
    organisation_id  uuid,                         -- null: through nobody
    submissions      bigint NOT NULL DEFAULT 0,    -- as in survey_subdistrict, and so on
    superseded       bigint NOT NULL DEFAULT 0,
    households       bigint NOT NULL DEFAULT 0,
    revisits         bigint NOT NULL DEFAULT 0,
    persons          bigint NOT NULL DEFAULT 0,
    dose_0           bigint NOT NULL DEFAULT 0,
    wanting          bigint NOT NULL DEFAULT 0,
    follow_ups       bigint NOT NULL DEFAULT 0,
    followed_up      bigint NOT NULL DEFAULT 0,
    vaccinated       bigint NOT NULL DEFAULT 0,
    UNIQUE NULLS NOT DISTINCT (month, subdistrict, volunteer_id, organisation_id)
) WITH (fillfactor = 70);

INSERT INTO volunteer_month (month, subdistrict, volunteer_id, organisation_id, submissions, superseded)
SELECT month, '', volunteer_id, organisation_id, submissions, superseded FROM volunteer_month_before;

DROP TABLE volunteer_month_before;

CREATE INDEX volunteer_month_by_organisation ON volunteer_month (organisation_id, month);

-- What was done to places, by month of the change: events of either stream of places.
CREATE TABLE place_month (
    month            date NOT NULL,
    area             text COLLATE "C" NOT NULL,    -- the subdistrict of the place after the change
    organisation_id  uuid,                         -- the agency that keeps the place's data
    changed_by       uuid,                         -- the account that made the change
    entered          bigint NOT NULL DEFAULT 0,
    updated          bigint NOT NULL DEFAULT 0,
    confirmed        bigint NOT NULL DEFAULT 0,
    closed           bigint NOT NULL DEFAULT 0,
    UNIQUE NULLS NOT DISTINCT (month, area, organisation_id, changed_by)
) WITH (fillfactor = 70);

-- People by the month in which they first signed up, where and through whom they are now.
CREATE TABLE registration_month (
    month              date NOT NULL,
    area               text COLLATE "C" NOT NULL,  -- 0, 2, 4 or 6 digits: where the role is held
    organisation_id    uuid,
    organisation_kind  text COLLATE "C",
    role               text COLLATE "C" NOT NULL,
    people             bigint NOT NULL DEFAULT 0,
    UNIQUE NULLS NOT DISTINCT (month, area, organisation_id, organisation_kind, role)
) WITH (fillfactor = 70);

-- Requests for help as they stand; sums of (after - before).
CREATE TABLE help_count (
    area      text COLLATE "C" NOT NULL,
    kind      text COLLATE "C" NOT NULL,
    status    text COLLATE "C" NOT NULL,
    requests  bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (area, kind, status)
) WITH (fillfactor = 70);

-- Requests for help that were done, by the month in which they were.
CREATE TABLE help_month (
    month   date NOT NULL,
    area    text COLLATE "C" NOT NULL,
    closed  bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (month, area)
) WITH (fillfactor = 70);

-- migrate:down

DROP TABLE help_month;
DROP TABLE help_count;
DROP TABLE registration_month;
DROP TABLE place_month;

ALTER TABLE volunteer_month RENAME TO volunteer_month_after;
DROP INDEX volunteer_month_by_organisation;

CREATE TABLE volunteer_month (
    volunteer_id     uuid NOT NULL,
    organisation_id  uuid,
    month            date NOT NULL,
    submissions      bigint NOT NULL DEFAULT 0,
    superseded       bigint NOT NULL DEFAULT 0,
    UNIQUE NULLS NOT DISTINCT (volunteer_id, organisation_id, month)
) WITH (fillfactor = 70);

INSERT INTO volunteer_month (volunteer_id, organisation_id, month, submissions, superseded)
SELECT volunteer_id, organisation_id, month, sum(submissions), sum(superseded)
FROM volunteer_month_after
WHERE volunteer_id IS NOT NULL
GROUP BY 1, 2, 3;

DROP TABLE volunteer_month_after;

CREATE INDEX volunteer_month_by_organisation ON volunteer_month (organisation_id, month);

ALTER TABLE survey_day DROP COLUMN follow_ups, DROP COLUMN followed_up, DROP COLUMN vaccinated;
ALTER TABLE survey_subdistrict DROP COLUMN follow_ups, DROP COLUMN followed_up, DROP COLUMN vaccinated;
