-- migrate:up

-- Who held which role where, and when: the history behind the one role that a person holds now. Days are Thailand's,
-- both of them included; the reason of an ending is in sealed_field, as appointment.ID.
CREATE TABLE appointment (
    appointment_id  uuid PRIMARY KEY,
    person_id       uuid        NOT NULL REFERENCES person,
    role            text        NOT NULL,
    area            text        COLLATE "C" NOT NULL,
    organisation_id uuid        NOT NULL REFERENCES organisation,
    from_day        date        NOT NULL,
    to_day          date        CHECK (to_day >= from_day),
    begins_at       timestamptz NOT NULL GENERATED ALWAYS AS (from_day::timestamp AT TIME ZONE 'Asia/Bangkok') STORED,
    ends_at         timestamptz GENERATED ALWAYS AS ((to_day + 1)::timestamp AT TIME ZONE 'Asia/Bangkok') STORED,
    appointed_by    uuid        NOT NULL,
    appointed_at    timestamptz NOT NULL,
    begun_at        timestamptz,            -- when the person took the role; null while its first day is awaited
    ended_by        uuid,                   -- null with ended_at: by its own last day
    ended_at        timestamptz,
    ended_revision  integer                 -- the person's revision that the ending made, if it made one
);

-- A person holds one role, since a token carries one; and at most one more is awaited.
CREATE UNIQUE INDEX appointment_held ON appointment (person_id) WHERE begun_at IS NOT NULL AND ended_at IS NULL;
CREATE UNIQUE INDEX appointment_awaited ON appointment (person_id) WHERE begun_at IS NULL AND ended_at IS NULL;

CREATE INDEX appointment_by_person ON appointment (person_id);
CREATE INDEX appointment_by_area ON appointment (area, from_day, appointment_id);
CREATE INDEX appointment_to_begin ON appointment (begins_at) WHERE begun_at IS NULL AND ended_at IS NULL;
CREATE INDEX appointment_to_end ON appointment (ends_at) WHERE ended_at IS NULL;

-- Who holds a role already was appointed without dates: from the first decision about him, until it is ended.
INSERT INTO appointment
    (appointment_id, person_id, role, area, organisation_id, from_day, appointed_by, appointed_at, begun_at)
SELECT gen_random_uuid(), p.person_id, p.role, p.area, p.organisation_id,
       (d.decided_at AT TIME ZONE 'Asia/Bangkok')::date, d.decided_by, d.decided_at, d.decided_at
FROM person AS p
JOIN LATERAL (
    SELECT decided_by, decided_at FROM decision
    WHERE person_id = p.person_id AND role = p.role AND area = p.area
    ORDER BY revision LIMIT 1
) AS d ON true
WHERE p.role <> 'volunteer' AND p.status <> 'withdrawn';

-- migrate:down

DROP TABLE appointment;
