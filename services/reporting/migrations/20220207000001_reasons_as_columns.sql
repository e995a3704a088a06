-- migrate:up

-- The known reasons for not being vaccinated become columns of the rows that every submission touches anyway: a reason cost as much
-- as all other figures of a row. reason_subdistrict and reason_day go on with the reasons that have no column, those of newer
-- producers; a reason that gets one is moved out of them as here. The sums by district are not needed any more: a national answer
-- reads 7,436 rows.
ALTER TABLE survey_subdistrict
    ADD COLUMN reason_side_effects         bigint NOT NULL DEFAULT 0,
    ADD COLUMN reason_allergy              bigint NOT NULL DEFAULT 0,
    ADD COLUMN reason_other_vaccine        bigint NOT NULL DEFAULT 0,
    ADD COLUMN reason_stays_home           bigint NOT NULL DEFAULT 0,
    ADD COLUMN reason_hard_to_reach        bigint NOT NULL DEFAULT 0,
    ADD COLUMN reason_unfounded_fear       bigint NOT NULL DEFAULT 0,
    ADD COLUMN reason_not_bother_family    bigint NOT NULL DEFAULT 0,
    ADD COLUMN reason_cost                 bigint NOT NULL DEFAULT 0,
    ADD COLUMN reason_lives_elsewhere      bigint NOT NULL DEFAULT 0,
    ADD COLUMN reason_medical_advice       bigint NOT NULL DEFAULT 0,
    ADD COLUMN reason_recently_infected    bigint NOT NULL DEFAULT 0,
    ADD COLUMN reason_pregnant             bigint NOT NULL DEFAULT 0,
    ADD COLUMN reason_religious            bigint NOT NULL DEFAULT 0,
    ADD COLUMN reason_no_parent_consent    bigint NOT NULL DEFAULT 0,
    ADD COLUMN reason_no_identity_document bigint NOT NULL DEFAULT 0,
    ADD COLUMN reason_other                bigint NOT NULL DEFAULT 0,
    ADD COLUMN reason_no_answer            bigint NOT NULL DEFAULT 0;

ALTER TABLE survey_day
    ADD COLUMN reason_side_effects         bigint NOT NULL DEFAULT 0,
    ADD COLUMN reason_allergy              bigint NOT NULL DEFAULT 0,
    ADD COLUMN reason_other_vaccine        bigint NOT NULL DEFAULT 0,
    ADD COLUMN reason_stays_home           bigint NOT NULL DEFAULT 0,
    ADD COLUMN reason_hard_to_reach        bigint NOT NULL DEFAULT 0,
    ADD COLUMN reason_unfounded_fear       bigint NOT NULL DEFAULT 0,
    ADD COLUMN reason_not_bother_family    bigint NOT NULL DEFAULT 0,
    ADD COLUMN reason_cost                 bigint NOT NULL DEFAULT 0,
    ADD COLUMN reason_lives_elsewhere      bigint NOT NULL DEFAULT 0,
    ADD COLUMN reason_medical_advice       bigint NOT NULL DEFAULT 0,
    ADD COLUMN reason_recently_infected    bigint NOT NULL DEFAULT 0,
    ADD COLUMN reason_pregnant             bigint NOT NULL DEFAULT 0,
    ADD COLUMN reason_religious            bigint NOT NULL DEFAULT 0,
    ADD COLUMN reason_no_parent_consent    bigint NOT NULL DEFAULT 0,
    ADD COLUMN reason_no_identity_document bigint NOT NULL DEFAULT 0,
    ADD COLUMN reason_other                bigint NOT NULL DEFAULT 0,
    ADD COLUMN reason_no_answer            bigint NOT NULL DEFAULT 0;

UPDATE survey_subdistrict AS s SET
    reason_side_effects = r.side_effects,
    reason_allergy = r.allergy,
    reason_other_vaccine = r.other_vaccine,
    reason_stays_home = r.stays_home,
    reason_hard_to_reach = r.hard_to_reach,
    reason_unfounded_fear = r.unfounded_fear,
    reason_not_bother_family = r.not_bother_family,
    reason_cost = r.cost,
    reason_lives_elsewhere = r.lives_elsewhere,
    reason_medical_advice = r.medical_advice,
    reason_recently_infected = r.recently_infected,
    reason_pregnant = r.pregnant,
    reason_religious = r.religious,
    reason_no_parent_consent = r.no_parent_consent,
    reason_no_identity_document = r.no_identity_document,
    reason_other = r.other,
    reason_no_answer = r.no_answer
