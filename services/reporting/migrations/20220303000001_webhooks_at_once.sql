-- migrate:up

-- Events of several partitions are on their way at once: some are delivered while one before them is not.
ALTER TABLE webhook_message ADD COLUMN delivered boolean NOT NULL DEFAULT false;

-- migrate:down

ALTER TABLE webhook_message DROP COLUMN delivered;
