-- migrate:up

-- Persons to reach: those whom a household's standing survey names as wanting vaccine and lacking it, with what each counts for
-- now, and what came of following up. A person without a name or number in it: those lie sealed in the submission.
CREATE TABLE reach (
    household_id     uuid        NOT NULL,
    person_id        uuid        NOT NULL,  -- keyed hash: of the national id, else of household and name, else of household and place
    area             text        NOT NULL,  -- subdistrict, 6 digits
    village          text,                  -- 8 digits
    registered_area  text,                  -- where the person is registered, when that is elsewhere
    submission_id    uuid        NOT NULL,  -- the survey that names the person
    place            smallint    NOT NULL,  -- which of its persons, from 0
    rank             smallint    NOT NULL,  -- by the priorities of the day (services/survey/reach/priorities.py), 0 first
    wanting_since    timestamptz NOT NULL,  -- when a visit first heard so
    dose             smallint    NOT NULL,  -- the highest had, 3 for more
    at_risk          boolean     NOT NULL,  -- the group 608
    home_visit       boolean     NOT NULL,
    reasons          text[],
    status           text        NOT NULL,  -- open, appointed, vaccinated, changed_mind, moved, not_found, died
    due_at           timestamptz,           -- of an appointment, or by when to try again
    followed_at      timestamptz,           -- captured_at of the latest follow-up
    cell_row         smallint,              -- grid cell of a hundredth of a degree, as in volunteer_sighting
    cell_column      smallint,
    tokens           bigint[],              -- keyed hashes of phone and words of the name: what a search asks for
    PRIMARY KEY (household_id, person_id)
) WITH (fillfactor = 80);

-- Every recorded follow-up, by which a later survey of the household is brought up to date.
CREATE TABLE follow_up (
    submission_id  uuid        PRIMARY KEY,  -- the row of `submission` of kind follow_up
    household_id   uuid        NOT NULL,
    person_id      uuid        NOT NULL,
    captured_at    timestamptz NOT NULL,
    outcome        text        NOT NULL,
    dose           smallint,                 -- when vaccinated: which
    due_at         timestamptz,              -- when appointed, or to be tried again
    facility_id    uuid                      -- when appointed: the vaccination point
);

CREATE INDEX follow_up_household ON follow_up (household_id, person_id, captured_at);

-- migrate:down

DROP TABLE follow_up;
DROP TABLE reach;
