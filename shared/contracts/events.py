"""The public events: the one source of the schemas, the AsyncAPI document and the golden examples.

Rules of the house for a change here:

* A new field is optional (it has a default), so that old events still read and old readers still work.
* A field is never removed, renamed, narrowed, widened or made required; an enumeration neither grows nor shrinks,
  because a reader that sums by a value it does not know would be wrong in silence. `compatibility.py` holds every
  schema to this.
* What may grow is text with a pattern (`reasons`, `services`, the kind of a help request): readers keep values that
  they do not know.
* No personal data: no name, phone, national id, house or village of a person.

Each model ignores fields that it does not know, which is what lets a newer producer add some.
"""

from datetime import UTC, datetime
from datetime import date as Date
from enum import StrEnum
from typing import Annotated, Generic, Self, TypeVar
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, model_validator


def _in_utc(time: datetime) -> datetime:
    try:
        return time.astimezone(UTC)
    except OverflowError:  # the first and last hours that `datetime` can hold, seen from another time zone
        raise ValueError("the time lies outside the years 1 to 9999 in UTC") from None


UtcTime = Annotated[AwareDatetime, AfterValidator(_in_utc)]
"""A moment, held and written in UTC (`...Z`); it must come with a time zone."""

Count = Annotated[int, Field(strict=True, ge=0, le=2**31 - 1)]
"""A whole number that fits PostgreSQL's `integer`: a larger one would fail a whole batch instead of its own record."""

Revision = Annotated[
    int, Field(strict=True, ge=1, le=2**31 - 1, description="1 at creation, one more with every change")
]

SubdistrictCode = Annotated[
    str, Field(pattern="^[0-9]{6}$", description="TIS-1099 code of a subdistrict", examples=["500101"])
]

AreaPrefix = Annotated[
    str,
    Field(
        pattern="^([0-9]{2}){0,3}$",
        description="TIS-1099 code: empty (the country), 2 (province), 4 (district) or 6 (subdistrict) digits",
        examples=["", "50", "5001", "500101"],
    ),
]

Slug = Annotated[str, Field(pattern="^[a-z][a-z0-9_]{0,39}$", examples=["hard_to_reach"])]
"""A name that may grow: readers keep and count what they do not know."""

# PostgreSQL's text cannot hold U+0000: refused here, such a record is a dead letter and not a batch that never commits.
_WITHOUT_NUL = r"^[^\u0000]*$"
Line = Annotated[str, Field(min_length=1, max_length=300, pattern=_WITHOUT_NUL)]
Note = Annotated[str, Field(max_length=2000, pattern=_WITHOUT_NUL)]


class Role(StrEnum):
    """What a person or system may be appointed as; a role is held in an area."""

    CENTRAL_ADMINISTRATOR = "central_administrator"
    PROVINCE_ADMINISTRATOR = "province_administrator"
    DISTRICT_COORDINATOR = "district_coordinator"
    SUBDISTRICT_COORDINATOR = "subdistrict_coordinator"
    VOLUNTEER = "volunteer"
    PLACE_OFFICER = "place_officer"
    EXTERNAL_SYSTEM = "external_system"


class OrganisationKind(StrEnum):
    """Through whom a volunteer joined."""

    AGENCY = "agency"
    NETWORK_PARTNER = "network_partner"


class VolunteerStatus(StrEnum):
    """Only `approved` volunteers may write; `suspended` and `withdrawn` ones are barred."""

    PENDING = "pending"
    APPROVED = "approved"
    SUSPENDED = "suspended"
    WITHDRAWN = "withdrawn"


class SubmissionKind(StrEnum):
    """Why a household's state was written."""

    SURVEY = "survey"
    FOLLOW_UP = "follow_up"
    ERASURE = "erasure"


class SubmissionOutcome(StrEnum):
    """`superseded`: one captured later already stands, so the household keeps its state; the visit still counts."""

    RECORDED = "recorded"
    SUPERSEDED = "superseded"


