"""The form as a table: questions, choices and their words in Thai and English.

`services.survey.openrosa.making` makes the XLSForm and the XForm from it. The choices are those that
`services.survey.submission` takes: a choice without words, or words without a choice, ends the import.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple, get_args

from services.survey.privacy.notices import NOTICES
from services.survey.submission import MAX_PERSONS, Risk, Vaccine
from shared.areas.register import provinces
from shared.contracts.events import Reason
from shared.web.problems import Message

FORM_ID: Final = "jitasa_household"
TITLE: Final = Message("สำรวจวัคซีนครัวเรือน", "Household vaccination survey")
THAI: Final = "ไทย (th)"
ENGLISH: Final = "English (en)"
AREAS_FILE: Final = "areas.csv"
"""The subdistricts to choose from: a file beside the form, of the key's own area alone."""
MAX_DOSES: Final = 10
NOTICE: Final = NOTICES[-1]
"""What the volunteer reads out first; its version goes with the answers."""
REPEATS: Final = frozenset({"persons", "doses"})
"""What may stand several times; every other group only keeps questions together on the screen."""
BANGKOK_CODE: Final = "10"
"""The one province without village numbers."""


class Choice(NamedTuple):
    """One choice: what is sent, and its words."""

    name: str
    label: Message


def _choices(names: Iterable[str], words: Mapping[str, Message]) -> tuple[Choice, ...]:
    wanted = tuple(names)
    if set(wanted) != set(words):
        raise ValueError(f"words for {sorted(words)}, choices {sorted(wanted)}")
    return tuple(Choice(name, words[name]) for name in wanted)


CHOICES: Final[Mapping[str, Sequence[Choice]]] = {
    "yes_no": _choices(("yes", "no"), {"yes": Message("ใช่", "Yes"), "no": Message("ไม่ใช่", "No")}),
    "age_by": _choices(
        ("age", "birth_year", "unknown"),
        {
            "age": Message("อายุ (ปี)", "Age in years"),
            "birth_year": Message("ปีเกิด พ.ศ.", "Year of birth, B.E."),
            "unknown": Message("ไม่ทราบ", "Not known"),
        },
    ),
    "sex": _choices(
        ("f", "m", "x"),
        {"f": Message("หญิง", "Female"), "m": Message("ชาย", "Male"), "x": Message("อื่น ๆ", "Other")},
    ),
    "wants": _choices(
        ("yes", "undecided", "no"),
        {
            "yes": Message("ต้องการ", "Wants it"),
            "undecided": Message("ยังไม่ตัดสินใจ", "Undecided"),
            "no": Message("ไม่ต้องการ", "Does not want it"),
        },
    ),
    "risks": _choices(
        get_args(Risk),
        {
            "age_60": Message("อายุ 60 ปีขึ้นไป", "60 years or older"),
            "chronic_respiratory": Message("โรคทางเดินหายใจเรื้อรัง", "Chronic respiratory disease"),
            "cardiovascular": Message("โรคหัวใจและหลอดเลือด", "Cardiovascular disease"),
            "chronic_kidney_failure": Message("โรคไตวายเรื้อรัง", "Chronic kidney failure"),
            "stroke": Message("โรคหลอดเลือดสมอง", "Stroke"),
            "obesity": Message("โรคอ้วน", "Obesity"),
            "cancer": Message("โรคมะเร็ง", "Cancer"),
            "diabetes": Message("โรคเบาหวาน", "Diabetes"),
            "pregnancy_12_weeks": Message("ตั้งครรภ์ 12 สัปดาห์ขึ้นไป", "Pregnant for 12 weeks or more"),
        },
    ),
    "reasons": _choices(
        (reason.value for reason in Reason),
        {
            "side_effects": Message("กลัวผลข้างเคียง", "Fear of side effects"),
            "allergy": Message("แพ้วัคซีนหรือยา", "Allergy"),
            "other_vaccine": Message("รอวัคซีนชนิดอื่น", "Waits for another vaccine"),
            "stays_home": Message("อยู่แต่บ้าน", "Stays at home"),
            "hard_to_reach": Message("เดินทางไปหน่วยฉีดลำบาก", "Vaccination unit is hard to reach"),
            "unfounded_fear": Message("กลัวโดยไม่มีเหตุเฉพาะ", "Fear without a reason"),
            "not_bother_family": Message("เกรงใจลูกหลาน", "Does not want to bother the family"),
            "cost": Message("มีค่าใช้จ่าย", "Cost"),
            "lives_elsewhere": Message("อาศัยอยู่ที่อื่น", "Lives elsewhere"),
            "medical_advice": Message("แพทย์แนะนำให้งด", "Medical advice"),
            "recently_infected": Message("เพิ่งติดเชื้อ", "Recently infected"),
            "pregnant": Message("ตั้งครรภ์", "Pregnant"),
            "religious": Message("เหตุผลทางศาสนา", "Religious reasons"),
            "no_parent_consent": Message("ผู้ปกครองไม่ยินยอม", "A minor without a parent's consent"),
            "no_identity_document": Message("ไม่มีเอกสารประจำตัว", "No identity document"),
            "other": Message("อื่น ๆ", "Other"),
            "no_answer": Message("ไม่ขอตอบ", "Declined to answer"),
        },
    ),
    "vaccines": _choices(
        get_args(Vaccine),
        {
            "511": Message("ซิโนแวค (CoronaVac)", "CoronaVac (Sinovac)"),
            "210": Message("แอสตร้าเซนเนก้า", "AstraZeneca"),
            "510": Message("ซิโนฟาร์ม", "Sinopharm"),
            "208": Message("ไฟเซอร์", "Pfizer"),
            "218": Message("ไฟเซอร์ (เด็ก 5–11 ปี)", "Pfizer for ages 5 to 11"),
            "207": Message("โมเดอร์นา", "Moderna"),
            "212": Message("แจนเซน (จอห์นสัน)", "Janssen (Johnson & Johnson)"),
            "211": Message("โนวาแวกซ์", "Novavax"),
            "213": Message("ไม่ทราบชนิด", "Not known which"),
        },
    ),
    "provinces": tuple(Choice(each.code, Message(each.name_th, each.name_en)) for each in provinces()),
}
"""The lists of choices, by name."""


