-- migrate:up

-- Who read whose personal data, when and for what.
CREATE TABLE reading (
    id          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    read_at     timestamptz NOT NULL,
    reader      uuid        NOT NULL,
    role        text        NOT NULL,
    area        text        NOT NULL,  -- where the reader held the role
    purpose     text        NOT NULL,  -- a word of services/survey/audit.py
    households  uuid[]      NOT NULL
);

-- migrate:down

DROP TABLE reading;
