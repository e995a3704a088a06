-- migrate:up

-- How many submissions came with each quality flag. A submission keeps its flags for ever, so these only grow; nothing is written
-- for the others.
CREATE TABLE flag_subdistrict (
    subdistrict  text COLLATE "C" NOT NULL,
    flag         text COLLATE "C" NOT NULL,
    submissions  bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (subdistrict, flag)
) WITH (fillfactor = 50);

-- migrate:down

DROP TABLE flag_subdistrict;
