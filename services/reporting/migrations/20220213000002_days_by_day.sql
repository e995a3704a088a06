-- migrate:up

-- How things stood on a recent day is what stands now less what came since: the days since are found by this index instead of
-- reading the whole campaign. Counting up a row touches none of its columns.
CREATE INDEX survey_day_by_day ON survey_day (day);

-- migrate:down

DROP INDEX survey_day_by_day;