class Question(NamedTuple):
    """A row of the form. more: further columns of an XLSForm, as they are named there; `says` belongs to constraint."""

    type: str
    name: str
    label: Message | None = None
    hint: Message | None = None
    says: Message | None = None
    more: Mapping[str, str] = {}


def _begin(kind: str, name: str, th: str, en: str, **more: str) -> Question:
    return Question(f"begin_{kind}", name, Message(th, en), more=more)


def _end(kind: str) -> Question:
    return Question(f"end_{kind}", "")


_REQUIRED: Final = {"required": "yes"}
_DIGIT_WEIGHTS: Final = " + ".join(
    f"number(substr(${{national_id}}, {place}, {place + 1})) * {13 - place}" for place in range(12)
)

QUESTIONS: Final[Sequence[Question]] = (
    Question("start", "start"),
    Question("end", "end"),
    Question("note", "notice", NOTICE.spoken),
    Question("calculate", "notice_version", more={"calculation": f"'{NOTICE.version}'"}),
    _begin("group", "address", "ที่อยู่", "Address", appearance="field-list"),
    Question(
        f"select_one_from_file {AREAS_FILE}",
        "area",
        Message("ตำบล/แขวง", "Subdistrict"),
        Message("พิมพ์ชื่อหรือรหัสเพื่อค้นหา", "Type a name or a code to search"),
        more={**_REQUIRED, "appearance": "minimal autocomplete"},
    ),
    Question(
        "integer",
        "moo",
        Message("หมู่ที่", "Village number (moo)"),
        says=Message("หมู่ที่อยู่ระหว่าง 1 ถึง 99", "A village number is between 1 and 99"),
        more={
            "constraint": ". >= 1 and . <= 99",
            "relevant": f"not(starts-with(${{area}}, '{BANGKOK_CODE}'))",
        },
    ),
    Question(
        "text",
        "house",
        Message("บ้านเลขที่", "House number"),
        says=Message("ยาวได้ไม่เกิน 60 ตัวอักษร", "Not more than 60 characters"),
        more={**_REQUIRED, "constraint": "string-length(.) <= 60"},
    ),
    Question(
        "text",
        "unit",
        Message("ห้อง/ชั้น (ถ้ามี)", "Unit or floor, if any"),
        says=Message("ยาวได้ไม่เกิน 60 ตัวอักษร", "Not more than 60 characters"),
        more={"constraint": "string-length(.) <= 60"},
    ),
    _end("group"),
    Question(
        "geopoint",
        "position",
        Message("ตำแหน่งบ้าน (ไม่บังคับ)", "Position of the house (optional)"),
        Message("ยืนหน้าบ้านแล้วรอให้แม่นยำ ข้ามได้", "Stand at the door and wait for accuracy; may be skipped"),
        more={"parameters": "capture-accuracy=10 warning-accuracy=100"},
    ),
    _begin("group", "contact", "ผู้ติดต่อ", "Contact", appearance="field-list"),
    Question(
        "text",
        "contact_name",
        Message("ชื่อผู้ติดต่อ", "Name of the contact"),
        says=Message("ยาวได้ไม่เกิน 200 ตัวอักษร", "Not more than 200 characters"),
        more={"constraint": "string-length(.) <= 200"},
    ),
    Question(
        "text",
        "contact_phone",
        Message("เบอร์มือถือ", "Mobile number"),
        says=Message(
            "เบอร์มือถือต้องขึ้นต้นด้วย 06 08 หรือ 09 และมี 10 หลัก",
            "A mobile number begins with 06, 08 or 09 and has 10 digits",
        ),
        more={"appearance": "numbers", "constraint": "regex(., '^0[689][0-9]{8}$')"},
    ),
    _end("group"),
    Question(
        "integer",
        "person_count",
        Message("บ้านนี้มีกี่คน", "How many people live here?"),
        Message("ไม่มีผู้อยู่อาศัยให้ใส่ 0", "0 when nobody lives here"),
        says=Message(f"0 ถึง {MAX_PERSONS} คน", f"0 to {MAX_PERSONS} people"),
        more={**_REQUIRED, "constraint": f". >= 0 and . <= {MAX_PERSONS}"},
    ),
    _begin(
        "repeat",
        "persons",
        "สมาชิก",
        "Person",
        repeat_count="${person_count}",
        relevant="${person_count} > 0",
    ),
    _begin("group", "who", "สมาชิกคนนี้", "This person", appearance="field-list"),
    Question(
        "text",
        "name",
        Message("ชื่อ–นามสกุล", "Name"),
        says=Message("ยาวได้ไม่เกิน 200 ตัวอักษร", "Not more than 200 characters"),
        more={"constraint": "string-length(.) <= 200"},
    ),
    Question("select_one age_by", "age_by", Message("ทราบอายุจาก", "Age by"), more=_REQUIRED | {"default": "age"}),
    Question(
        "integer",
        "age",
        Message("อายุ (ปี)", "Age in years"),
        says=Message("0 ถึง 130 ปี", "0 to 130 years"),
        more={**_REQUIRED, "relevant": "${age_by} = 'age'", "constraint": ". >= 0 and . <= 130"},
    ),
    Question(
        "integer",
        "birth_year",
        Message("ปีเกิด พ.ศ.", "Year of birth, B.E."),
        Message("เช่น 2495", "Such as 2495"),
        says=Message(
            "ปี พ.ศ. ไม่เกินปีนี้และไม่เกิน 130 ปีก่อน", "A year of the Buddhist era, at most 130 years ago, not in the future"
        ),
        more={
            **_REQUIRED,
            "relevant": "${age_by} = 'birth_year'",
            "constraint": ". <= number(format-date(today(), '%Y')) + 543 and "
            ". >= number(format-date(today(), '%Y')) + 413",
        },
    ),
    Question("select_one sex", "sex", Message("เพศ", "Sex"), more={"appearance": "columns-pack"}),
    Question(
        "text",
        "national_id",
        Message("เลขประจำตัวประชาชน (ไม่บังคับ)", "National id (optional)"),
        says=Message("ต้องมี 13 หลัก และหลักแรกไม่ใช่ 9", "13 digits, of which the first is not 9"),
        more={"appearance": "numbers", "constraint": "regex(., '^[0-8][0-9]{12}$')"},
    ),
    Question(
        "select_one yes_no",
        "national_id_as_shown",
        Message("เลขตรวจสอบไม่ตรง บัตรจริงเป็นเลขนี้ใช่หรือไม่", "The check digit is wrong. Does the card itself show it so?"),
        says=Message("โปรดแก้เลขประจำตัวประชาชนให้ตรงกับบัตร", "Correct the national id, as the card shows it"),
        more={
            **_REQUIRED,
            "relevant": "regex(${national_id}, '^[0-8][0-9]{12}$') and "
            f"((11 - (({_DIGIT_WEIGHTS}) mod 11)) mod 10) != number(substr(${{national_id}}, 12, 13))",
            "constraint": ". = 'yes'",
        },
    ),
    Question(
        "select_one provinces",
        "registered_area",
        Message("ทะเบียนบ้านอยู่จังหวัดอื่น (ถ้าใช่)", "Registered in another province, if so"),
        more={"appearance": "minimal autocomplete"},
    ),
    _end("group"),
    _begin("group", "health", "ความเสี่ยงและวัคซีน", "Risk and vaccine", appearance="field-list"),
    Question(
        "select_multiple risks",
        "risks",
        Message("กลุ่มเสี่ยง 608", "Risk group 608"),
        Message("เลือกได้หลายข้อ ไม่มีให้เว้นว่าง", "Several may be chosen; none if there is none"),
    ),
    Question(
        "integer",
        "dose_count",
        Message("ได้รับวัคซีนแล้วกี่เข็ม", "How many doses so far?"),
        says=Message(f"0 ถึง {MAX_DOSES} เข็ม", f"0 to {MAX_DOSES} doses"),
        more={**_REQUIRED, "constraint": f". >= 0 and . <= {MAX_DOSES}"},
    ),
    _end("group"),
    _begin("repeat", "doses", "เข็ม", "Dose", repeat_count="${dose_count}", relevant="${dose_count} > 0"),
    Question("calculate", "number", more={"calculation": "position(..)"}),
    _begin("group", "dose", "เข็มนี้", "This dose", appearance="field-list"),
    Question(
        "date",
        "date",
        Message("วันที่ฉีด (ถ้าทราบ)", "Date, if known"),
        says=Message("วันที่ฉีดต้องไม่ก่อน 1 ธันวาคม 2563 และไม่เกินวันนี้", "Between 1 December 2020 and today"),
        more={"appearance": "buddhist", "constraint": ". >= date('2020-12-01') and . <= today()"},
    ),
    Question("select_one vaccines", "vaccine", Message("วัคซีน (ถ้าทราบ)", "Vaccine, if known")),
    _end("group"),
    _end("repeat"),
    _begin("group", "wish", "ความต้องการ", "What is wanted", appearance="field-list"),
    Question("select_one wants", "wants_vaccine", Message("ต้องการวัคซีนเข็มต่อไปหรือไม่", "Is a next dose wanted?")),
    Question(
        "select_multiple reasons",
        "reasons",
        Message("เหตุที่ยังไม่ได้รับหรือไม่ต้องการ", "Reasons for not having or wanting it"),
        Message("เลือกได้หลายข้อ", "Several may be chosen"),
        more={"appearance": "minimal"},
    ),
    Question("select_one yes_no", "home_visit", Message("ต้องไปฉีดที่บ้าน (ติดเตียง)", "Needs a visit at home (bedridden)")),
    _end("group"),
    _end("repeat"),
    Question("note", "thanks", Message("ครบแล้ว ส่งได้เลย", "That is all: it can be sent")),
)
"""The form from its beginning to its end."""


