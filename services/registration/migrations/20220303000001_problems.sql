-- migrate:up

-- What everybody may read about problems that are known. Written by administrators for the public: no personal data.
CREATE TABLE known_problem (
    known_problem_id uuid PRIMARY KEY,
    category         text        NOT NULL,
    title_th         text        NOT NULL,
    title_en         text        NOT NULL,
    answer_th        text        NOT NULL,
    answer_en        text        NOT NULL,
    state            text        NOT NULL CHECK (state IN ('investigating', 'solved', 'retired')),
    sketch_th        integer[]   NOT NULL,   -- how alike titles are: services/registration/likeness.py
    sketch_en        integer[]   NOT NULL,
    updated_at       timestamptz NOT NULL,
    updated_by       uuid        NOT NULL,
    revision         integer     NOT NULL CHECK (revision >= 1)
);

CREATE INDEX known_problem_by_time ON known_problem (updated_at, known_problem_id);

-- Technical problem tickets. What people typed is in problem_field, sealed; here is only what is worked with.
CREATE TABLE problem (
    problem_id       uuid PRIMARY KEY,
    category         text        NOT NULL,
    area             text        COLLATE "C" NOT NULL,
    level            text        NOT NULL CHECK (level IN ('subdistrict', 'district', 'province', 'central')),
    state            text        NOT NULL CHECK (state IN ('open', 'in_progress', 'answered', 'closed')),
    raised_by        uuid        NOT NULL,   -- a person or a program
    raised_at        timestamptz NOT NULL,
    record_id        uuid,                   -- the submission, place or other record concerned
    owner            uuid,
    due_at           timestamptz,            -- it goes up then, or is overdue at the centre; null when nobody waits
    settled_at       timestamptz,            -- of the last answer or closing
    merged_into      uuid        REFERENCES problem,  -- never a duplicate itself: chains have one link
    known_problem_id uuid        REFERENCES known_problem,
    sketch           integer[]   NOT NULL,
    revision         integer     NOT NULL CHECK (revision >= 1),
    CHECK ((due_at IS NOT NULL) = (state IN ('open', 'in_progress'))),
    CHECK (merged_into <> problem_id)
);

CREATE INDEX problem_by_time ON problem (raised_at, problem_id);
CREATE INDEX problem_by_area ON problem (area, raised_at, problem_id);
CREATE INDEX problem_by_raiser ON problem (raised_by, raised_at, problem_id);
CREATE INDEX problem_by_deadline ON problem (due_at) WHERE due_at IS NOT NULL AND merged_into IS NULL;
CREATE INDEX problem_by_survivor ON problem (merged_into) WHERE merged_into IS NOT NULL;
CREATE INDEX problem_by_sketch ON problem USING gin (sketch) WHERE state <> 'closed' AND merged_into IS NULL;

CREATE TABLE problem_field (
    problem_id  uuid  NOT NULL REFERENCES problem,
    field       text  NOT NULL,             -- title, text, page, or note.REVISION of a step
    key_id      text  NOT NULL,
    wrapped_key bytea NOT NULL,
    ciphertext  bytea NOT NULL,
    PRIMARY KEY (problem_id, field)
);

-- The history: one row for each revision. What happens to a survivor is not repeated at those merged into it.
CREATE TABLE problem_step (
    problem_id uuid        NOT NULL REFERENCES problem,
    revision   integer     NOT NULL,
    kind       text        NOT NULL,        -- raised, taken, escalated, expired, answered, closed, reopened, merged
    level      text        NOT NULL,
    state      text        NOT NULL,
    at         timestamptz NOT NULL,
    done_by    uuid,                        -- null: the time limit
    PRIMARY KEY (problem_id, revision)
);

CREATE TABLE problem_attachment (
    attachment_id uuid PRIMARY KEY,
    problem_id    uuid        NOT NULL REFERENCES problem,
    media_type    text        NOT NULL,
    size          integer     NOT NULL,     -- bytes, before sealing
    attached_at   timestamptz NOT NULL,
    key_id        text        NOT NULL,
    wrapped_key   bytea       NOT NULL,
    ciphertext    bytea       NOT NULL
);

CREATE INDEX problem_attachment_by_problem ON problem_attachment (problem_id, attached_at);

-- migrate:down

DROP TABLE problem_attachment;
DROP TABLE problem_step;
DROP TABLE problem_field;
DROP TABLE problem;
DROP TABLE known_problem;
