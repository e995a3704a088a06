"""What each row of a list would do: enter a place, change it, leave it, or nothing, and why."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any, Final
from uuid import UUID, uuid5

from services.facilities.domain.kinds import KIND_STAYS, Kinds, crosses
from services.facilities.domain.places import Content, Facility, takes_code
from services.facilities.domain.violations import InvalidContent, Violation
from services.facilities.fields import content_document
from services.facilities.imports.overlay import content_of, laid_over
from services.facilities.reading import Columns, Fault, Field, Row, Table
from services.facilities.reading.record import PATHS


class Result(StrEnum):
    """What a row does. The last two come later: its place was changed by somebody between checking and applying, or
    between applying and undoing."""

    NEW = "new"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    DUPLICATE = "duplicate"
    ERROR = "error"
    IGNORED = "ignored"
    CHANGED_MEANWHILE = "changed_meanwhile"
    CHANGED_SINCE = "changed_since"


@dataclass(frozen=True, slots=True)
class Known:
    """What the register knows for some rows, by their numbers: the place that a row is about, and places that may be
    the one that it would enter."""

    places: Mapping[int, Facility] = field(default_factory=dict)
    alike: Mapping[int, UUID] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Judged:
    """One row and what it would do."""

    number: int
    result: Result
    facility_id: UUID | None = None
    before: Facility | None = None
    after: Content | None = None
    duplicate_of: UUID | None = None
    as_of: date | None = None
    faults: Sequence[Fault] = ()
    notices: Sequence[Fault] = ()

    @property
    def takes_code(self) -> bool:
        """Whether applying would give an open place a code that it does not have by now."""
        if self.result not in (Result.NEW, Result.CHANGED) or self.after is None:
            return False
        return takes_code(None if self.before is None else self.before.content, self.after)

    def record(self, import_id: UUID) -> tuple[Any, ...]:
        """As a row of `facility_import_row`."""
        before = self.before
        return (
            import_id,
            self.number,
            self.result,
            self.facility_id,
            before and before.revision,
            None if before is None else _json(content_document(before.content)),
            None if self.after is None else _json(content_document(self.after)),
            before and before.confirmed_at,
            self.as_of,
            self.duplicate_of,
            _json([asdict(fault) for fault in self.faults]),
            _json([asdict(notice) for notice in self.notices]),
        )


COLUMNS: Final = (
    "import_id",
    "number",
    "result",
    "facility_id",
    "revision",
    "before",
    "after",
    "confirmed_at",
    "as_of",
    "duplicate_of",
    "faults",
    "notices",
)
"""Of `Judged.record`."""

_REPEATED: Final = ("repeated_row", "เป็นสถานที่เดียวกับแถว {first}", "This is the place of row {first}")
_UNKNOWN_ID: Final = ("unknown_id", "ไม่มีสถานที่รหัสนี้ในพื้นที่ของท่าน", "There is no place with this id in your area")
_STALE: Final = (
    "stale_revision",
    "มีผู้แก้ไขสถานที่นี้หลังจากดาวน์โหลดรายการ (รุ่น {revision}) โปรดดาวน์โหลดใหม่",
    "Somebody has changed this place after the list was downloaded (revision {revision}); download it again",
)
_OUTSIDE: Final = ("outside_your_area", "อยู่นอกพื้นที่ของท่าน", "This lies outside your area")
_CODE_IN_USE: Final = ("code_in_use", "รหัสนี้เป็นของ {name}", "This code is that of {name}")
_OTHER_ORGANISATION: Final = (
    "other_organisation",
    "สถานที่นี้ดูแลโดยหน่วยงานอื่น",
    "Another organisation keeps this place",
)
_NOT_YOURS: Final = ("other_organisation", "หน่วยงานนี้ไม่ใช่หน่วยงานของท่าน", "This is not your organisation")
_MERGED: Final = ("facility_merged", "สถานที่นี้รวมกับที่อื่นแล้ว", "This place was merged into another")


class Judge:
    """Judges the rows of one list, in their order: of two rows about one place the first counts."""

    def __init__(
        self,
        import_id: UUID,
        table: Table,
        columns: Columns,
        kinds: Kinds,
        *,
        area: str,
        organisation: UUID | None,
        only_of: UUID | None,
    ) -> None:
        """organisation: keeps what is new; only_of: places that another one keeps, or would keep, are refused."""
        self._import_id = import_id
        self._table = table
        self._columns = columns
        self._kinds = kinds
        self._area = area
        self._organisation = organisation
        self._only_of = only_of
        self._seen: dict[object, int] = {}

    def judge(self, rows: Sequence[Row], known: Known) -> list[Judged]:
        """Judge the next rows."""
        return [self._judge(row, known) for row in rows]

    def code_in_use(self, judged: Judged, name: str) -> Judged:
        """The same row, refused because the place `name` has its code."""
        fault = self._named(judged.number, "official_code", _CODE_IN_USE, name=name)
        return Judged(judged.number, Result.ERROR, faults=[fault], notices=judged.notices)

    def _judge(self, row: Row, known: Known) -> Judged:
        if row.faults:
            return Judged(row.number, Result.ERROR, faults=row.faults, notices=row.notices)
        if row.draft is None:
            return Judged(row.number, Result.IGNORED, notices=row.notices)
        place = known.places.get(row.number)
        fault = self._refused(row, place)
        if fault is not None:
            return Judged(row.number, Result.ERROR, faults=[fault], notices=row.notices)
        before = content_document(place.content) if place else {"organisation_id": self._organisation}
        fields = laid_over(row.draft, before, clears=bool(row.draft.get("facility_id")))
        if row.has_hours_as_note:
            fields["hours"] = row.draft["hours"]  # also none: the former ones would contradict the note
        try:
            same = place is not None and fields["position"] == before["position"]
            after = content_of(fields, self._kinds, position_known=same)
        except InvalidContent as error:
            faults = [self._fault(row.number, violation) for violation in error.violations]
            return Judged(row.number, Result.ERROR, faults=faults, notices=row.notices)
        if not after.area.startswith(self._area):
            return Judged(
                row.number, Result.ERROR, faults=[self._named(row.number, "area", _OUTSIDE)], notices=row.notices
            )
        if self._only_of is not None and after.organisation_id not in (None, self._only_of):
            fault = self._named(row.number, "organisation_id", _NOT_YOURS)
            return Judged(row.number, Result.ERROR, faults=[fault], notices=row.notices)
        if place is not None and crosses(place.content.kind, after.kind):
            return Judged(
                row.number, Result.ERROR, faults=[self._named(row.number, "kind", KIND_STAYS)], notices=row.notices
            )
        if (first := self._first(row, place, after)) is not None:
            fault = self._named(row.number, "name", _REPEATED, first=first)
            return Judged(row.number, Result.ERROR, faults=[fault], notices=row.notices)
        if place is None:
            alike = known.alike.get(row.number)
            return Judged(
                row.number,
                Result.NEW if alike is None else Result.DUPLICATE,
                uuid5(self._import_id, str(row.number)),
                after=after,
                duplicate_of=alike,
                as_of=row.as_of,
                notices=row.notices,
            )
        result = Result.UNCHANGED if after == place.content else Result.CHANGED
        return Judged(row.number, result, place.facility_id, place, after, as_of=row.as_of, notices=row.notices)

    def _refused(self, row: Row, place: Facility | None) -> Fault | None:
        draft = row.draft or {}
        if place is None:
            return self._named(row.number, "facility_id", _UNKNOWN_ID) if draft.get("facility_id") else None
        if place.merged_into is not None:
            return self._named(row.number, "facility_id", _MERGED)
        if self._only_of is not None and place.content.organisation_id not in (None, self._only_of):
            return self._named(row.number, "facility_id", _OTHER_ORGANISATION)
        revision = draft.get("revision")
        if revision is not None and revision != place.revision:
            return self._named(row.number, "revision", _STALE, revision=place.revision)
        return None

    def _first(self, row: Row, place: Facility | None, after: Content) -> int | None:
        """The row that was about the same place before, if there was one."""
        keys: list[object] = [(after.kind, after.name.replace(" ", "").casefold(), after.area)]
        if place is not None:
            keys = [place.facility_id]
        if after.official_code is not None and (place is None or _code(place.content) != _code(after)):
            keys.append(_code(after))
        first = next((self._seen[key] for key in keys if key in self._seen), None)
        if first is None:
            self._seen |= dict.fromkeys(keys, row.number)
        return first

    def _named(self, number: int, path: str, sentence: tuple[str, str, str], **named: object) -> Fault:
        code, th, en = sentence
        return self._fault(number, Violation(path, code, th.format(**named), en.format(**named)))

    def _fault(self, number: int, violation: Violation) -> Fault:
        """What the register says of a field, said of the cell that it came from."""
        column = self._column(violation.path)
        if column is None:
            cell, title = str(number), ""
        else:
            cell, title = self._table.cell(number, column), self._table.titles[column]
        return Fault(cell, title, violation.code, violation.th, violation.en, violation.path)

    def _column(self, path: str) -> int | None:
        """The column of a field, or of what it is a part of."""
        wanted = path.partition("[")[0]
        by_path = {PATHS.get(name, name.value): column for name, column in self._columns.places.items()}
        found = by_path.get(wanted, by_path.get(wanted.partition(".")[0]))
        if found is not None:
            return found
        parts = [column for name, column in by_path.items() if name.partition(".")[0] == wanted]
        if parts:
            return min(parts)
        return self._columns.places.get(Field.POSITION) if wanted.startswith("position") else None


def _code(content: Content) -> tuple[str, str | None]:
    return content.kind, content.official_code


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
