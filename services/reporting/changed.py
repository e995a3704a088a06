"""What happened since the last event of the live stream: gathered from notices until the figures are read again."""

from collections.abc import Set
from dataclasses import dataclass, field
from itertools import chain

from services.reporting.notices import Kind, Notice


@dataclass(slots=True)
class Changed:
    """Which areas have new figures since the event before; None: they may be anywhere."""

    subdistricts: set[str] | None = field(default_factory=set)
    places: set[str] | None = field(default_factory=set)
    volunteers: set[str] | None = field(default_factory=set)
    help: set[str] | None = field(default_factory=set)

    def add(self, notice: Notice) -> None:
        """Takes in a notice."""
        match notice.kind:
            case Kind.SURVEY:
                self.subdistricts = _union(self.subdistricts, notice.areas)
            case Kind.PLACES:
                self.places = _union(self.places, notice.areas)
            case Kind.VOLUNTEERS:
                self.volunteers = _union(self.volunteers, notice.areas)
            case Kind.HELP:
                self.help = _union(self.help, notice.areas)
            case Kind.DENOMINATORS:
                self.subdistricts = None

    @classmethod
    def anywhere(cls) -> "Changed":
        """When nothing is known of what happened."""
        return cls(None, None, None, None)

    def districts(self) -> set[str] | None:
        """The districts whose subdistricts may have new rows; None: any."""
        if self.subdistricts is None or self.places is None or self.help is None:
            return None
        return {code[:4] for code in chain(self.subdistricts, self.places, self.help)}


def _union(mine: set[str] | None, more: Set[str] | None) -> set[str] | None:
    return None if mine is None or more is None else mine | more
