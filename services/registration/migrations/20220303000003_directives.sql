-- migrate:up

-- Messages from the centre or a province to all below. To whom one goes is not stored: roles and areas are asked when it
-- is read, so that people who are appointed later see it too. Texts are published; they hold no personal data.
CREATE TABLE directive (
    directive_id      uuid PRIMARY KEY,
    issuer            text        COLLATE "C" NOT NULL CHECK (issuer ~ '^([0-9]{2})?$'),  -- "" is the centre
    reference         text        NOT NULL,
    title_th          text        NOT NULL,
    text_th           text        NOT NULL,
    title_en          text,
    text_en           text,
    area              text        COLLATE "C" NOT NULL,
    roles             text[]      NOT NULL CHECK (cardinality(roles) >= 1),
    deadline          timestamptz,
    replaces          uuid        UNIQUE REFERENCES directive,
    sent_at           timestamptz NOT NULL,
    sent_by           uuid        NOT NULL,
    withdrawn_at      timestamptz,
    withdrawn_by      uuid,
    withdrawal_reason text,
    UNIQUE (issuer, reference)
);

CREATE INDEX directive_by_area ON directive (area, sent_at, directive_id);
CREATE INDEX directive_by_issuer ON directive (issuer, sent_at, directive_id);

-- What was sent cannot be changed, whoever tries and by whatever way; a withdrawal is added, once.
CREATE FUNCTION directive_is_final() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE'
        OR to_jsonb(OLD) - '{withdrawn_at,withdrawn_by,withdrawal_reason}'::text[]
            IS DISTINCT FROM to_jsonb(NEW) - '{withdrawn_at,withdrawn_by,withdrawal_reason}'::text[]
        OR OLD.withdrawn_at IS NOT NULL
    THEN
        RAISE EXCEPTION 'a directive that was sent is never changed' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER directive_is_final BEFORE UPDATE OR DELETE ON directive
    FOR EACH ROW EXECUTE FUNCTION directive_is_final();

CREATE TABLE directive_file (
    directive_id uuid    NOT NULL REFERENCES directive,
    place        integer NOT NULL,
    file_id      uuid    NOT NULL UNIQUE REFERENCES published_file,
    PRIMARY KEY (directive_id, place)
);

-- By name, once. Role and area are those in which it was acknowledged, which may change later.
CREATE TABLE directive_acknowledgement (
    directive_id    uuid        NOT NULL REFERENCES directive,
    person_id       uuid        NOT NULL,
    role            text        NOT NULL,
    area            text        COLLATE "C" NOT NULL,
    acknowledged_at timestamptz NOT NULL,
    PRIMARY KEY (directive_id, person_id)
);

CREATE INDEX directive_acknowledgement_by_person ON directive_acknowledgement (person_id);

-- migrate:down

DROP TABLE directive_acknowledgement;
DROP TABLE directive_file;
DROP TABLE directive;
DROP FUNCTION directive_is_final;
