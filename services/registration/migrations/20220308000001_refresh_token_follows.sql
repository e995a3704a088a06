-- migrate:up

-- The token for which this one was given. A used token is good again until the one that followed it is used: the answer that
-- brought that one may have been lost. It is replaced then, which `used_at` says as well, and of those that follow one token only
-- the last can be used.
ALTER TABLE refresh_token ADD COLUMN follows bytea;

-- migrate:down

ALTER TABLE refresh_token DROP COLUMN follows;
