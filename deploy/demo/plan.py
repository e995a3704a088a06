"""What a campaign consists of: everything that will be sent, and the one answer that each bad item deserves.

Organisations, coordinators and volunteers get their ids from the service; here each is known by its place in its list.
"""

from dataclasses import dataclass
from datetime import datetime

from shared.contracts.events import FacilityStatus, HelpStatus, OrganisationKind, Role, VolunteerStatus

Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class Organisation:
    """An agency or a network partner through which volunteers join."""

    name: str
    kind: OrganisationKind
    area: str


@dataclass(frozen=True, slots=True)
class Coordinator:
    """One who is appointed by the central administrator and approves the volunteers of an area."""

    organisation: int
    name: str
    phone: str
    role: Role
    area: str


@dataclass(frozen=True, slots=True)
class Volunteer:
    """One who signs up with the group code of an organisation. `status` is what becomes of the person in the end."""

    organisation: int
    coordinator: int
    name: str
    phone: str
    national_id: str | None
    area: str
    status: VolunteerStatus


@dataclass(frozen=True, slots=True)
class Place:
    """A place that a coordinator enters, then updates to the status `later`, or confirms."""

    facility_id: str
    coordinator: int
    body: Json
    later: FacilityStatus | None
    confirmed: bool


@dataclass(frozen=True, slots=True)
class Refusal:
    """The answer that a bad item must get: its status, and the path and code of its one error."""

    status: int
    path: str
    code: str


@dataclass(frozen=True, slots=True)
class Submission:
    """One record from one phone. `household` says which house it truly is, however its address is spelled.

    flags: the quality flags that its subdistrict must have got by it.
    """

    submission_id: str
    household: int
    captured_at: datetime
    body: bytes
    refusal: Refusal | None = None
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Batch:
    """What one phone sends at once; `single` items go to the route for one submission."""

    volunteer: int
    submissions: tuple[Submission, ...]
    single: bool = False


@dataclass(frozen=True, slots=True)
class Wave:
    """Batches that may be sent in any order; the next wave waits until all of them were answered."""

    name: str
    batches: tuple[Batch, ...]

    @property
    def submissions(self) -> int:
        """How many items the wave sends."""
        return sum(len(batch.submissions) for batch in self.batches)


@dataclass(frozen=True, slots=True)
class Call:
    """A citizen's request for help. volunteer: who helps; ends: how far it comes."""

    request_id: str
    phone: str
    name: str
    kind: str
    area: str
    people: int
    position: Json
    volunteer: int
    ends: HelpStatus


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole campaign. `targets` and `residents` are denominators by subdistrict."""

    seed: int
    run: int
    now: datetime
    organisations: tuple[Organisation, ...]
    coordinators: tuple[Coordinator, ...]
    volunteers: tuple[Volunteer, ...]
    places: tuple[Place, ...]
    waves: tuple[Wave, ...]
    targets: dict[str, int]
    residents: dict[str, int]
    quiet_provinces: tuple[str, ...]
    calls: tuple[Call, ...] = ()
