-- migrate:up

-- A kind beside the five, as the real platform had it: where those who died of COVID-19 are cremated. Its capacity is
-- persons a day; whether one has to ask first is what people want to know. The centre may have added it already: then
-- its names stand.
INSERT INTO facility_kind (kind, th, en, beds, fields) VALUES
    ('cremation_temple', 'วัดที่รับฌาปนกิจ (โควิด-19)', 'Cremation temple', false, '{access}')
ON CONFLICT (kind) DO NOTHING;

-- migrate:down

DELETE FROM facility_kind WHERE kind = 'cremation_temple';