FROM (
    SELECT subdistrict,
           coalesce(sum(persons) FILTER (WHERE reason = 'side_effects'), 0) AS side_effects,
           coalesce(sum(persons) FILTER (WHERE reason = 'allergy'), 0) AS allergy,
           coalesce(sum(persons) FILTER (WHERE reason = 'other_vaccine'), 0) AS other_vaccine,
           coalesce(sum(persons) FILTER (WHERE reason = 'stays_home'), 0) AS stays_home,
           coalesce(sum(persons) FILTER (WHERE reason = 'hard_to_reach'), 0) AS hard_to_reach,
           coalesce(sum(persons) FILTER (WHERE reason = 'unfounded_fear'), 0) AS unfounded_fear,
           coalesce(sum(persons) FILTER (WHERE reason = 'not_bother_family'), 0) AS not_bother_family,
           coalesce(sum(persons) FILTER (WHERE reason = 'cost'), 0) AS cost,
           coalesce(sum(persons) FILTER (WHERE reason = 'lives_elsewhere'), 0) AS lives_elsewhere,
           coalesce(sum(persons) FILTER (WHERE reason = 'medical_advice'), 0) AS medical_advice,
           coalesce(sum(persons) FILTER (WHERE reason = 'recently_infected'), 0) AS recently_infected,
           coalesce(sum(persons) FILTER (WHERE reason = 'pregnant'), 0) AS pregnant,
           coalesce(sum(persons) FILTER (WHERE reason = 'religious'), 0) AS religious,
           coalesce(sum(persons) FILTER (WHERE reason = 'no_parent_consent'), 0) AS no_parent_consent,
           coalesce(sum(persons) FILTER (WHERE reason = 'no_identity_document'), 0) AS no_identity_document,
           coalesce(sum(persons) FILTER (WHERE reason = 'other'), 0) AS other,
           coalesce(sum(persons) FILTER (WHERE reason = 'no_answer'), 0) AS no_answer
    FROM reason_subdistrict
    GROUP BY subdistrict
) AS r
WHERE s.subdistrict = r.subdistrict;

UPDATE survey_day AS s SET
    reason_side_effects = r.side_effects,
    reason_allergy = r.allergy,
    reason_other_vaccine = r.other_vaccine,
    reason_stays_home = r.stays_home,
    reason_hard_to_reach = r.hard_to_reach,
    reason_unfounded_fear = r.unfounded_fear,
    reason_not_bother_family = r.not_bother_family,
    reason_cost = r.cost,
    reason_lives_elsewhere = r.lives_elsewhere,
    reason_medical_advice = r.medical_advice,
    reason_recently_infected = r.recently_infected,
    reason_pregnant = r.pregnant,
    reason_religious = r.religious,
    reason_no_parent_consent = r.no_parent_consent,
    reason_no_identity_document = r.no_identity_document,
    reason_other = r.other,
    reason_no_answer = r.no_answer
FROM (
    SELECT subdistrict, day,
           coalesce(sum(persons) FILTER (WHERE reason = 'side_effects'), 0) AS side_effects,
           coalesce(sum(persons) FILTER (WHERE reason = 'allergy'), 0) AS allergy,
           coalesce(sum(persons) FILTER (WHERE reason = 'other_vaccine'), 0) AS other_vaccine,
           coalesce(sum(persons) FILTER (WHERE reason = 'stays_home'), 0) AS stays_home,
           coalesce(sum(persons) FILTER (WHERE reason = 'hard_to_reach'), 0) AS hard_to_reach,
           coalesce(sum(persons) FILTER (WHERE reason = 'unfounded_fear'), 0) AS unfounded_fear,
           coalesce(sum(persons) FILTER (WHERE reason = 'not_bother_family'), 0) AS not_bother_family,
           coalesce(sum(persons) FILTER (WHERE reason = 'cost'), 0) AS cost,
           coalesce(sum(persons) FILTER (WHERE reason = 'lives_elsewhere'), 0) AS lives_elsewhere,
           coalesce(sum(persons) FILTER (WHERE reason = 'medical_advice'), 0) AS medical_advice,
           coalesce(sum(persons) FILTER (WHERE reason = 'recently_infected'), 0) AS recently_infected,
           coalesce(sum(persons) FILTER (WHERE reason = 'pregnant'), 0) AS pregnant,
           coalesce(sum(persons) FILTER (WHERE reason = 'religious'), 0) AS religious,
           coalesce(sum(persons) FILTER (WHERE reason = 'no_parent_consent'), 0) AS no_parent_consent,
           coalesce(sum(persons) FILTER (WHERE reason = 'no_identity_document'), 0) AS no_identity_document,
           coalesce(sum(persons) FILTER (WHERE reason = 'other'), 0) AS other,
           coalesce(sum(persons) FILTER (WHERE reason = 'no_answer'), 0) AS no_answer
    FROM reason_day
    GROUP BY subdistrict, day
) AS r
WHERE s.subdistrict = r.subdistrict AND s.day = r.day;

DELETE FROM reason_subdistrict WHERE reason IN (
    'side_effects', 'allergy', 'other_vaccine', 'stays_home', 'hard_to_reach', 'unfounded_fear', 'not_bother_family',
    'cost', 'lives_elsewhere', 'medical_advice', 'recently_infected', 'pregnant', 'religious', 'no_parent_consent',
    'no_identity_document', 'other', 'no_answer'
);

