-- migrate:up

-- How far retention has looked at what was recorded, by purpose and partition of survey-intake.
CREATE TABLE retention_progress (
    purpose    text    NOT NULL,
    partition  integer NOT NULL,
    sequence   bigint  NOT NULL,
    PRIMARY KEY (purpose, partition)
);

-- migrate:down

DROP TABLE retention_progress;