def version() -> str:
    """Names what the form asks: it changes with every change of the table, so that phones fetch the new one."""
    text = repr((FORM_ID, TITLE, CHOICES, QUESTIONS))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


_LABELS: Final[Mapping[str, Message]] = {each.name: each.label for each in QUESTIONS if each.label is not None}
_QUESTION_OF: Final[Mapping[str, str]] = {
    "address.village": "moo",
    "contact.name": "contact_name",
    "contact.phone": "contact_phone",
    "persons": "person_count",
}
"""Where a field of a submission is asked under another name."""
_OTHER_PLACES: Final[Mapping[str, Message]] = {
    "captured_at": Message("เวลาของเครื่อง", "The device's clock"),
    "submission_id": Message("รหัสแบบสำรวจ (instanceID)", "The form's id (instanceID)"),
}
_ITEM: Final = re.compile(r"(persons|doses)\[(\d+)\]\.?")
_INDEX: Final = re.compile(r"\[[^]]*\]")
_ITEMS: Final = {"persons": Message("คนที่ {}", "Person {}"), "doses": Message("เข็มที่ {}", "Dose {}")}


def place_of(path: str) -> Message | None:
    """Where in the form a submission's field is asked, in words: `persons[0].doses[1].date` is "Person 1, Dose 2, Date,
    if known". None for the whole."""
    if path in _OTHER_PLACES:
        return _OTHER_PLACES[path]
    parts = []
    for kind, index in _ITEM.findall(path):
        item, number = _ITEMS[kind], int(index) + 1
        parts.append(Message(item.th.format(number), item.en.format(number)))
    rest = _INDEX.sub("", _ITEM.sub("", path))
    name = _QUESTION_OF.get(rest, rest.split(".")[0] if rest.startswith("position") else rest.rpartition(".")[2])
    if name in _LABELS:
        parts.append(_LABELS[name])
    if not parts:
        return None
    return Message(" · ".join(part.th for part in parts), " · ".join(part.en for part in parts))
