-- migrate:up

-- Who has taken a person to reach, or was given one, until when. Past expires_at it counts for nothing, whether or not the keeper
-- has removed it. The row outlives that of the person: a new survey of the household may write `reach` anew.
CREATE TABLE claim (
    household_id  uuid        NOT NULL,
    person_id     uuid        NOT NULL,
    volunteer_id  uuid        NOT NULL,
    claimed_at    timestamptz NOT NULL,
    due_at        timestamptz NOT NULL,  -- by when the visit is promised
    expires_at    timestamptz NOT NULL,  -- when the person is free again
    assigned_by   uuid,                  -- who gave it; null: taken by the volunteer
    PRIMARY KEY (household_id, person_id)
) WITH (fillfactor = 80);

CREATE INDEX claim_volunteer ON claim (volunteer_id, household_id);
CREATE INDEX claim_expiry ON claim (expires_at);

-- What the lists are ordered and chosen by, beside what the recorder writes. The first two repeat the claim, since a list of those
-- whom nobody has taken would otherwise have to step over all who are; the claims' statements and the trigger below keep them.
ALTER TABLE reach ADD COLUMN owner uuid;
ALTER TABLE reach ADD COLUMN owner_due_at timestamptz;
ALTER TABLE reach ADD COLUMN owned boolean GENERATED ALWAYS AS (owner IS NOT NULL) STORED;  -- a column, so that indexes alone answer
ALTER TABLE reach ADD COLUMN due_first timestamptz GENERATED ALWAYS AS (
    CASE WHEN status IN ('open', 'appointed') THEN least(due_at, owner_due_at) END
) STORED;  -- an appointment, a new attempt or a promised visit, whichever is first: past it the person is late

-- By priority: of a subdistrict, several of which are merged to a district or province, and of the country.
CREATE INDEX reach_next ON reach (area, status, owned, rank, wanting_since, household_id, person_id);
CREATE INDEX reach_next_country ON reach (status, owned, rank, wanting_since, household_id, person_id);
-- By date: what is late, and appointments.
CREATE INDEX reach_due ON reach (area, status, due_first, household_id, person_id) WHERE due_first IS NOT NULL;
CREATE INDEX reach_due_country ON reach (status, due_first, household_id, person_id) WHERE due_first IS NOT NULL;
-- The households of one person.
CREATE INDEX reach_person ON reach (person_id);
-- A search by name or phone.
CREATE INDEX reach_tokens ON reach USING gin (tokens);

-- A row written anew, as when its household is surveyed again, takes over the claim that stands.
CREATE FUNCTION reach_takes_over_claims() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE reach
    SET owner = claim.volunteer_id, owner_due_at = claim.due_at
    FROM fresh JOIN claim USING (household_id, person_id)
    WHERE reach.household_id = claim.household_id AND reach.person_id = claim.person_id;
    RETURN NULL;
END
$$;

CREATE TRIGGER reach_takes_over_claims AFTER INSERT ON reach REFERENCING NEW TABLE AS fresh
FOR EACH STATEMENT EXECUTE FUNCTION reach_takes_over_claims();

-- Appointments at a point by day, against its capacity.
CREATE INDEX reach_appointment ON reach (facility_id, due_at) WHERE facility_id IS NOT NULL;

-- Vaccination points as the register of places told them last, so that they are here while it is away. Closed ones stay: an
-- appointment may name them.
CREATE TABLE vaccination_point (
    facility_id    uuid        PRIMARY KEY,
    revision       integer     NOT NULL,
    name           text        NOT NULL,
    area           text        NOT NULL,  -- subdistrict, 6 digits
    lat            double precision,
    lon            double precision,
    status         text        NOT NULL,  -- open, full, suspended, closed
    capacity       integer,               -- persons a day
    hours          jsonb       NOT NULL,  -- as in facility-updated
    hours_note     text
);

CREATE INDEX vaccination_point_area ON vaccination_point (area);

-- migrate:down

DROP TABLE vaccination_point;
DROP INDEX reach_appointment;
DROP TRIGGER reach_takes_over_claims ON reach;
DROP FUNCTION reach_takes_over_claims();
DROP INDEX reach_tokens;
DROP INDEX reach_person;
DROP INDEX reach_due_country;
DROP INDEX reach_due;
DROP INDEX reach_next_country;
DROP INDEX reach_next;
ALTER TABLE reach DROP COLUMN due_first;
ALTER TABLE reach DROP COLUMN owned;
ALTER TABLE reach DROP COLUMN owner_due_at;
ALTER TABLE reach DROP COLUMN owner;
DROP TABLE claim;
