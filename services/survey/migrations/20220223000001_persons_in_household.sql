-- migrate:up

-- Persons to reach stand in their household's row, where the recorder reads and writes them; `reach` with its indexes is made from
-- them behind it, by survey-lister. JSON, a list of objects: services/survey/household.py says what each has (`Reached`).
ALTER TABLE household ADD COLUMN reach json;

UPDATE household
SET reach = listed.persons
FROM (
    SELECT household_id,
           json_agg(json_strip_nulls(json_build_object(
               'person_id', person_id, 'place', place, 'rank', rank, 'wanting_since', wanting_since, 'dose', dose,
               'surveyed_dose', surveyed_dose, 'at_risk', at_risk, 'home_visit', home_visit,
               'registered_area', registered_area, 'reasons', coalesce(reasons, '{}'), 'status', status, 'due_at', due_at,
               'facility_id', facility_id, 'followed_at', followed_at, 'cell_row', cell_row, 'cell_column', cell_column,
               'tokens', coalesce(tokens, '{}'))) ORDER BY place) AS persons
    FROM reach
    GROUP BY household_id
) AS listed
WHERE household.household_id = listed.household_id;

-- A person's row is changed from now on and not written anew, and who is on no list any more has no claim either.
DROP TRIGGER reach_takes_over_claims ON reach;
DROP FUNCTION reach_takes_over_claims();

-- A province is walked as a subdistrict is, and the country merged from its 77, instead of a province from up to 289 subdistricts.
ALTER TABLE reach ADD COLUMN province text GENERATED ALWAYS AS (left(area, 2)) STORED;
CREATE INDEX reach_next_province ON reach (province, status, owned, rank, wanting_since, household_id, person_id);
CREATE INDEX reach_due_province ON reach (province, status, due_first, household_id, person_id) WHERE due_first IS NOT NULL;
DROP INDEX reach_next_country;
DROP INDEX reach_due_country;

-- migrate:down

CREATE INDEX reach_due_country ON reach (status, due_first, household_id, person_id) WHERE due_first IS NOT NULL;
CREATE INDEX reach_next_country ON reach (status, owned, rank, wanting_since, household_id, person_id);
DROP INDEX reach_due_province;
DROP INDEX reach_next_province;
ALTER TABLE reach DROP COLUMN province;

CREATE FUNCTION reach_takes_over_claims() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE reach
    SET owner = held.volunteer_id, owner_due_at = held.due_at
    FROM (
        SELECT household_id, person_id, claim.volunteer_id, claim.due_at
        FROM claim JOIN fresh USING (household_id, person_id)
        FOR SHARE OF claim
    ) AS held
    WHERE reach.household_id = held.household_id AND reach.person_id = held.person_id;
    RETURN NULL;
END
$$;

CREATE TRIGGER reach_takes_over_claims AFTER INSERT ON reach REFERENCING NEW TABLE AS fresh
FOR EACH STATEMENT EXECUTE FUNCTION reach_takes_over_claims();

ALTER TABLE household DROP COLUMN reach;
