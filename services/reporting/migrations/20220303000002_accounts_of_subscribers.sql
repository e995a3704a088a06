-- migrate:up

-- Who was shut out, such as after a theft, and is let in again under another name has the account that he had.
ALTER TABLE subscriber DROP CONSTRAINT subscriber_client_id_key;
CREATE UNIQUE INDEX subscriber_client_id ON subscriber (client_id) WHERE revoked_at IS NULL;

-- migrate:down

DROP INDEX subscriber_client_id;
ALTER TABLE subscriber ADD CONSTRAINT subscriber_client_id_key UNIQUE (client_id);
