"""The topics: names, what they carry and how long they keep it; provisioning and ACLs are made from these."""

from dataclasses import dataclass, replace
from typing import Final

from pydantic import BaseModel

from shared.contracts import partitioning
from shared.contracts.events import (
    FacilityUpdated,
    FurtherFacilityUpdated,
    HelpUpdated,
    SurveySubmitted,
    VolunteerRegistered,
)

FOREVER: Final = -1
_SEVEN_DAYS_MS: Final = 7 * 24 * 60 * 60 * 1000
SUBDISTRICT_CHARACTERS: Final = 6
"""Of a household's id (`shared.security.keyed_ids`)."""
NUMBERS_OF_PARTITIONS: Final = (24, 48, 96)
"""How many a topic that grows may have: each is twice the one before, so that what shared a partition later shared it
before, and all divide the last (`services.survey.store.hold`). 96 recorders are more than four times the country's need
of any day, and what grows with the number is still small: an intake's batches while Kafka is away (240 MB), a cursor
(1,600 characters)."""


@dataclass(frozen=True, slots=True)
class Topic:
    """One Kafka topic. A private one carries no event of the contract: no `event_type`, `source` and `model`."""

    name: str
    event_type: str | None
    source: str | None
    model: type[BaseModel] | None
    partitions: int = NUMBERS_OF_PARTITIONS[0]
    """How many it is made with. Bounds how many consumers of one group share the work; 24 spreads evenly over 1, 2, 3,
    4, 6, 8 and 12. How many a topic that grows has by now, Kafka alone knows."""
    retention_ms: int = FOREVER
    """Public topics keep everything, so that a projection or subscriber can begin at the beginning."""
    public: bool = True
    deciding: int | None = None
    """How many characters of the key, from its beginning, decide the partition; None: all. A household's id begins
    with its subdistrict, and what happens in a subdistrict stays together and in order: the fifty households that a
    phone sends are one produce batch instead of twenty, and no two projectors write a subdistrict's figures."""
    grows: bool = False
    """Whether it may be given more partitions (docs/upgrade.md). The others are each written by one relay, which no
    number of partitions makes faster."""

    def partition_of(self, key: str) -> int:
        """The partition of an entity's events."""
        return partitioning.partition_of(key[: self.deciding], self.partitions)

    @property
    def dataschema(self) -> str | None:
        """The schema's own name, an absolute URI as CloudEvents asks; the file of that name lies in `schemas/`."""
        return f"urn:jitasa:schema:{self.name}:v1" if self.event_type else None


VOLUNTEER_REGISTERED: Final = Topic(
    "volunteer-registered", "care.jitasa.volunteer-registered.v1", "/jitasa/registration", VolunteerRegistered
)
SURVEY_SUBMITTED: Final = Topic(
    "survey-submitted",
    "care.jitasa.survey-submitted.v1",
    "/jitasa/survey",
    SurveySubmitted,
    deciding=SUBDISTRICT_CHARACTERS,
    grows=True,
)
FACILITY_UPDATED: Final = Topic(
    "facility-updated", "care.jitasa.facility-updated.v1", "/jitasa/facilities", FacilityUpdated
)
# Of its own, since the kinds of facility-updated are fixed for all who read it: had the list grown there, a reader that
# sums by kind would be wrong in silence, or refuse the event and everything behind it.
FURTHER_FACILITY_UPDATED: Final = Topic(
    "further-facility-updated",
    "care.jitasa.further-facility-updated.v1",
    "/jitasa/facilities",
    FurtherFacilityUpdated,
)
HELP_UPDATED: Final = Topic("help-updated", "care.jitasa.help-updated.v1", "/jitasa/survey", HelpUpdated)

# Sealed submissions on their way to the recorder. Never more partitions than survey-submitted: record (partition,
# offset) becomes the event of that partition and sequence. Seven days is how long a recorder may be down without loss,
# and how long an erased household's sealed copies may outlive it.
SURVEY_INTAKE: Final = Topic(
    "survey-intake",
    None,
    None,
    None,
    retention_ms=_SEVEN_DAYS_MS,
    public=False,
    deciding=SUBDISTRICT_CHARACTERS,
    grows=True,
)

PUBLIC: Final[tuple[Topic, ...]] = (
    VOLUNTEER_REGISTERED,
    SURVEY_SUBMITTED,
    FACILITY_UPDATED,
    FURTHER_FACILITY_UPDATED,
    HELP_UPDATED,
)
ALL: Final[tuple[Topic, ...]] = (*PUBLIC, SURVEY_INTAKE)


def all_with(partitions: int) -> tuple[Topic, ...]:
    """All topics, those that grow with so many partitions, in the order in which they have to grow: an event has to
    find its partition before a record of intake can become it."""
    return tuple(replace(topic, partitions=partitions) if topic.grows else topic for topic in ALL)
