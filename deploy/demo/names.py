"""Made-up Thai names of people, organisations and places, composed from the lists below.

No list holds a person's name: the parts are common words and endings, and what comes out is a likeness.
"""

from random import Random
from typing import Final

_GIVEN_STARTS: Final = (
    "สม", "วิ", "ประ", "ธน", "กิต", "ชัย", "พิ", "สุ", "อา", "นิ", "จิ", "บุญ", "ทอง", "คำ", "มา", "ปรี",
    "รัช", "อนุ", "พง", "ศิ", "วร", "ณัฐ", "เกษ", "สา", "อุ", "ภา", "ดวง", "แสง",
)  # fmt: skip
_GIVEN_ENDS: Final = {
    "m": ("ชัย", "ศักดิ์", "พล", "เดช", "นันท์", "วุฒิ", "ชาติ", "สิทธิ์", "กร", "พันธ์", "รุจ", "เทพ"),
    "f": ("พร", "ดา", "วรรณ", "ทิพย์", "มาลี", "รัตน์", "ภา", "จันทร์", "นภา", "ลักษณ์", "ณี", "ใจ"),
}
_FAMILY_STARTS: Final = (
    "ศรี", "ทอง", "บุญ", "แก้ว", "คำ", "จันทร์", "วงศ์", "สุข", "รัตน", "ไชย", "พรหม", "อินทร์", "มณี", "ดี",
    "เพชร", "สาย", "นา", "ภู", "หอม", "เรือง",
)  # fmt: skip
_FAMILY_ENDS: Final = (
    "สุวรรณ", "มงคล", "ประเสริฐ", "ใจดี", "พันธุ์", "กุล", "งาม", "แสง", "วัฒนา", "สมบูรณ์", "เจริญ", "ทวี",
    "คงทน", "ชื่นใจ", "ยืนยง", "รุ่งเรือง", "มั่นคง", "ขาว", "น้อย", "ใหญ่",
)  # fmt: skip
_PARTNERS: Final = (
    "มูลนิธิปันใจ", "ชมรมเพื่อนบ้าน", "สมาคมแม่บ้านอาสา", "เครือข่ายเยาวชนจิตอาสา", "กลุ่มสุขใจถึงบ้าน",
    "ชมรมผู้สูงอายุเข้มแข็ง", "ศูนย์อาสาประชารวมใจ", "เครือข่ายวัดและชุมชน",
)  # fmt: skip

ADULT_AGE: Final = 15
"""From this age on Thai titles are those of adults."""


def family_name(random: Random) -> str:
    """A family name, the same for most people of one household."""
    return random.choice(_FAMILY_STARTS) + random.choice(_FAMILY_ENDS)


def person_name(random: Random, sex: str, age: int, family: str) -> str:
    """Title, given name and family name of a person of this sex ("m" or "f") and age."""
    given = random.choice(_GIVEN_STARTS) + random.choice(_GIVEN_ENDS[sex])
    if sex == "m":
        title = "นาย" if age >= ADULT_AGE else "ด.ช."
    elif age < ADULT_AGE:
        title = "ด.ญ."
    else:
        title = "นาง" if age > 30 else "นางสาว"
    return f"{title}{given} {family}"


def partner_name(random: Random, district: str) -> str:
    """The name of a network partner that works in a district."""
    return f"{random.choice(_PARTNERS)} {district}"
