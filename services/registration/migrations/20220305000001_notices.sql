-- migrate:up

-- Which rounds of notices were made: each once, whichever process is first, with all its notices in one transaction.
CREATE TABLE notice_round (
    week    date        NOT NULL CHECK (extract(isodow FROM week) = 1),
    stage   text        NOT NULL CHECK (stage IN ('reminder', 'escalation')),
    made_at timestamptz NOT NULL,
    PRIMARY KEY (week, stage)
);

-- A reminder is an organisation's, an escalation a district's. due, overdue: places that nobody has confirmed, as
-- facilities told them when the round was made.
CREATE TABLE notice (
    notice_id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    week            date    NOT NULL,
    stage           text    NOT NULL,
    organisation_id uuid,
    area            text    COLLATE "C",
    due             integer NOT NULL,
    overdue         integer NOT NULL,
    FOREIGN KEY (week, stage) REFERENCES notice_round,
    CHECK ((organisation_id IS NOT NULL) = (stage = 'reminder') AND (area IS NOT NULL) = (stage = 'escalation')),
    UNIQUE NULLS NOT DISTINCT (week, stage, organisation_id, area)
);

-- One message to one receiver: a person by SMS, an institution's own address by e-mail. It is `sending` before the
-- gateway is asked. Whoever finds it so later cannot know whether it left: it is `unknown` then, and not sent again.
CREATE TABLE notice_message (
    notice_id  bigint      NOT NULL REFERENCES notice,
    channel    text        NOT NULL CHECK (channel IN ('sms', 'email')),
    receiver   text        NOT NULL,                 -- a person's id, or an address
    state      text        NOT NULL DEFAULT 'waiting'
        CHECK (state IN ('waiting', 'sending', 'sent', 'refused', 'unknown', 'expired')),
    attempts   integer     NOT NULL DEFAULT 0,
    next_at    timestamptz NOT NULL,                 -- of one that waits: not before; of one that is being sent: its end
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (notice_id, channel, receiver)
);

CREATE INDEX notice_message_to_send ON notice_message (next_at) WHERE state IN ('waiting', 'sending');

-- migrate:down

DROP TABLE notice_message;
DROP TABLE notice;
DROP TABLE notice_round;
