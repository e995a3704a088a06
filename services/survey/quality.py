"""Quality flags: what is odd about a submission. It is recorded and counts all the same, and says so wherever it goes.

Three are judged by intake, from the submission alone (`evidence_of`); two by the recorder, which compares a batch with
what was recorded before (`Comparison`) and never opens what is sealed. For it, intake puts beside the sealed submission
a position that says no more than a neighbourhood of a square kilometre, and keyed hashes of national ids.

A flag is a hint for a coordinator, made when the submission is recorded and never changed: the household that named a
person first has none, and two doors that two recorders record in the same instant may both have none.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from itertools import pairwise
from math import cos, hypot, radians
from typing import Final, NamedTuple
from uuid import UUID

from services.survey.records import IntakeRecord
from services.survey.submission import Submission
from shared.areas.districts import CELLS_PER_DEGREE, Cell, cell_of, is_elsewhere
from shared.contracts.events import QualityFlag
from shared.security.blind_index import BlindIndex
from shared.security.identifiers import InvalidIdentifier, national_id
from shared.web.problems import Message

FASTEST_KM_PER_HOUR: Final = 120.0
"""The limit on Thailand's fastest roads: who is faster was not at both doors."""
LEAST_KM: Final = 5.0
"""Nearer doors are never judged by speed: positions are often a cell tower's, and clocks are set now and then."""
MOST_INACCURACY_M: Final = 1_000.0
"""A position that calls itself less accurate than a grid cell does not say which cell it is in."""

_KM_PER_CELL: Final = 110.6 / CELLS_PER_DEGREE
_INDEXED: Final = (
    "surveyed-person"  # a kind of its own: nobody finds a volunteer's own household by joining two databases
)
_INDEX_BYTES: Final = 16  # 128 bits: no two of 66 million people share them by chance

MEANINGS: Final[Mapping[str, Message]] = {
    QualityFlag.POSITION_ELSEWHERE: Message(
        "ตำแหน่ง GPS อยู่นอกอำเภอที่ระบุเกินประมาณ 1 กิโลเมตร",
        "The position lies more than about 1 km outside the district given",
    ),
    QualityFlag.IMPLAUSIBLE_SPEED: Message(
        "ไปถึงบ้านหลังถัดไปเร็วเกินกว่าที่เป็นไปได้", "The next house was reached faster than anybody could go"
    ),
    QualityFlag.SAME_PERSON: Message(
        "เลขประจำตัวประชาชนนี้อยู่ในครัวเรือนอื่นด้วย", "Somebody here is recorded in another household too, by national id"
    ),
    QualityFlag.CHECK_DIGIT: Message(
        "เลขประจำตัวประชาชนมีเลขตรวจสอบไม่ถูกต้อง บันทึกตามที่ปรากฏบนบัตร",
        "A national id has a wrong check digit and was taken as the card shows it",
    ),
    QualityFlag.ON_BEHALF: Message("ผู้ประสานงานบันทึกแทนอาสาสมัคร", "A coordinator recorded this on a volunteer's behalf"),
}
"""What each flag says."""


class Evidence(NamedTuple):
    """What intake notes in the clear beside a sealed submission.

    flags: those that it judged; cell: the grid cell of the position, if it is accurate enough to have one; persons: the
    blind indexes of the national ids.
    """

    flags: tuple[str, ...] = ()
    cell: Cell | None = None
    persons: tuple[bytes, ...] = ()


def evidence_of(submission: Submission, area: str, blind_index: BlindIndex) -> Evidence:
    """Judge a submission that `services.survey.submission.check` found good, for the subdistrict `area`."""
    flags: list[str] = []
    cell = None
    persons = []
    for person in submission.persons:
        if person.national_id:
            digits = _digits(person.national_id, as_shown=person.national_id_as_shown)
            if digits is None:
                flags = [QualityFlag.CHECK_DIGIT.value]
            else:
                persons.append(blind_index.of(_INDEXED, digits)[:_INDEX_BYTES])
    if submission.on_behalf_of is not None:
        flags.append(QualityFlag.ON_BEHALF.value)
    position = submission.position
    if position is not None:
        accuracy_m = position.accuracy_m
        if is_elsewhere(area[:4], position.lat, position.lon, accuracy_m):
            flags.append(QualityFlag.POSITION_ELSEWHERE.value)
        if accuracy_m is None or accuracy_m <= MOST_INACCURACY_M:
            cell = cell_of(position.lat, position.lon)
    return Evidence(tuple(flags), cell, tuple(persons))


