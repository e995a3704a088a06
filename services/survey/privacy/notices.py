"""What people are told before they are asked about their household: dated versions of one notice."""

from collections.abc import Sequence
from datetime import date
from typing import Final

from services.survey.privacy.purposes import PERIODS
from shared.web.notices import Notice
from shared.web.problems import Message

_KEPT: Final = Message(
    "เก็บไว้นานเท่าใด: "
    + " ".join(f"{one.data.th}: {one.kept.days} วันนับจาก{one.counted_from.th};" for one in PERIODS[:4]).rstrip(";"),
    "How long it is kept: "
    + "; ".join(f"{one.data.en}: {one.kept.days} days after {one.counted_from.en}" for one in PERIODS[:4]),
)

NOTICES: Final[Sequence[Notice]] = (
    Notice(
        "2022-01",
        date(2022, 1, 1),
        Message(
            "เราขอถามเรื่องวัคซีนโควิด-19 ของคนในบ้าน เพื่อพาวัคซีนไปถึงผู้ที่ต้องการ ท่านไม่ตอบข้อใดก็ได้ "
            "มีแต่ผู้ปฏิบัติงานในพื้นที่ที่เห็นข้อมูล ท่านขอดู แก้ไข หรือลบได้ทุกเมื่อ",
            "We ask about COVID vaccination of the people in this house, to bring vaccine to those who want it. You "
            "need not answer. Only those who work in this area see it. You may see, correct or erase it at any time.",
        ),
        (
            Message(
                "ใครเก็บ: เครือข่ายอาสาสมัครจิตอาสาร่วมกับหน่วยงานสาธารณสุขในพื้นที่",
                "Who keeps it: the volunteers' network Jitasa with the health offices of the area.",
            ),
            Message(
                "เพื่ออะไร: ค้นหาผู้ที่ต้องการวัคซีนและยังไม่ได้รับ ติดตามจนได้รับ และรู้ความครอบคลุมของพื้นที่ "
                "โดยเป็นภารกิจเพื่อประโยชน์สาธารณะด้านสาธารณสุข",
                "What for: to find who wants vaccine and lacks it, to follow up until it is had, and to know an area's "
                "coverage. It is a task in the public interest, public health.",
            ),
            Message(
                "เก็บอะไร: ที่อยู่ ชื่อ เบอร์โทร อายุ เพศ วัคซีนที่ได้รับ กลุ่มเสี่ยง 608 ความต้องการและเหตุผล "
                "ตำแหน่งบ้านถ้าท่านยินยอม และเลขประจำตัวประชาชนเฉพาะเมื่อท่านให้",
                "What: address, names, phone, age, sex, doses, the risk group 608, wishes and reasons; the house's "
                "position and national ids only if you give them.",
            ),
            Message(
                "ใครเห็น: อาสาสมัครและผู้ประสานงานของพื้นที่ของท่านเท่านั้น ทุกครั้งที่มีผู้เปิดดูจะมีบันทึกไว้ "
                "ตัวเลขรวมที่เผยแพร่ไม่มีข้อมูลที่ระบุตัวท่านได้",
                "Who sees it: volunteers and coordinators of your area alone, and each reading is recorded. Published "
                "figures name nobody.",
            ),
            _KEPT,
            Message(
                "สิทธิของท่าน: ขอดูและรับสำเนา ขอแก้ไข ขอลบ และคัดค้าน ได้ที่หน้า “ข้อมูลของฉัน” ของระบบนี้หรือที่ผู้ประสานงาน "
                "ภายใน 30 วันท่านจะได้คำตอบพร้อมเหตุผล หากไม่พอใจ ร้องเรียนต่อสำนักงานคณะกรรมการคุ้มครองข้อมูลส่วนบุคคลได้",
                "Your rights: to see it and have a copy, to have it corrected or erased, and to object: at the page "
                "“My data” or through a coordinator. You have an answer with reasons within 30 days, and may complain "
                "to the Office of the Personal Data Protection Committee.",
            ),
        ),
    ),
)
"""Every version, the oldest first."""

VERSIONS: Final = frozenset(one.version for one in NOTICES)
