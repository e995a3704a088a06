-- migrate:up

-- What an organisation's volunteers did, month by month. Counting up a row touches none of these columns.
CREATE INDEX volunteer_month_by_organisation ON volunteer_month (organisation_id, month);

-- migrate:down

DROP INDEX volunteer_month_by_organisation;
