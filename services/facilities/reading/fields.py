"""What a list may say of a place, column by column, and which column says what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Field(StrEnum):
    """What a column can hold. Some are fields of a place as they are; of others several make one field.

    POSITION holds a whole position in any form; LATITUDE and LONGITUDE, or EASTING, NORTHING and perhaps ZONE, one in
    parts. AREA holds a code or names in one text; SUBDISTRICT, DISTRICT and PROVINCE names or codes apart. HOURS holds
    days and times; OPENS, CLOSES and DAYS them apart. AS_OF is the day on which a row was right.
    """

    FACILITY_ID = "facility_id"
    REVISION = "revision"
    KIND = "kind"
    NAME = "name"
    OFFICIAL_CODE = "official_code"
    ORGANISATION_ID = "organisation_id"
    AREA = "area"
    SUBDISTRICT = "subdistrict"
    DISTRICT = "district"
    PROVINCE = "province"
    POSITION = "position"
    LATITUDE = "latitude"
    LONGITUDE = "longitude"
    EASTING = "easting"
    NORTHING = "northing"
    ZONE = "zone"
    STATUS = "status"
    CAPACITY = "capacity"
    FREE = "free"
    LANES_PER_HOUR = "lanes_per_hour"
    VACCINES = "vaccines"
    ACCESS = "access"
    HOURS = "hours"
    DAYS = "days"
    OPENS = "opens"
    CLOSES = "closes"
    HOURS_NOTE = "hours_note"
    HOLIDAYS = "holidays"
    CLOSED_ON = "closed_on"
    SERVICES = "services"
    PHONE = "phone"
    EMAIL = "email"
    WEBSITE = "website"
    AS_OF = "as_of"


@dataclass(frozen=True, slots=True)
class Columns:
    """Which column holds what, columns counted from 0, and what holds for every row of the list.

    `defaults` is a text by field, read as if it stood in each row whose own cell is empty or which has no such column:
    `{"kind": "จุดฉีดวัคซีน", "province": "เชียงใหม่"}`, as a title above the header often says.
    """

    places: Mapping[Field, int]
    defaults: Mapping[Field, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Guessed:
    """One column as it was guessed: what it holds, and how sure that is, from 0 to 1. `field` is None for a column that
    nobody reads here, and `rival` the field that it would hold if another column did not hold it with more reason."""

    column: int
    letters: str
    title: str
    field: Field | None
    confidence: float
    rival: Field | None = None


@dataclass(frozen=True, slots=True)
class Guess:
    """What the columns of a list seem to hold, to be confirmed or changed by a person. `missing` are fields that a list
    cannot do without and for which nothing was found."""

    guessed: tuple[Guessed, ...]
    columns: Columns
    missing: tuple[Field, ...]


def missing_fields(columns: Columns) -> Iterator[Field]:
    """Give what a list cannot do without and these columns lack; lists that name places by their ids lack nothing."""
    if Field.FACILITY_ID in columns.places:
        return
    said = {*columns.places, *columns.defaults}
    yield from (needed for needed in (Field.NAME, Field.KIND) if needed not in said)
    if not said & {Field.AREA, Field.SUBDISTRICT}:
        yield Field.AREA


class UnusableColumns(ValueError):
    """Columns with which no row can be read. `code` is one of no_such_column, repeated_column, missing_column,
    bad_default; `field` is the one concerned."""

    def __init__(self, code: str, field: Field) -> None:
        super().__init__(code)
        self.code = code
        self.field = field
