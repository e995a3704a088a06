"""The register's kinds as these tests know them."""

from typing import NamedTuple


class Kind(NamedTuple):
    kind: str
    th: str
    en: str


KINDS = (
    Kind("test_point", "จุดตรวจ", "Test point"),
    Kind("vaccination_point", "จุดฉีดวัคซีน", "Vaccination point"),
    Kind("hospital", "โรงพยาบาล", "Hospital"),
    Kind("field_hospital", "โรงพยาบาลสนาม", "Field hospital"),
    Kind("waiting_centre", "ศูนย์พักคอย", "Waiting centre"),
    Kind("cremation_temple", "วัดที่รับฌาปนกิจ", "Cremation temple"),
)