def _digits(text: str, *, as_shown: bool) -> str | None:
    """The 13 digits of a national id that passed the checks; None for one that passed only because the card shows it
    so. Such a number is no index: one and the same misprint or made-up number would make one person of many."""
    if len(text) == 13 and text.isascii() and not as_shown:
        return text  # most of them: checked before, and spelled as they are kept
    try:
        return national_id(text)
    except InvalidIdentifier:
        return None


class Sighting(NamedTuple):
    """When a volunteer was last at a door, by the phone's clock, and in which grid cell."""

    captured_at: datetime
    row: int
    column: int


def too_fast(one: Sighting, other: Sighting) -> bool:
    """Whether nobody gets from the one to the other in the time between, measured between the cells' nearest edges."""
    rows = max(0, abs(one.row - other.row) - 1)
    columns = max(0, abs(one.column - other.column) - 1)
    if _KM_PER_CELL * hypot(rows, columns) < LEAST_KM:
        return False  # nearly always: the next door is in the same village
    # Degrees of longitude are shortest at the door that is farther from the equator.
    farther = max(abs(one.row), abs(other.row)) / CELLS_PER_DEGREE
    km = _KM_PER_CELL * hypot(rows, columns * cos(radians(farther)))
    if km < LEAST_KM:
        return False
    hours = abs((one.captured_at - other.captured_at).total_seconds()) / 3600
    return km > FASTEST_KM_PER_HOUR * hours


class Comparison:
    """The records of one batch, compared with each other and with what was recorded before.

    sightings: the last one of each volunteer of the batch; households: where each of its persons was recorded first, by
    blind index. `seen`: the volunteers' new last sightings.
    """

    def __init__(
        self,
        records: Iterable[IntakeRecord],
        sightings: Mapping[UUID, Sighting],
        households: Mapping[bytes, UUID],
    ) -> None:
        self.seen: dict[UUID, Sighting] = {}
        self._households = households
        self._too_fast = self._judge_speed(records, sightings)

    def flags(self, record: IntakeRecord) -> tuple[str, ...]:
        """All flags of a record, intake's among them, in alphabetical order."""
        fast = record.submission_id in self._too_fast
        shared = any(self._households[person] != record.household_id for person in record.persons)
        if not fast and not shared:
            return record.flags
        found = {*record.flags}
        if fast:
            found.add(QualityFlag.IMPLAUSIBLE_SPEED.value)
        if shared:
            found.add(QualityFlag.SAME_PERSON.value)
        return tuple(sorted(found))

    def _judge_speed(self, records: Iterable[IntakeRecord], sightings: Mapping[UUID, Sighting]) -> set[UUID]:
        """The submissions whose volunteer was too fast from the door before, by the clock; or, when this one came later
        than the last one that is remembered, to that one. Doors in between only make it more than it seems."""
        rounds: dict[UUID, list[tuple[Sighting, UUID | None]]] = defaultdict(list)
        for record in records:
            if record.cell is not None and record.volunteer_id is not None:
                rounds[record.volunteer_id].append((Sighting(record.captured_at, *record.cell), record.submission_id))
        flagged: set[UUID] = set()
        for volunteer, doors in rounds.items():
            last = sightings.get(volunteer)
            if last is not None:
                doors.append((last, None))
            doors.sort(key=lambda door: door[0])
            for (earlier, before), (later, after) in pairwise(doors):
                accused = after or before
                if accused is not None and too_fast(earlier, later):
                    flagged.add(accused)
            if doors[-1][1] is not None:
                self.seen[volunteer] = doors[-1][0]
        return flagged
