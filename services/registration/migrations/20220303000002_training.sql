-- migrate:up

-- Files that administrators publish with training materials and directives. Uploaded first, then named by what uses it;
-- one that nothing has used after a day is deleted.
CREATE TABLE published_file (
    file_id     uuid PRIMARY KEY,
    media_type  text        NOT NULL,
    size        integer     NOT NULL,      -- bytes
    content     bytea       NOT NULL,
    uploaded_by uuid        NOT NULL,
    uploaded_at timestamptz NOT NULL,
    used        boolean     NOT NULL DEFAULT false
);

-- Already compressed kinds: the database shall not try again.
ALTER TABLE published_file ALTER COLUMN content SET STORAGE EXTERNAL;

CREATE INDEX published_file_unused ON published_file (uploaded_at) WHERE NOT used;

CREATE TABLE training_course (
    course_id       uuid PRIMARY KEY,
    area            text        COLLATE "C" NOT NULL,   -- it is taught and required inside this area
    title_th        text        NOT NULL,
    title_en        text        NOT NULL,
    audience        text        NOT NULL CHECK (audience IN ('agencies', 'partners', 'public')),
    required_for    text[]      NOT NULL,
    validity_months integer     CHECK (validity_months >= 1),
    created_at      timestamptz NOT NULL,
    created_by      uuid        NOT NULL,
    retired_at      timestamptz
);

CREATE INDEX training_course_by_time ON training_course (created_at, course_id);

-- A version is never changed: who was trained with it can look it up.
CREATE TABLE training_material (
    material_id uuid        NOT NULL,
    version     integer     NOT NULL CHECK (version >= 1),
    course_id   uuid        NOT NULL REFERENCES training_course,
    title       text        NOT NULL,
    link        text,
    file_id     uuid        REFERENCES published_file,
    valid_from  timestamptz NOT NULL,
    added_at    timestamptz NOT NULL,
    added_by    uuid        NOT NULL,
    PRIMARY KEY (material_id, version),
    CHECK ((link IS NULL) <> (file_id IS NULL))
);

CREATE INDEX training_material_by_course ON training_material (course_id);

CREATE TABLE training_session (
    session_id    uuid PRIMARY KEY,
    course_id     uuid        NOT NULL REFERENCES training_course,
    area          text        COLLATE "C" NOT NULL,
    link          text,
    place         text,
    begins_at     timestamptz NOT NULL,
    ends_at       timestamptz NOT NULL,
    capacity      integer     NOT NULL CHECK (capacity >= 1),
    sign_up_until timestamptz NOT NULL,
    trainer       uuid        NOT NULL,
    next_number   integer     NOT NULL DEFAULT 1,   -- of the next who signs up
    code_number   integer     NOT NULL DEFAULT 1,   -- another one makes another attendance code
    created_at    timestamptz NOT NULL,
    created_by    uuid        NOT NULL,
    cancelled_at  timestamptz,
    CHECK (link IS NOT NULL OR place IS NOT NULL)
);

CREATE INDEX training_session_by_time ON training_session (begins_at, session_id);
CREATE INDEX training_session_by_course ON training_session (course_id);

-- Who comes, in the order in which they signed up. person_id is whoever is registered (and may sign in), phone_index the
-- phone: either finds the same somebody. Names and numbers of those without an account are in training_sign_up_field.
CREATE TABLE training_sign_up (
    sign_up_id   uuid PRIMARY KEY,
    session_id   uuid        NOT NULL REFERENCES training_session,
    number       integer     NOT NULL,
    person_id    uuid,
    phone_index  bytea,
    by_phone     boolean     NOT NULL,
    state        text        NOT NULL CHECK (state IN ('placed', 'waiting', 'cancelled')),
    signed_up_at timestamptz NOT NULL,
    cancelled_at timestamptz,
    attended_at  timestamptz,
    UNIQUE (session_id, number),
    CHECK (person_id IS NOT NULL OR phone_index IS NOT NULL)
);

CREATE UNIQUE INDEX training_sign_up_once_by_person ON training_sign_up (person_id, session_id)
    WHERE state <> 'cancelled';
CREATE UNIQUE INDEX training_sign_up_once_by_phone ON training_sign_up (phone_index, session_id)
    WHERE state <> 'cancelled';
CREATE INDEX training_sign_up_in_order ON training_sign_up (session_id, state, number);

CREATE TABLE training_sign_up_field (
    sign_up_id  uuid  NOT NULL REFERENCES training_sign_up,
    field       text  NOT NULL,             -- name or phone
    key_id      text  NOT NULL,
    wrapped_key bytea NOT NULL,
    ciphertext  bytea NOT NULL,
    PRIMARY KEY (sign_up_id, field)
);

-- Who has taken which course. Found by person or by phone: somebody may be trained first and register afterwards.
CREATE TABLE training_completion (
    sign_up_id   uuid PRIMARY KEY REFERENCES training_sign_up,
    course_id    uuid        NOT NULL REFERENCES training_course,
    session_id   uuid        NOT NULL REFERENCES training_session,
    person_id    uuid,
    phone_index  bytea,
    completed_at timestamptz NOT NULL,
    valid_until  timestamptz
);

CREATE INDEX training_completion_by_person ON training_completion (person_id, course_id);
CREATE INDEX training_completion_by_phone ON training_completion (phone_index, course_id);
CREATE INDEX training_completion_by_course ON training_completion (course_id);

-- migrate:down

DROP TABLE training_completion;
DROP TABLE training_sign_up_field;
DROP TABLE training_sign_up;
DROP TABLE training_session;
DROP TABLE training_material;
DROP TABLE training_course;
DROP TABLE published_file;
