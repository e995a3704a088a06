-- migrate:up

-- The secret before the present one goes on being good for a while, so that a system need not stop for a new one.
ALTER TABLE client
    ADD COLUMN created_by         uuid,     -- null: by a command on the machine
    ADD COLUMN former_secret_hash bytea,
    ADD COLUMN former_until       timestamptz;

ALTER TABLE client ALTER COLUMN area SET DATA TYPE text COLLATE "C";
CREATE INDEX client_by_creation ON client (created_at, client_id);

-- migrate:down

DROP INDEX client_by_creation;
ALTER TABLE client ALTER COLUMN area SET DATA TYPE text COLLATE "default";
ALTER TABLE client DROP COLUMN former_until, DROP COLUMN former_secret_hash, DROP COLUMN created_by;
