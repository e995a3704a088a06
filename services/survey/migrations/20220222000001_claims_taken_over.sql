-- migrate:up

-- Whoever ends a claim while a row of its person is written anew waits until that is done, or the row has no owner: without the lock
-- the new row could go on naming an owner whose claim is gone.
CREATE OR REPLACE FUNCTION reach_takes_over_claims() RETURNS trigger LANGUAGE plpgsql AS $$
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

-- migrate:down

CREATE OR REPLACE FUNCTION reach_takes_over_claims() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE reach
    SET owner = claim.volunteer_id, owner_due_at = claim.due_at
    FROM fresh JOIN claim USING (household_id, person_id)
    WHERE reach.household_id = claim.household_id AND reach.person_id = claim.person_id;
    RETURN NULL;
END
$$;
