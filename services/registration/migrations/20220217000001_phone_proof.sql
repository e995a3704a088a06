-- migrate:up

-- A code on its way to a citizen's phone. Keyed hashes: neither the phone nor the code can be read out of it.
CREATE TABLE phone_proof (
    proof_id       uuid        PRIMARY KEY,
    subject        uuid        NOT NULL,  -- whose token it becomes (shared/security/citizens.py)
    code_hash      bytea       NOT NULL,
    expires_at     timestamptz NOT NULL,
    attempts_left  smallint    NOT NULL
);

CREATE INDEX phone_proof_by_end ON phone_proof (expires_at);

-- migrate:down

DROP TABLE phone_proof;
