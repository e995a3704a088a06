"""The kind of a place by its names, against the list of kinds that the register has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from services.facilities.reading.faults import Unreadable
from services.facilities.reading.words import plain


class KindNames(Protocol):
    """A kind as the register lists it: its slug and its names."""

    @property
    def kind(self) -> str:
        """The slug, such as field_hospital."""

    @property
    def th(self) -> str:
        """The name in Thai."""

    @property
    def en(self) -> str:
        """The name in English."""


_ALSO: Final[Mapping[str, Sequence[str]]] = {
    "test_point": (
        "จุดตรวจ",
        "จุดตรวจโควิด",
        "จุดตรวจ ATK",
        "จุดตรวจหาเชื้อ",
        "จุดตรวจคัดกรอง",
        "จุดคัดกรอง",
        "หน่วยตรวจ",
        "สถานที่ตรวจ",
        "จุดตรวจเชิงรุก",
        "testing site",
        "test site",
        "test centre",
        "testing point",
        "testing",
    ),
    "vaccination_point": (
        "จุดฉีด",
        "จุดฉีดวัคซีน",
        "หน่วยฉีดวัคซีน",
        "สถานที่ฉีดวัคซีน",
        "ศูนย์ฉีดวัคซีน",
        "จุดบริการวัคซีน",
        "จุดบริการฉีดวัคซีน",
        "vaccination site",
        "vaccination centre",
        "vaccine site",
        "vaccination",
    ),
    "hospital": (
        "รพ.",
        "โรงพยาบาล",
        "โรงพยาบาลทั่วไป",
        "โรงพยาบาลชุมชน",
        "โรงพยาบาลศูนย์",
        "โรงพยาบาลเอกชน",
        "โรงพยาบาลรัฐ",
        "รพ.ทั่วไป",
        "รพ.ชุมชน",
        "รพ.ศูนย์",
        "รพ.เอกชน",
        "รพท.",
        "รพช.",
        "รพศ.",
    ),
    "field_hospital": ("รพ.สนาม", "โรงพยาบาลสนาม", "รพสนาม", "field hospital"),
    "waiting_centre": (
        "ศูนย์พักคอย",
        "ศูนย์พักคอยผู้ป่วย",
        "ศูนย์พักคอยชุมชน",
        "ศูนย์แยกกักในชุมชน",
        "ศูนย์แยกกักชุมชน",
        "CI",
        "Community Isolation",
        "ศูนย์พักคอย CI",
        "ศูนย์พักคอย (Community Isolation)",
        "Community Isolation (CI)",
        "waiting center",
        "isolation centre",
    ),
    "cremation_temple": (
        "วัดที่รับฌาปนกิจ",
        "วัดที่รับฌาปนกิจผู้เสียชีวิตจากโควิด-19",
        "วัดรับฌาปนกิจ",
        "วัดที่รับเผา",
        "วัดรับเผา",
        "ฌาปนสถาน",
        "เมรุ",
        "วัดเผาศพโควิด",
        "crematorium",
        "cremation",
    ),
}


class Kinds:
    """The kinds of the register, found by their slug, by their names, and by what else people call them."""

    def __init__(self, kinds: Sequence[KindNames]) -> None:
        self._slugs: dict[str, str] = {}
        for one in kinds:
            for name in _ALSO.get(one.kind, ()):
                self._slugs.setdefault(plain(name), one.kind)
        # What the register itself calls a kind comes before what we have heard people say.
        self._slugs |= {plain(name): one.kind for one in kinds for name in (one.kind, one.th, one.en)}
        self._names = ", ".join(one.th for one in kinds)

    def read(self, text: str) -> str:
        """Return the slug of a kind. Raises `Unreadable`."""
        slug = self._slugs.get(plain(text))
        if slug is None:
            raise Unreadable("unknown_kind", kinds=self._names)
        return slug

    def named_in(self, text: str) -> str | None:
        """Return the slug of the kind that a title such as บัญชีรายชื่อจุดฉีดวัคซีน names; of several the longest name."""
        whole = plain(text)
        found = [name for name in self._slugs if len(name) >= _SPEAKING and name in whole]
        return self._slugs[max(found, key=len)] if found else None


_SPEAKING: Final = 6