class Reason(StrEnum):
    """The known reasons for not being vaccinated. Events carry them as text, so that the list may grow."""

    SIDE_EFFECTS = "side_effects"
    ALLERGY = "allergy"
    OTHER_VACCINE = "other_vaccine"
    STAYS_HOME = "stays_home"
    HARD_TO_REACH = "hard_to_reach"
    UNFOUNDED_FEAR = "unfounded_fear"
    NOT_BOTHER_FAMILY = "not_bother_family"
    COST = "cost"
    LIVES_ELSEWHERE = "lives_elsewhere"
    MEDICAL_ADVICE = "medical_advice"
    RECENTLY_INFECTED = "recently_infected"
    PREGNANT = "pregnant"
    RELIGIOUS = "religious"
    NO_PARENT_CONSENT = "no_parent_consent"
    NO_IDENTITY_DOCUMENT = "no_identity_document"
    OTHER = "other"
    NO_ANSWER = "no_answer"


class QualityFlag(StrEnum):
    """The known oddities of a submission, which is recorded all the same. Events carry them as text, so that the list
    may grow."""

    POSITION_ELSEWHERE = "position_elsewhere"
    IMPLAUSIBLE_SPEED = "implausible_speed"
    SAME_PERSON = "same_person"
    CHECK_DIGIT = "check_digit"
    ON_BEHALF = "on_behalf"


class FacilityKind(StrEnum):
    """The directive's five kinds of place. Further ones are data, and told of in a stream of their own."""

    TEST_POINT = "test_point"
    VACCINATION_POINT = "vaccination_point"
    HOSPITAL = "hospital"
    FIELD_HOSPITAL = "field_hospital"
    WAITING_CENTRE = "waiting_centre"


class FacilityStatus(StrEnum):
    """Whether a place takes people now."""

    OPEN = "open"
    FULL = "full"
    SUSPENDED = "suspended"
    CLOSED = "closed"


class FacilityChange(StrEnum):
    """What was done to the place; `confirmed` says that nothing changed and is an update all the same."""

    CREATED = "created"
    UPDATED = "updated"
    CONFIRMED = "confirmed"
    CLOSED = "closed"


class HelpStatus(StrEnum):
    """Where a request for help stands."""

    WAITING = "waiting"
    ACCEPTED = "accepted"
    HELPING = "helping"
    DONE = "done"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class Day(StrEnum):
    """A day of the week, in opening hours."""

    MONDAY = "mon"
    TUESDAY = "tue"
    WEDNESDAY = "wed"
    THURSDAY = "thu"
    FRIDAY = "fri"
    SATURDAY = "sat"
    SUNDAY = "sun"


