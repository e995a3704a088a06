"""What the writers of figures tell their readers at each commit: which areas have new figures.

A notice is one line of PostgreSQL's NOTIFY: the kind of figures, then the area codes, or `*` for "anywhere".
"""

from collections.abc import Set
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from shared.postgres.pool import Connection

CHANNEL: Final = "reporting_change"

MAX_NOTICE_BYTES: Final = 7_999
"""PostgreSQL refuses a notice of 8,000 bytes or more; that is about 1,100 subdistricts."""

ANYWHERE: Final = "*"


class Kind(StrEnum):
    """What changed."""

    SURVEY = "survey"
    VOLUNTEERS = "volunteers"
    PLACES = "places"
    HELP = "help"
    DENOMINATORS = "denominators"


@dataclass(frozen=True, slots=True)
class Notice:
    """New figures of one kind; `areas` None: they may be anywhere."""

    kind: Kind
    areas: frozenset[str] | None

    def text(self) -> str:
        """The notice as one line; too many areas, or the country among them, become "anywhere"."""
        if self.areas is not None and "" not in self.areas:
            line = " ".join([self.kind, *sorted(self.areas)])
            if len(line) <= MAX_NOTICE_BYTES:  # codes are ASCII: as many bytes as characters
                return line
        return f"{self.kind} {ANYWHERE}"


def read_notice(line: str) -> Notice:
    """The notice of a line; raises ValueError for a line that `Notice.text` never wrote."""
    kind, *areas = line.split(" ")
    return Notice(Kind(kind), None if areas == [ANYWHERE] else frozenset(areas))


NOTIFY: Final = "SELECT pg_notify($1, line) FROM unnest($2::text[]) AS line"


async def notify(connection: Connection, kind: Kind, areas: Set[str] | None) -> None:
    """Tells all listeners when the caller's transaction commits, and nobody when it does not."""
    await connection.execute(NOTIFY, CHANNEL, [Notice(kind, None if areas is None else frozenset(areas)).text()])
