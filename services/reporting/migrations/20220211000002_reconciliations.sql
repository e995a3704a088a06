-- migrate:up

-- Comparisons of the figures with what their owners count.
CREATE TABLE reconciliation (
    reconciliation_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    began_at           timestamptz NOT NULL,
    ended_at           timestamptz NOT NULL,
    compared           bigint      NOT NULL,            -- figures of areas
    differing          bigint      NOT NULL,            -- of them: the same difference in every look
    moving             bigint      NOT NULL,            -- of them: another difference in every look, as while events come in
    absent             text[]      NOT NULL             -- services that did not answer
);

-- Its differences, as many as are kept. An area is a subdistrict, or a larger one where people hold a role in it.
CREATE TABLE reconciliation_difference (
    reconciliation_id  bigint NOT NULL REFERENCES reconciliation ON DELETE CASCADE,
    area               text COLLATE "C" NOT NULL,
    figure             text COLLATE "C" NOT NULL,
    service            text   NOT NULL,                 -- whose count it is
    owned              bigint NOT NULL,
    reported           bigint NOT NULL,
    begins_on          date,                            -- the first day in Thailand that differs, where days are counted
    PRIMARY KEY (reconciliation_id, area, figure)
);

-- migrate:down

DROP TABLE reconciliation_difference;
DROP TABLE reconciliation;
