"""What readers get of all this: the shapes of the answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from services.reporting.answers import AsOf
from services.reporting.rebuild.store import Origin, Rebuild, State
from services.reporting.trust.dead_letters import DeadLetter, Gap
from services.reporting.trust.store import DifferenceRow, Reconciliation


@dataclass(frozen=True, slots=True)
class ProvinceDifferences:
    """How many figures of a province differ from what a service counts, without the figures; begins_on: the first day
    that differs, where days are counted. An empty area: of those who hold a role for the country."""

    area: str
    name_th: str
    name_en: str
    service: str
    figures: int
    begins_on: date | None


@dataclass(frozen=True, slots=True)
class ReconciliationAnswer:
    """One comparison of all figures. compared: figures of areas; differing: of them; moving: those that differed all
    the time, but never by the same, as while events come in; absent: services that did not answer."""

    reconciliation_id: int
    began_at: datetime
    ended_at: datetime
    compared: int
    differing: int
    moving: int
    absent: Sequence[str]


@dataclass(frozen=True, slots=True)
class RebuildAnswer:
    """Figures made anew beside those that are shown. done, of: records taken, and records there are, while it is being
    filled."""

    rebuild_id: int
    state: State
    origin: Origin
    asked_at: datetime
    began_at: datetime | None
    ended_at: datetime | None
    cause: str | None
    done: int
    of: int


@dataclass(frozen=True, slots=True)
class OpenLetters:
    """Records of one stream that could not be read, by cause, and about which nobody has decided."""

    topic: str
    cause: str
    letters: int


@dataclass(frozen=True, slots=True)
class TrustAnswer:
    """What the figures can be trusted by; the newest first."""

    as_of: AsOf
    version: int
    reconciliations: list[ReconciliationAnswer]
    differences: list[ProvinceDifferences]
    rebuilds: list[RebuildAnswer]
    dead_letters: list[OpenLetters]
    gaps: list[Gap]


@dataclass(frozen=True, slots=True)
class DifferencesAnswer:
    """One page of the differences of a reconciliation; `cursor` leads to the next one and is null on the last."""

    reconciliation_id: int
    area: str
    items: list[DifferenceRow]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class DeadLettersAnswer:
    """One page of dead letters, the oldest first; `cursor` leads to the next one and is null on the last."""

    items: list[DeadLetter]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class DeadLetterAnswer(DeadLetter):
    """A dead letter with what is in it; see `LookedAt`."""

    key: str | None
    headers: Mapping[str, str | None]
    body: str | None
    faults: list[str]


@dataclass(frozen=True, slots=True)
class GapsAnswer:
    """Partitions that wait for an event that is missing."""

    items: list[Gap]


@dataclass(frozen=True, slots=True)
class AskedAnswer:
    """A rebuild that will begin."""

    rebuild_id: int


def reconciliation_answer(one: Reconciliation) -> ReconciliationAnswer:
    """Without what is only for the gauge."""
    return ReconciliationAnswer(
        one.reconciliation_id, one.began_at, one.ended_at, one.compared, one.differing, one.moving, one.absent
    )


def rebuild_answer(one: Rebuild) -> RebuildAnswer:
    """Without what only the keeper needs, and without the words of whoever asked."""
    return RebuildAnswer(
        one.rebuild_id,
        one.state,
        one.origin,
        one.asked_at,
        one.began_at,
        one.ended_at,
        one.cause,
        one.done,
        one.of,
    )
