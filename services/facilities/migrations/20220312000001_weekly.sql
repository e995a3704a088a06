-- migrate:up

-- An officer's week: the places of his organisation, which wait for longest first.
CREATE INDEX facility_of_organisation_by_confirmation ON facility (organisation_id, confirmed_at, facility_id)
    WHERE status <> 'closed';

-- migrate:down

DROP INDEX facility_of_organisation_by_confirmation;
