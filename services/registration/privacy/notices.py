"""What people are told before they sign up: dated versions of one notice."""

from collections.abc import Sequence
from datetime import date
from enum import StrEnum
from typing import Final

from shared.web.notices import Notice
from shared.web.problems import Message

NOTICES: Final[Sequence[Notice]] = (
    Notice(
        "2022-01",
        date(2022, 1, 1),
        Message(
            "เราเก็บชื่อ เบอร์โทร และพื้นที่ของท่าน เพื่อประสานงานอาสาสมัครเท่านั้น ชื่อและเบอร์ถูกเข้ารหัสไว้ ผู้ประสานงานและ"
            "หน่วยงานของท่านเปิดอ่านได้ และมีบันทึกทุกครั้ง ท่านขอสำเนา แก้ไข หรือลบได้ทุกเมื่อ",
            "We keep your name, phone and area, to work with you as a volunteer and for nothing else. Name and number "
            "are sealed; coordinators of your area and your organisation can read them, and each reading is recorded. "
            "You may have a copy, a correction or everything erased at any time.",
        ),
        (
            Message(
                "ใครเก็บ: เครือข่ายอาสาสมัครจิตอาสาร่วมกับหน่วยงานสาธารณสุขในพื้นที่",
                "Who keeps it: the volunteers' network Jitasa with the health offices of the area.",
            ),
            Message(
                "เพื่ออะไร: รู้ว่าใครเป็นอาสาสมัครและปฏิบัติงานที่ใด ติดต่อ อบรม และแจ้งข้อสั่งการ "
                "โดยเป็นภารกิจเพื่อประโยชน์สาธารณะด้านสาธารณสุข",
                "What for: to know who volunteers and where, to call, to train and to send directives. It is a task in "
                "the public interest, public health.",
            ),
            Message(
                "เก็บอะไร: ชื่อ เบอร์โทร พื้นที่ หน่วยงาน บทบาท การอบรม ปัญหาที่ท่านแจ้ง และวันที่ใช้งานล่าสุด "
                "หากท่านให้เลขประจำตัวประชาชน เก็บเพียงรหัสลับที่ย้อนเป็นเลขไม่ได้ เพื่อไม่ให้ลงทะเบียนซ้ำ",
                "What: name, phone, area, organisation, roles, trainings, problems that you report, and the last day "
                "on which you used it. Of a national id, if you give it, only a keyed hash, so that nobody signs up "
                "twice.",
            ),
            Message(
                "ใครเห็น: ผู้ประสานงานและผู้ดูแลของพื้นที่ หน่วยงานที่ท่านสังกัด และผู้จัดอบรม ทุกครั้งที่มีผู้เปิดดูจะมีบันทึกไว้ "
                "เมื่อท่านเป็นผู้ประสานงาน ผู้ประสานงานและผู้ดูแลที่อยู่เหนือพื้นที่ของท่านเห็นชื่อและเบอร์ของท่าน",
                "Who sees it: coordinators and administrators of the area, your organisation, and who holds your "
                "trainings; each reading is recorded. Of coordinators, those of the areas above see name and number "
                "too.",
            ),
            Message(
                "เก็บไว้นานเท่าใด: จนกว่าท่านจะขอลบ แม้ถอนตัวแล้ว เพราะผู้ที่ถอนตัวลงทะเบียนใหม่เป็นคนเดิมได้ "
                "หลังลบ เหลือเพียงรหัสและวันที่ซึ่งตัวเลขรวมต้องใช้ และบันทึกการเปิดอ่านซึ่งไม่มีชื่อ",
                "How long: until you have it erased, also after you withdrew, since who withdrew may come back as the "
                "same person. After that ids and dates stay, which the figures need, and the record of readings, "
                "without names.",
            ),
            Message(
                "สิทธิของท่าน: ขอดูและรับสำเนา ขอแก้ไข และลบได้เองที่หน้า “ข้อมูลของฉัน” เมื่อเข้าสู่ระบบ หรือทำหนังสือถึงผู้ประสานงาน "
                "ซึ่งจะได้คำตอบภายใน 30 วัน หากไม่พอใจ ร้องเรียนต่อสำนักงานคณะกรรมการคุ้มครองข้อมูลส่วนบุคคลได้",
                "Your rights: a copy, correction and erasure at the page “My data”, once signed in, or by writing to a "
                "coordinator, who answers within 30 days. You may complain to the Office of the Personal Data "
                "Protection Committee.",
            ),
        ),
    ),
)
"""Every version, the oldest first."""

VERSIONS: Final = frozenset(one.version for one in NOTICES)


class Shown(StrEnum):
    """How somebody who signed up came to know the notice."""

    PAGE = "page"
    """He filled the sign-up in himself, below the notice."""
    SPOKEN = "spoken"
    """The coordinator who filled it in read it out to him."""
    ROLL = "roll"
    """The organisation that sent the roll says that it has shown it to all who stand on it."""
