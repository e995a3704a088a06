-- migrate:up

-- Who was shut out, such as after a theft, and is let in again under another name has the account that he had.
-- squawk-ignore ban-drop-constraint -- the index below takes its place, for all who are let in
ALTER TABLE subscriber DROP CONSTRAINT subscriber_client_id_key;
-- squawk-ignore require-concurrent-index-creation -- some hundred rows
CREATE UNIQUE INDEX subscriber_client_id ON subscriber (client_id) WHERE revoked_at IS NULL;

-- migrate:down

DROP INDEX subscriber_client_id;
ALTER TABLE subscriber ADD CONSTRAINT subscriber_client_id_key UNIQUE (client_id);
