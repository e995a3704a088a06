-- migrate:up

-- Events of so many partitions may be on their way at once, if the subscriber wants it: then some are delivered while one
-- before them is not.
ALTER TABLE webhook_subscription ADD COLUMN at_once smallint NOT NULL DEFAULT 1;
ALTER TABLE webhook_message ADD COLUMN delivered boolean NOT NULL DEFAULT false;

-- migrate:down

ALTER TABLE webhook_message DROP COLUMN delivered;
ALTER TABLE webhook_subscription DROP COLUMN at_once;