class Part(BaseModel):
    """A piece of an event: immutable, and open to fields that a newer producer adds."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class HouseholdCounts(Part):
    """What a household counts for, in persons. Aggregates are sums of (after - before) of these."""

    persons: Count
    dose_0: Count = Field(description="persons without a dose")
    dose_1: Count = Field(description="persons with exactly one dose")
    dose_2: Count = Field(description="persons with exactly two doses")
    dose_3: Count = Field(description="persons with three doses or more")
    wanting: Count = Field(description="persons who want vaccine")
    wanting_608: Count = Field(description="of those, persons of the risk group 608")
    undecided: Count
    refusing: Count
    home_visit: Count = Field(description="persons who need a visit at home")
    reasons: dict[Slug, Count] = Field(
        description="persons by reason for not being vaccinated; a person may give several",
        # pydantic states the names' pattern and leaves open what does not match; this model refuses it
        json_schema_extra={"additionalProperties": False},
    )

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        if self.dose_0 + self.dose_1 + self.dose_2 + self.dose_3 != self.persons:
            raise ValueError("dose_0 + dose_1 + dose_2 + dose_3 is not persons")
        if self.wanting + self.undecided + self.refusing > self.persons:
            raise ValueError("wanting + undecided + refusing is more than persons")
        if self.wanting_608 > self.wanting:
            raise ValueError("wanting_608 is more than wanting")
        if max([self.home_visit, *self.reasons.values()]) > self.persons:
            raise ValueError("home_visit or a reason is more than persons")
        return self


class SurveySubmitted(Part):
    """A household was surveyed, followed up or erased.

    A follow-up that nobody made (`volunteer_id` null) is what is left of a household when one of its persons was
    erased: it moves the counts and is no visit. `before` and `after` are the household's counts around this submission:
    `before` is null for its first, `after` is null when it was erased, and both are the same when a later visit already
    stands (`superseded`).
    """

    submission_id: UUID
    household_id: UUID
    volunteer_id: UUID | None = Field(description="who made the visit; null for what nobody visited, an erasure")
    organisation_id: UUID | None = Field(description="through whom the volunteer joined, if through anybody")
    area: SubdistrictCode
    captured_at: UtcTime = Field(description="when it was written down at the door, by the phone's clock")
    recorded_at: UtcTime = Field(description="when it was stored")
    kind: SubmissionKind
    outcome: SubmissionOutcome
    revision: Revision = Field(
        description="revision of the household after this; a superseded submission leaves it as it was"
    )
    before: HouseholdCounts | None
    after: HouseholdCounts | None
    flags: tuple[Slug, ...] = Field(
        default=(),
        max_length=20,
        description="what is odd about the submission, each name once, in alphabetical order; it counts all the same",
        examples=[["position_elsewhere"]],
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.outcome is SubmissionOutcome.SUPERSEDED and self.before != self.after:
            raise ValueError("a superseded submission leaves the household's counts as they were")
        if self.kind is SubmissionKind.ERASURE and self.after is not None:
            raise ValueError("an erased household has no counts after")
        if (
            self.kind is not SubmissionKind.ERASURE
            and self.outcome is SubmissionOutcome.RECORDED
            and self.after is None
        ):
            raise ValueError("a recorded submission has counts after")
        return self


class VolunteerBefore(Part):
    """What an aggregate of volunteers must take away again."""

    status: VolunteerStatus
    area: AreaPrefix
    role: Role
    organisation_id: UUID | None
    organisation_kind: OrganisationKind | None


class VolunteerRegistered(Part):
    """A person signed up, was appointed, or changed status, area, role or organisation."""

    volunteer_id: UUID = Field(description="also the subject of the person's tokens")
    organisation_id: UUID | None
    organisation_kind: OrganisationKind | None
    area: AreaPrefix = Field(description="where the role is held")
    role: Role
    status: VolunteerStatus
    registered_at: UtcTime = Field(
        description="when the person first signed up; the event's own time is that of the change"
    )
    revision: Revision
    before: VolunteerBefore | None


class Position(Part):
    """WGS 84, in degrees."""

    lat: float = Field(ge=-90, le=90)
    lon: float = Field(ge=-180, le=180)


class OpeningHours(Part):
    """One span of a day, local time of Asia/Bangkok. A span past midnight closes earlier than it opens."""

    days: tuple[Day, ...] = Field(min_length=1, max_length=7)
    open: Annotated[str, Field(pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$", examples=["08:30"])]
    close: Annotated[str, Field(pattern="^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$", examples=["16:30"])]


class FacilityContact(Part):
    """The institution's public contact, never a person's."""

    phone: Line | None = None
    email: Line | None = None
    website: Line | None = None


class FacilityDetails(Part):
    """What is told of some kinds of place only."""

    lanes_per_hour: Count | None = Field(default=None, description="how many persons it takes in an hour")
    vaccines: tuple[Annotated[str, Field(pattern="^[0-9a-z_]{1,40}$")], ...] = Field(
        default=(), max_length=50, description="offered now, as CVX codes", examples=[["208", "210"]]
    )
    access: Slug | None = Field(default=None, examples=["walk_in", "appointment", "both"])


class OpeningSpan(Part):
    """From when to when, local time of Asia/Bangkok; past midnight it closes earlier than it opens."""

    open: Annotated[str, Field(pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$", examples=["08:30"])]
    close: Annotated[str, Field(pattern="^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$", examples=["16:30"])]


class HoursException(Part):
    """A date on which other hours hold than on its day of the week; without spans it is closed."""

    date: Date
    spans: tuple[OpeningSpan, ...] = Field(default=(), max_length=10)
    note: Note | None = None


PlaceKind = TypeVar("PlaceKind", bound=str)
PlaceBefore = TypeVar("PlaceBefore", bound=Part)


class BeforeOfPlace(Part, Generic[PlaceKind]):
    """What an aggregate of places must take away again, whatever kinds there are."""

    kind: PlaceKind
    area: SubdistrictCode
    status: FacilityStatus
    confirmed_at: UtcTime
    capacity: Count | None
    free: Count | None


class FacilityBefore(BeforeOfPlace[FacilityKind]):
    """What an aggregate of places must take away again."""


class FurtherFacilityBefore(BeforeOfPlace[Slug]):
    """What an aggregate of places of further kinds must take away again."""


class StateOfPlace(Part, Generic[PlaceKind, PlaceBefore]):
    """A place's whole public state, whatever kinds there are."""

    facility_id: UUID
    kind: PlaceKind
    name: Line
    official_code: Annotated[str, Field(pattern="^[0-9A-Z]{5,9}$")] | None = Field(
        description="5 digits, 9 digits, or nine characters with capitals; text"
    )
    area: SubdistrictCode
    position: Position | None
    status: FacilityStatus
    capacity: Count | None = Field(description="beds or persons a day, where it applies")
    free: Count | None = Field(description="of the capacity, what is free now")
    hours: tuple[OpeningHours, ...] = Field(max_length=50)
    hours_note: Note | None = None
    services: tuple[Slug, ...] = Field(max_length=50)
    contact: FacilityContact
    change: FacilityChange
    updated_at: UtcTime
    confirmed_at: UtcTime = Field(description="when its data was last known to be right; overdue after 7 days")
    revision: Revision
    before: PlaceBefore | None
    organisation_id: UUID | None = Field(default=None, description="the agency that keeps the place's data")
    changed_by: UUID | None = Field(default=None, description="the id of the account that made the change")
    details: FacilityDetails | None = None
    hours_exceptions: tuple[HoursException, ...] = Field(default=(), max_length=100)
    open_on_holidays: bool | None = Field(default=None, description="null: nobody said")
    merged_into: UUID | None = Field(
        default=None, description="the place that it turned out to be, under which it goes on; its status is closed"
    )