DELETE FROM reason_day WHERE reason IN (
    'side_effects', 'allergy', 'other_vaccine', 'stays_home', 'hard_to_reach', 'unfounded_fear', 'not_bother_family',
    'cost', 'lives_elsewhere', 'medical_advice', 'recently_infected', 'pregnant', 'religious', 'no_parent_consent',
    'no_identity_document', 'other', 'no_answer'
);

DROP TABLE reason_district;

-- migrate:down

INSERT INTO reason_subdistrict (subdistrict, reason, persons)
SELECT s.subdistrict, r.reason, r.persons
FROM survey_subdistrict AS s, LATERAL (VALUES
    ('side_effects', s.reason_side_effects),
    ('allergy', s.reason_allergy),
    ('other_vaccine', s.reason_other_vaccine),
    ('stays_home', s.reason_stays_home),
    ('hard_to_reach', s.reason_hard_to_reach),
    ('unfounded_fear', s.reason_unfounded_fear),
    ('not_bother_family', s.reason_not_bother_family),
    ('cost', s.reason_cost),
    ('lives_elsewhere', s.reason_lives_elsewhere),
    ('medical_advice', s.reason_medical_advice),
    ('recently_infected', s.reason_recently_infected),
    ('pregnant', s.reason_pregnant),
    ('religious', s.reason_religious),
    ('no_parent_consent', s.reason_no_parent_consent),
    ('no_identity_document', s.reason_no_identity_document),
    ('other', s.reason_other),
    ('no_answer', s.reason_no_answer)
) AS r (reason, persons)
WHERE r.persons <> 0;

INSERT INTO reason_day (subdistrict, day, reason, persons)
SELECT s.subdistrict, s.day, r.reason, r.persons
FROM survey_day AS s, LATERAL (VALUES
    ('side_effects', s.reason_side_effects),
    ('allergy', s.reason_allergy),
    ('other_vaccine', s.reason_other_vaccine),
    ('stays_home', s.reason_stays_home),
    ('hard_to_reach', s.reason_hard_to_reach),
    ('unfounded_fear', s.reason_unfounded_fear),
    ('not_bother_family', s.reason_not_bother_family),
    ('cost', s.reason_cost),
    ('lives_elsewhere', s.reason_lives_elsewhere),
    ('medical_advice', s.reason_medical_advice),
    ('recently_infected', s.reason_recently_infected),
    ('pregnant', s.reason_pregnant),
    ('religious', s.reason_religious),
    ('no_parent_consent', s.reason_no_parent_consent),
    ('no_identity_document', s.reason_no_identity_document),
    ('other', s.reason_other),
    ('no_answer', s.reason_no_answer)
) AS r (reason, persons)
WHERE r.persons <> 0;

CREATE TABLE reason_district (
    district     text COLLATE "C" NOT NULL,
    reason       text COLLATE "C" NOT NULL,
    persons      bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (district, reason)
) WITH (fillfactor = 50);

INSERT INTO reason_district (district, reason, persons)
SELECT left(subdistrict, 4), reason, sum(persons) FROM reason_subdistrict GROUP BY 1, 2;

ALTER TABLE survey_day
    DROP COLUMN reason_side_effects,
    DROP COLUMN reason_allergy,
    DROP COLUMN reason_other_vaccine,
    DROP COLUMN reason_stays_home,
    DROP COLUMN reason_hard_to_reach,
    DROP COLUMN reason_unfounded_fear,
    DROP COLUMN reason_not_bother_family,
    DROP COLUMN reason_cost,
    DROP COLUMN reason_lives_elsewhere,
    DROP COLUMN reason_medical_advice,
    DROP COLUMN reason_recently_infected,
    DROP COLUMN reason_pregnant,
    DROP COLUMN reason_religious,
    DROP COLUMN reason_no_parent_consent,
    DROP COLUMN reason_no_identity_document,
    DROP COLUMN reason_other,
    DROP COLUMN reason_no_answer;

ALTER TABLE survey_subdistrict
    DROP COLUMN reason_side_effects,
    DROP COLUMN reason_allergy,
    DROP COLUMN reason_other_vaccine,
    DROP COLUMN reason_stays_home,
    DROP COLUMN reason_hard_to_reach,
    DROP COLUMN reason_unfounded_fear,
    DROP COLUMN reason_not_bother_family,
    DROP COLUMN reason_cost,
    DROP COLUMN reason_lives_elsewhere,
    DROP COLUMN reason_medical_advice,
    DROP COLUMN reason_recently_infected,
    DROP COLUMN reason_pregnant,
    DROP COLUMN reason_religious,
    DROP COLUMN reason_no_parent_consent,
    DROP COLUMN reason_no_identity_document,
    DROP COLUMN reason_other,
    DROP COLUMN reason_no_answer;
