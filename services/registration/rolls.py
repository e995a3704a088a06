"""Checking a whole roll of volunteers, and preparing its rows for the database. Done in a thread: it takes seconds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID, uuid4

from services.registration.domain import people as domain
from services.registration.domain.people import Organisation
from services.registration.domain.rosters import Column, Entry, read_header, read_row
from services.registration.name_index import tokens_of_name
from shared.contracts.topics import VOLUNTEER_REGISTERED
from shared.security.blind_index import BlindIndex
from shared.security.sealing import KeyRing
from shared.tables.lists import Fault, UnusableList, header_cells
from shared.tables.reading import rows_of


@dataclass(frozen=True, slots=True)
class Checked:
    """A roll that was read: volunteers without fault so far, and all faults, by row."""

    entries: Sequence[Entry]
    faults: Sequence[Fault[Column]]
    rows: int
    ignored_columns: Sequence[str]


class Indexed(NamedTuple):
    """A volunteer of a roll with the blind indexes by which others are recognised."""

    entry: Entry
    phone_index: bytes
    national_id_index: bytes | None


class Prepared(NamedTuple):
    """A row for the table in which a roll is gathered; the fields are its columns, in their order."""

    row: int
    person_id: UUID
    area: str
    phone_index: bytes
    national_id_index: bytes | None
    name_tokens: Sequence[int]
    name_key: str
    name_wrapped: bytes
    name: bytes
    phone_key: str
    phone_wrapped: bytes
    phone: bytes
    partition: int
    event_id: UUID
    body: bytes


def check(file: bytes, organisation: Organisation, *, most: int) -> Checked:
    """Read a roll. Of rows with the same phone or national id the first counts, and each other is a fault.

    Raises `UnreadableFile` and `UnusableList`, whose code is too_many_rows beyond `most`.
    """
    rows = rows_of(file)
    header = read_header(header_cells(rows))
    entries: list[Entry] = []
    faults: list[Fault[Column]] = []
    seen: dict[tuple[Column, str], int] = {}
    count = 0
    for number, cells in rows:
        read = read_row(number, cells, header, organisation.area)
        if read is None:
            continue
        count += 1
        if count > most:
            raise UnusableList("too_many_rows")
        if isinstance(read, list):
            faults += read
            continue
        repetitions = list(_repetitions(read, seen))
        if repetitions:
            faults += repetitions
        else:
            entries.append(read)
    return Checked(entries, faults, count, header.ignored)


def _repetitions(entry: Entry, seen: dict[tuple[Column, str], int]) -> Iterator[Fault[Column]]:
    for column, value in ((Column.PHONE, entry.phone), (Column.NATIONAL_ID, entry.national_id)):
        if value is not None:
            first = seen.setdefault((column, value), entry.row)
            if first != entry.row:
                yield Fault(entry.row, column, "repeated", first)


def index_all(index: BlindIndex, entries: Sequence[Entry]) -> list[Indexed]:
    """Make the blind indexes of many."""
    return [
        Indexed(
            entry, index.of_phone(entry.phone), index.of_national_id(entry.national_id) if entry.national_id else None
        )
        for entry in entries
    ]


def prepare(
    ring: KeyRing, index: BlindIndex, organisation: Organisation, volunteers: Sequence[Indexed], now: datetime
) -> list[Prepared]:
    """Make rows of volunteers who wait for approval: what identifies them sealed, and the event that tells of each."""
    return [_prepared(ring, index, organisation, one, now) for one in volunteers]


def _prepared(ring: KeyRing, index: BlindIndex, organisation: Organisation, one: Indexed, now: datetime) -> Prepared:
    entry = one.entry
    person = domain.sign_up(uuid4(), organisation, entry.area, now)
    key = str(person.person_id)
    name = ring.seal(entry.name.encode(), household=key, field="name")
    phone = ring.seal(entry.phone.encode(), household=key, field="phone")
    return Prepared(
        entry.row,
        person.person_id,
        entry.area,
        one.phone_index,
        one.national_id_index,
        tokens_of_name(index, entry.name),
        *name,
        *phone,
        VOLUNTEER_REGISTERED.partition_of(key),
        uuid4(),
        domain.event_of(None, person).model_dump_json().encode(),
    )