class FacilityUpdated(StateOfPlace[FacilityKind, FacilityBefore]):
    """A place was entered, changed, confirmed as unchanged, or closed. Carries the place's whole public state."""


class FurtherFacilityUpdated(StateOfPlace[Slug, FurtherFacilityBefore]):
    """A place of a kind beside the five was entered, changed, confirmed as unchanged, or closed; told of nowhere else.

    Kinds may be added at any time: readers keep and count those that they do not know. A place never moves between this
    stream and `facility-updated`, so that the places of both together are all places, each once.
    """


class HelpBefore(Part):
    """What an aggregate of requests must take away again."""

    kind: Slug
    area: SubdistrictCode
    status: HelpStatus
    deadline: UtcTime | None


class HelpUpdated(Part):
    """A request for help was made or moved on. Masked: the subdistrict is all that is said of the place."""

    request_id: UUID
    kind: Slug = Field(examples=["medicine"])
    area: SubdistrictCode
    status: HelpStatus
    before: HelpBefore | None
    deadline: UtcTime | None = Field(description="by when the next step is due; null when nothing is due any more")
    updated_at: UtcTime
    revision: Revision
    asked_at: UtcTime | None = Field(default=None, description="when somebody asked")
    accepted_at: UtcTime | None = Field(default=None, description="when it was first accepted")
    escalation: Count | None = Field(
        default=None,
        description="how far up the late step was handed: 1 subdistrict's coordinator, 2 district's, 3 province",
    )
    outcome: Slug | None = Field(default=None, description="how it ended", examples=["helped"])
    merged_into: UUID | None = Field(
        default=None, description="the request that asks for the same, under which it goes on; its status is cancelled"
    )
