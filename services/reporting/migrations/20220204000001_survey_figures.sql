-- migrate:up

-- Every figure is a sum of (after - before) over the events applied so far, so the order of submissions does not matter, and a
-- corrected or erased household takes away exactly what it brought. A day is the day in Thailand on which a submission was
-- captured; figures of one day may therefore be negative, their sums never are.
--
-- Counters are bigint: whatever an event that fits the contract holds, a batch never fails to commit on an overflow.
-- Codes are compared byte by byte (COLLATE "C"), so that a range of codes is a prefix; the free space in each page lets an
-- update stay in its page without touching the index.

-- What survey campaigns are watched by: one row per subdistrict, the sum of its days. Kept because a national answer sums 7,436
-- rows here and 60 times as many by day.
CREATE TABLE survey_subdistrict (
    subdistrict  text COLLATE "C" PRIMARY KEY,
    submissions  bigint NOT NULL DEFAULT 0,  -- visits, superseded ones included, erasures not
    superseded   bigint NOT NULL DEFAULT 0,  -- of them: a later visit already stood
    households   bigint NOT NULL DEFAULT 0,  -- households with counts
    revisits     bigint NOT NULL DEFAULT 0,  -- recorded visits to households that had counts already
    persons      bigint NOT NULL DEFAULT 0,
    dose_0       bigint NOT NULL DEFAULT 0,
    dose_1       bigint NOT NULL DEFAULT 0,
    dose_2       bigint NOT NULL DEFAULT 0,
    dose_3       bigint NOT NULL DEFAULT 0,
    wanting      bigint NOT NULL DEFAULT 0,
    wanting_608  bigint NOT NULL DEFAULT 0,
    undecided    bigint NOT NULL DEFAULT 0,
    refusing     bigint NOT NULL DEFAULT 0,
    home_visit   bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);

-- The same by day: what month reports are made from.
CREATE TABLE survey_day (
    subdistrict  text COLLATE "C" NOT NULL,
    day          date NOT NULL,
    submissions  bigint NOT NULL DEFAULT 0,
    superseded   bigint NOT NULL DEFAULT 0,
    households   bigint NOT NULL DEFAULT 0,
    revisits     bigint NOT NULL DEFAULT 0,
    persons      bigint NOT NULL DEFAULT 0,
    dose_0       bigint NOT NULL DEFAULT 0,
    dose_1       bigint NOT NULL DEFAULT 0,
    dose_2       bigint NOT NULL DEFAULT 0,
    dose_3       bigint NOT NULL DEFAULT 0,
    wanting      bigint NOT NULL DEFAULT 0,
    wanting_608  bigint NOT NULL DEFAULT 0,
    undecided    bigint NOT NULL DEFAULT 0,
    refusing     bigint NOT NULL DEFAULT 0,
    home_visit   bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (subdistrict, day)
) WITH (fillfactor = 70);

-- Persons by reason for not being vaccinated; a person may give several.
CREATE TABLE reason_subdistrict (
    subdistrict  text COLLATE "C" NOT NULL,
    reason       text COLLATE "C" NOT NULL,
    persons      bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (subdistrict, reason)
) WITH (fillfactor = 50);

-- The same by district: national and provincial answers sum 16,000 rows here instead of 126,000.
CREATE TABLE reason_district (
    district     text COLLATE "C" NOT NULL,
    reason       text COLLATE "C" NOT NULL,
    persons      bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (district, reason)
) WITH (fillfactor = 50);

CREATE TABLE reason_day (
    subdistrict  text COLLATE "C" NOT NULL,
    day          date NOT NULL,
    reason       text COLLATE "C" NOT NULL,
    persons      bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (subdistrict, day, reason)
) WITH (fillfactor = 70);

-- What each volunteer did for which organisation, by month of capture.
CREATE TABLE volunteer_month (
    volunteer_id     uuid NOT NULL,
    organisation_id  uuid,                        -- null: through nobody
    month            date NOT NULL,               -- its first day
    submissions      bigint NOT NULL DEFAULT 0,
    superseded       bigint NOT NULL DEFAULT 0,
    UNIQUE NULLS NOT DISTINCT (volunteer_id, organisation_id, month)
) WITH (fillfactor = 70);

-- migrate:down

DROP TABLE volunteer_month;
DROP TABLE reason_day;
DROP TABLE reason_district;
DROP TABLE reason_subdistrict;
DROP TABLE survey_day;
DROP TABLE survey_subdistrict;
