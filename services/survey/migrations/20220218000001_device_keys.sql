-- migrate:up

-- The key of what lies on a volunteer's phone, sealed: whoever signs in anew on that phone gets it back.
CREATE TABLE device_key (
    volunteer_id  uuid        NOT NULL,
    device_id     uuid        NOT NULL,  -- made by the phone
    used_at       timestamptz NOT NULL,
    key_id        text        NOT NULL,
    wrapped_key   bytea       NOT NULL,
    sealed        bytea       NOT NULL,
    PRIMARY KEY (volunteer_id, device_id)
);

-- migrate:down

DROP TABLE device_key;
