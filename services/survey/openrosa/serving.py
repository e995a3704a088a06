"""What a phone fetches before it can survey: the form, and the subdistricts to choose from."""

import csv
import hashlib
import io
from functools import cache, lru_cache
from pathlib import Path
from typing import Final, NamedTuple

from shared.areas.register import Area, area, subdistricts

XFORM_FILE: Final = Path(__file__).with_name("household.xml")


class Served(NamedTuple):
    """Content, and its MD5 as OpenRosa writes it: by that phones know whether they have it already."""

    content: bytes
    hash: str


def _served(content: bytes) -> Served:
    return Served(content, f"md5:{hashlib.md5(content, usedforsecurity=False).hexdigest()}")


@cache
def xform() -> Served:
    """The XForm."""
    return _served(XFORM_FILE.read_bytes())


@lru_cache(maxsize=100)  # the 77 provinces and the country, 2 MB; a district's or a subdistrict's list is made at once
def areas(prefix: str) -> Served:
    """The subdistricts of an area as CSV: `name`, the code that is sent, and `label`, what is read and searched."""
    target = io.StringIO()
    table = csv.writer(target, lineterminator="\n")
    table.writerow(["name", "label"])
    table.writerows([each.code, _label(each)] for each in subdistricts(prefix))
    return _served(target.getvalue().encode())


def _label(each: Area) -> str:
    district, province = area(each.code[:4]), area(each.code[:2])
    return f"{each.name_th} › {district.name_th} › {province.name_th} · {each.name_en} ({each.code})"
