-- migrate:up

-- Which kinds of place there are: the directive's five, and further ones that the centre adds.
CREATE TABLE facility_kind (
    kind     text PRIMARY KEY CHECK (kind ~ '^[a-z][a-z0-9_]{0,39}$'),
    th       text    NOT NULL,
    en       text    NOT NULL,
    beds     boolean NOT NULL,                  -- its capacity is beds, some of them free; otherwise persons a day
    fields   text[]  NOT NULL,                  -- which of lanes_per_hour, vaccines, access are asked of it
    standard boolean NOT NULL DEFAULT false     -- one of the five
);

INSERT INTO facility_kind (kind, th, en, beds, fields, standard) VALUES
    ('test_point', 'จุดตรวจโควิด', 'Test point', false, '{lanes_per_hour,access}', true),
    ('vaccination_point', 'จุดฉีดวัคซีน', 'Vaccination point', false, '{lanes_per_hour,vaccines,access}', true),
    ('hospital', 'โรงพยาบาล', 'Hospital', true, '{lanes_per_hour,vaccines,access}', true),
    ('field_hospital', 'โรงพยาบาลสนาม', 'Field hospital', true, '{access}', true),
    ('waiting_centre', 'ศูนย์พักคอย', 'Waiting centre', true, '{access}', true);

ALTER TABLE facility
    DROP CONSTRAINT facility_kind_check,
    ADD FOREIGN KEY (kind) REFERENCES facility_kind,
    ADD organisation_id uuid,                                        -- who keeps the place's data
    ADD lanes_per_hour  integer CHECK (lanes_per_hour >= 0),
    ADD vaccines        text[]  NOT NULL DEFAULT '{}',               -- CVX codes
    ADD access          text    CHECK (access IN ('walk_in', 'appointment', 'both')),
    ADD exceptions      jsonb   NOT NULL DEFAULT '[]',               -- [{"date", "spans": [{"open", "close"}], "note"}]
    ADD holidays        text    CHECK (holidays IN ('open', 'closed')),
    ADD merged_into     uuid    REFERENCES facility CHECK (merged_into IS NULL OR status = 'closed');

CREATE INDEX facility_by_organisation ON facility (organisation_id, facility_id);
CREATE INDEX facility_by_official_code ON facility (official_code) WHERE official_code IS NOT NULL;

-- Public holidays: dated data, which the cabinet changes at short notice.
CREATE TABLE holiday (
    day date PRIMARY KEY,
    th  text NOT NULL,
    en  text NOT NULL
);

-- On weekends too: a place that is open on Sundays may be closed on Visakha Bucha.
INSERT INTO holiday (day, th, en) VALUES
    ('2022-01-01', 'วันขึ้นปีใหม่', 'New Year''s Day'),
    ('2022-01-03', 'วันหยุดชดเชยวันขึ้นปีใหม่', 'Substitution for New Year''s Day'),
    ('2022-02-16', 'วันมาฆบูชา', 'Makha Bucha Day'),
    ('2022-04-06', 'วันจักรี', 'Chakri Memorial Day'),
    ('2022-04-13', 'วันสงกรานต์', 'Songkran'),
    ('2022-04-14', 'วันสงกรานต์', 'Songkran'),
    ('2022-04-15', 'วันสงกรานต์', 'Songkran'),
    ('2022-05-01', 'วันแรงงานแห่งชาติ', 'Labour Day'),
    ('2022-05-02', 'วันหยุดชดเชยวันแรงงานแห่งชาติ', 'Substitution for Labour Day'),
    ('2022-05-04', 'วันฉัตรมงคล', 'Coronation Day'),
    ('2022-05-13', 'วันพืชมงคล', 'Royal Ploughing Ceremony Day'),
    ('2022-05-15', 'วันวิสาขบูชา', 'Visakha Bucha Day'),
    ('2022-05-16', 'วันหยุดชดเชยวันวิสาขบูชา', 'Substitution for Visakha Bucha Day'),
    ('2022-06-03', 'วันเฉลิมพระชนมพรรษาสมเด็จพระราชินี', 'Queen Suthida''s Birthday'),
    ('2022-07-13', 'วันอาสาฬหบูชา', 'Asarnha Bucha Day'),
    ('2022-07-14', 'วันเข้าพรรษา', 'Buddhist Lent Day'),
    ('2022-07-15', 'วันหยุดพิเศษ', 'Special holiday'),
    ('2022-07-28', 'วันเฉลิมพระชนมพรรษาพระบาทสมเด็จพระเจ้าอยู่หัว', 'King Vajiralongkorn''s Birthday'),
    ('2022-07-29', 'วันหยุดพิเศษ', 'Special holiday'),
    ('2022-08-12', 'วันแม่แห่งชาติ', 'Queen Sirikit''s Birthday and Mother''s Day'),
    ('2022-10-13', 'วันนวมินทรมหาราช', 'King Bhumibol Memorial Day'),
    ('2022-10-14', 'วันหยุดพิเศษ', 'Special holiday'),
    ('2022-10-23', 'วันปิยมหาราช', 'Chulalongkorn Day'),
    ('2022-10-24', 'วันหยุดชดเชยวันปิยมหาราช', 'Substitution for Chulalongkorn Day'),
    ('2022-12-05', 'วันพ่อแห่งชาติ', 'King Bhumibol''s Birthday and Father''s Day'),
    ('2022-12-10', 'วันรัฐธรรมนูญ', 'Constitution Day'),
    ('2022-12-12', 'วันหยุดชดเชยวันรัฐธรรมนูญ', 'Substitution for Constitution Day'),
    ('2022-12-30', 'วันหยุดพิเศษ', 'Special holiday'),
    ('2022-12-31', 'วันสิ้นปี', 'New Year''s Eve');

-- migrate:down

DROP TABLE holiday;
ALTER TABLE facility
    DROP organisation_id, DROP lanes_per_hour, DROP vaccines, DROP access, DROP exceptions, DROP holidays,
    DROP merged_into, DROP CONSTRAINT facility_kind_fkey,
    ADD CONSTRAINT facility_kind_check
        CHECK (kind IN ('test_point', 'vaccination_point', 'hospital', 'field_hospital', 'waiting_centre'));
DROP TABLE facility_kind;
