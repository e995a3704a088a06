-- migrate:up

-- Who asked for the step that an import is in: a coordinator may apply what an officer has sent, and a place's history
-- names who did it. Null until somebody asks for more than the first check: then it is the sender.
ALTER TABLE facility_import
    ADD COLUMN asked_by           uuid,
    ADD COLUMN asked_organisation uuid,
    ADD COLUMN asked_role         text,
    ADD COLUMN asked_area         text COLLATE "C",
    ADD CHECK (num_nulls(asked_by, asked_role, asked_area) IN (0, 3));

-- migrate:down

ALTER TABLE facility_import
    DROP COLUMN asked_by, DROP COLUMN asked_organisation, DROP COLUMN asked_role, DROP COLUMN asked_area;
