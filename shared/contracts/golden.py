"""The golden examples: one record of every kind that subscribers must be able to read, as (headers, key, body).

They are the contract's own test data: written to `examples/`, shown in the AsyncAPI document, and read back by every
test that claims to understand the events. Numbers and names are invented; ids are derived from names and stay.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import NAMESPACE_URL, UUID, uuid5

from pydantic import BaseModel

from shared.contracts.envelope import Envelope, to_headers
from shared.contracts.events import (
    Day,
    FacilityBefore,
    FacilityChange,
    FacilityContact,
    FacilityDetails,
    FacilityKind,
    FacilityStatus,
    FacilityUpdated,
    FurtherFacilityBefore,
    FurtherFacilityUpdated,
    HelpBefore,
    HelpStatus,
    HelpUpdated,
    HouseholdCounts,
    OpeningHours,
    OrganisationKind,
    Position,
    Role,
    SubmissionKind,
    SubmissionOutcome,
    SurveySubmitted,
    VolunteerBefore,
    VolunteerRegistered,
    VolunteerStatus,
)
from shared.contracts.topics import (
    FACILITY_UPDATED,
    FURTHER_FACILITY_UPDATED,
    HELP_UPDATED,
    SURVEY_SUBMITTED,
    VOLUNTEER_REGISTERED,
    Topic,
)

_START: Final = datetime(2022, 1, 15, 2, 30, tzinfo=UTC)
_FIRST_EPOCH: Final = 10**15  # of survey-submitted: sequence = epoch * 10^15 + offset of the intake record


@dataclass(frozen=True, slots=True)
class Example:
    """One record as it lies in Kafka."""

    topic: Topic
    name: str
    summary: str
    partition: int
    key: str
    envelope: Envelope
    event: BaseModel

    def as_json(self) -> dict[str, object]:
        """The record in the form of the checked-in files."""
        return {
            "topic": self.topic.name,
            "summary": self.summary,
            "partition": self.partition,
            "key": self.key,
            "headers": {name: value.decode() for name, value in to_headers(self.envelope)},
            "body": self.event.model_dump(mode="json"),
        }

    def as_cloudevent(self) -> dict[str, object]:
        """The event in CloudEvents' structured mode."""
        headers = {name: value.decode() for name, value in to_headers(self.envelope)}
        attributes = {name.removeprefix("ce_"): value for name, value in headers.items() if name.startswith("ce_")}
        content_type = {"datacontenttype": headers["content-type"]}
        return {**attributes, **content_type, "data": self.event.model_dump(mode="json")}


def examples() -> Iterator[Example]:
    """Make every example, topic by topic. Within a partition the sequences form a chain, as in the stream itself."""
    yield from _records(VOLUNTEER_REGISTERED, "volunteer_id", _volunteers(), first=1, step=1)
    # Duplicated submissions use up an offset of the intake without an event: sequences of the survey have holes.
    yield from _records(SURVEY_SUBMITTED, "submission_id", _surveys(), first=_FIRST_EPOCH, step=2, key="household_id")
    yield from _records(FACILITY_UPDATED, "facility_id", _facilities(), first=1, step=1)
    yield from _records(FURTHER_FACILITY_UPDATED, "facility_id", _further_facilities(), first=1, step=1)
    yield from _records(HELP_UPDATED, "request_id", _help_requests(), first=1, step=1)


def _records(
    topic: Topic, identity: str, events: Mapping[str, tuple[str, BaseModel]], *, first: int, step: int, key: str = ""
) -> Iterator[Example]:
    if topic.event_type is None or topic.source is None or topic.dataschema is None:
        raise ValueError(f"{topic.name} is not a public topic")
    last: dict[int, int] = {}
    for number, (name, (summary, event)) in enumerate(events.items()):
        subject = str(getattr(event, key or identity))
        partition = topic.partition_of(subject)
        previous = last.get(partition)
        sequence = first if previous is None else previous + step
        last[partition] = sequence
        envelope = Envelope(
            id=str(getattr(event, identity) if key else _id(f"{topic.name} {name}")),
            source=topic.source,
            type=topic.event_type,
            subject=subject,
            time=_START + timedelta(minutes=number, milliseconds=250),
            sequence=sequence,
            previous=previous,
            dataschema=topic.dataschema,
        )
        yield Example(topic, name, summary, partition, subject, envelope, event)


def _id(name: str) -> UUID:
    return uuid5(NAMESPACE_URL, f"urn:jitasa:example:{name}")


def _counts(persons: tuple[int, int, int, int], **others: int | dict[str, int]) -> HouseholdCounts:
    zero, one, two, three = persons
    values: dict[str, object] = {"wanting": 0, "wanting_608": 0, "undecided": 0, "refusing": 0, "home_visit": 0}
    values |= {"persons": sum(persons), "dose_0": zero, "dose_1": one, "dose_2": two, "dose_3": three, "reasons": {}}
    return HouseholdCounts.model_validate(values | others)


def _volunteers() -> dict[str, tuple[str, BaseModel]]:
    def volunteer(status: VolunteerStatus, revision: int, before: VolunteerBefore | None, area: str) -> BaseModel:
        return VolunteerRegistered(
            volunteer_id=_id("volunteer of Si Phum"),
            organisation_id=_id("health volunteers of Mueang Chiang Mai"),
            organisation_kind=OrganisationKind.AGENCY,
            area=area,
            role=Role.VOLUNTEER,
            status=status,
            registered_at=_START,
            revision=revision,
            before=before,
        )

    def was(status: VolunteerStatus, area: str = "500101") -> VolunteerBefore:
        return VolunteerBefore(
            status=status,
            area=area,
            role=Role.VOLUNTEER,
            organisation_id=_id("health volunteers of Mueang Chiang Mai"),
            organisation_kind=OrganisationKind.AGENCY,
        )

    def appointed(name: str, role: Role, area: str, partner: str | None = None) -> BaseModel:
        return VolunteerRegistered(
            volunteer_id=_id(name),
            organisation_id=_id(partner) if partner else None,
            organisation_kind=OrganisationKind.NETWORK_PARTNER if partner else None,
            area=area,
            role=role,
            status=VolunteerStatus.APPROVED,
            registered_at=_START,
            revision=1,
            before=None,
        )

    pending, approved = VolunteerStatus.PENDING, VolunteerStatus.APPROVED
    suspended, withdrawn = VolunteerStatus.SUSPENDED, VolunteerStatus.WITHDRAWN
    return {
        "pending": ("signed up with a group code; nothing before", volunteer(pending, 1, None, "500101")),
        "approved": ("approved by a coordinator", volunteer(approved, 2, was(pending), "500101")),
        "moved": ("moved to another subdistrict", volunteer(approved, 3, was(approved), "500102")),
        "suspended": ("barred from writing", volunteer(suspended, 4, was(approved, "500102"), "500102")),
        "withdrawn": ("left", volunteer(withdrawn, 5, was(suspended, "500102"), "500102")),
        "appointed-country": (
            "appointed for the whole country, whose code is empty",
            appointed("central administrator", Role.CENTRAL_ADMINISTRATOR, ""),
        ),
        "appointed-district": (
            "a coordinator of a district",
            appointed("coordinator of Phra Nakhon", Role.DISTRICT_COORDINATOR, "1001"),
        ),
        "appointed-partner": (
            "a place officer of a network partner",
            appointed("officer of Chiang Mai", Role.PLACE_OFFICER, "50", "a foundation of Chiang Mai"),
        ),
    }


def _surveys() -> dict[str, tuple[str, BaseModel]]:
    def survey(
        name: str,
        household: str,
        kind: SubmissionKind,
        outcome: SubmissionOutcome,
        revision: int,
        before: HouseholdCounts | None,
        after: HouseholdCounts | None,
        area: str = "500101",
        flags: tuple[str, ...] = (),
    ) -> BaseModel:
        erasure = kind is SubmissionKind.ERASURE
        return SurveySubmitted(
            submission_id=_id(f"submission {name}"),
            household_id=_id(f"household {household}"),
            volunteer_id=None if erasure else _id("volunteer of Si Phum"),
            organisation_id=None if erasure else _id("health volunteers of Mueang Chiang Mai"),
            area=area,
            captured_at=_START + timedelta(days=revision),
            recorded_at=_START + timedelta(days=revision, seconds=2, microseconds=417_000),
            kind=kind,
            outcome=outcome,
            revision=revision,
            before=before,
            after=after,
            flags=flags,
        )

    first = _counts((1, 0, 1, 1), wanting=1, wanting_608=1, home_visit=1, reasons={"hard_to_reach": 1})
    second = _counts((1, 0, 1, 2), undecided=1, reasons={"side_effects": 1, "not_bother_family": 1})
    third = _counts((0, 1, 1, 2))
    visit, follow_up, erasure = SubmissionKind.SURVEY, SubmissionKind.FOLLOW_UP, SubmissionKind.ERASURE
    recorded, superseded = SubmissionOutcome.RECORDED, SubmissionOutcome.SUPERSEDED
    return {
        "first": (
            "a household seen for the first time; nothing before",
            survey("first", "A", visit, recorded, 1, None, first),
        ),
        "again": (
            "the same household visited again, a person more",
            survey("again", "A", visit, recorded, 2, first, second),
        ),
        "superseded": (
            "captured earlier than what stands, so nothing changes",
            survey("superseded", "A", visit, superseded, 2, second, second),
        ),
        "follow-up": (
            "the vaccine was brought to the house",
            survey("follow-up", "A", follow_up, recorded, 3, second, third),
        ),
        "erasure": (
            "erased at the household's wish; nothing after",
            survey("erasure", "A", erasure, recorded, 4, third, None),
        ),
        "after-erasure": (
            "surveyed anew after an erasure; nothing before",
            survey("after-erasure", "A", visit, recorded, 5, None, first),
        ),
        "bangkok": (
            "a khwaeng of Bangkok; with a reason that the list does not name",
            survey(
                "bangkok",
                "B",
                visit,
                recorded,
                1,
                None,
                _counts((2, 0, 0, 0), refusing=2, reasons={"a_reason_yet_unknown": 2}),
                "100101",
            ),
        ),
        "empty": (
            "a house that stands empty: counted as surveyed, nobody in it",
            survey("empty", "C", visit, recorded, 1, None, _counts((0, 0, 0, 0)), "100101"),
        ),
        "flagged": (
            "odd in two ways, and counted all the same; with a flag that the list does not name",
            survey("flagged", "D", visit, recorded, 1, None, first, flags=("a_flag_yet_unknown", "position_elsewhere")),
        ),
    }


_WEEKDAYS: Final = (Day.MONDAY, Day.TUESDAY, Day.WEDNESDAY, Day.THURSDAY, Day.FRIDAY)


def _facilities() -> dict[str, tuple[str, BaseModel]]:
    def place(
        facility: str,
        kind: FacilityKind,
        name: str,
        area: str,
        status: FacilityStatus,
        change: FacilityChange,
        revision: int,
        before: FacilityBefore | None,
        **others: object,
    ) -> BaseModel:
        values: dict[str, object] = {
            "facility_id": _id(facility),
            "kind": kind,
            "name": name,
            "official_code": None,
            "area": area,
            "position": None,
            "status": status,
            "capacity": None,
            "free": None,
            "hours": (),
            "services": (),
            "contact": FacilityContact(),
            "change": change,
            "updated_at": _START + timedelta(days=revision),
            "confirmed_at": _START + timedelta(days=revision),
            "revision": revision,
            "before": before,
        }
        return FacilityUpdated.model_validate(values | others)

    def was(kind: FacilityKind, area: str, status: FacilityStatus, revision: int, beds: int | None) -> FacilityBefore:
        confirmed_at = _START + timedelta(days=revision)
        return FacilityBefore(
            kind=kind, area=area, status=status, confirmed_at=confirmed_at, capacity=beds, free=beds and beds // 5
        )

    vaccination: dict[str, object] = {
        "position": Position(lat=18.7883, lon=98.9853),
        "hours": (OpeningHours(days=_WEEKDAYS, open="08:30", close="16:30"),),
        "hours_note": "ปิดวันหยุดนักขัตฤกษ์",
        "services": ("walk_in", "booster"),
        "contact": FacilityContact(phone="053000000", website="https://vaccine.example.go.th"),
        "capacity": 500,
    }
    field: dict[str, object] = {"capacity": 120, "free": 0, "contact": FacilityContact(phone="020000000")}
    vp, fh = FacilityKind.VACCINATION_POINT, FacilityKind.FIELD_HOSPITAL
    hall, gym = "หน่วยฉีดวัคซีน หอประชุมเทศบาล", "โรงพยาบาลสนาม โรงยิมเนเซียม"
    opened, full, suspended, closed = (FacilityStatus(each) for each in ("open", "full", "suspended", "closed"))
    created, updated, confirmed = FacilityChange.CREATED, FacilityChange.UPDATED, FacilityChange.CONFIRMED
    return {
        "created": (
            "a vaccination point was entered; nothing before",
            place("hall", vp, hall, "500101", opened, created, 1, None, **vaccination),
        ),
        "confirmed": (
            "nothing changed, and that is now known for another week",
            place("hall", vp, hall, "500101", opened, confirmed, 2, was(vp, "500101", opened, 1, 500), **vaccination),
        ),
        "moved": (
            "moved to another subdistrict",
            place("hall", vp, hall, "500102", opened, updated, 3, was(vp, "500101", opened, 2, 500), **vaccination),
        ),
        "suspended": (
            "no vaccine for now",
            place("hall", vp, hall, "500102", suspended, updated, 4, was(vp, "500102", opened, 3, 500), **vaccination),
        ),
        "closed": (
            "closed for good",
            place(
                "hall",
                vp,
                hall,
                "500102",
                closed,
                FacilityChange.CLOSED,
                5,
                was(vp, "500102", suspended, 4, 500),
                **vaccination,
            ),
        ),
        "full": (
            "a field hospital without a free bed",
            place("gym", fh, gym, "100101", full, updated, 2, was(fh, "100101", opened, 1, 120), **field),
        ),
        "hospital": (
            "a hospital with its official code",
            place(
                "hospital",
                FacilityKind.HOSPITAL,
                "โรงพยาบาลตัวอย่าง",
                "400101",
                opened,
                created,
                1,
                None,
                official_code="10000",
                capacity=800,
                free=44,
            ),
        ),
        "test-point": (
            "only what is required",
            place("tests", FacilityKind.TEST_POINT, "จุดตรวจ ATK ตลาดสด", "830101", opened, created, 1, None),
        ),
        "waiting-centre": (
            "community isolation, open day and night",
            place(
                "centre",
                FacilityKind.WAITING_CENTRE,
                "ศูนย์พักคอย วัดตัวอย่าง",
                "100101",
                opened,
                created,
                1,
                None,
                capacity=40,
                free=31,
                hours=(OpeningHours(days=tuple(Day), open="00:00", close="24:00"),),
            ),
        ),
    }


def _further_facilities() -> dict[str, tuple[str, BaseModel]]:
    def temple(change: FacilityChange, revision: int, status: FacilityStatus, was: FacilityStatus | None) -> BaseModel:
        kind, area, made = "cremation_temple", "500101", _START + timedelta(days=revision)
        earlier = made - timedelta(days=1)
        return FurtherFacilityUpdated(
            facility_id=_id("temple"),
            kind=kind,
            name="วัดตัวอย่าง",
            official_code=None,
            area=area,
            position=Position(lat=18.7906, lon=98.9815),
            status=status,
            capacity=4,
            free=None,
            hours=(OpeningHours(days=_WEEKDAYS, open="09:00", close="16:00"),),
            services=("cremation",),
            contact=FacilityContact(phone="053000001"),
            change=change,
            updated_at=made,
            confirmed_at=made,
            revision=revision,
            before=was
            and FurtherFacilityBefore(kind=kind, area=area, status=was, confirmed_at=earlier, capacity=4, free=None),
            details=FacilityDetails(access="appointment"),
        )

    opened, closed = FacilityStatus.OPEN, FacilityStatus.CLOSED
    return {
        "created": (
            "a temple that cremates was entered; nothing before",
            temple(FacilityChange.CREATED, 1, opened, None),
        ),
        "confirmed": ("nothing changed", temple(FacilityChange.CONFIRMED, 2, opened, opened)),
        "closed": ("closed for good", temple(FacilityChange.CLOSED, 3, closed, opened)),
    }


def _help_requests() -> dict[str, tuple[str, BaseModel]]:
    def request(
        name: str,
        status: HelpStatus,
        revision: int,
        before: HelpStatus | None,
        deadline: timedelta | None,
        **more: Any,
    ) -> BaseModel:
        made = _START + timedelta(hours=revision)
        return HelpUpdated(
            request_id=_id(f"help {name}"),
            kind="medicine",
            area="500101",
            status=status,
            before=before and HelpBefore(kind="medicine", area="500101", status=before, deadline=made),
            deadline=None if deadline is None else made + deadline,
            updated_at=made,
            revision=revision,
            asked_at=_START + timedelta(hours=1),
            **more,
        )

    soon, accepted = timedelta(hours=2), {"accepted_at": _START + timedelta(hours=2)}
    waiting = HelpStatus.WAITING
    return {
        "waiting": ("somebody asks; nothing before", request("A", waiting, 1, None, soon)),
        "accepted": ("a volunteer took it", request("A", HelpStatus.ACCEPTED, 2, waiting, soon, **accepted)),
        "helping": (
            "help is on its way",
            request("A", HelpStatus.HELPING, 3, HelpStatus.ACCEPTED, soon, **accepted),
        ),
        "done": (
            "done; nothing is due any more",
            request("A", HelpStatus.DONE, 4, HelpStatus.HELPING, None, outcome="helped", **accepted),
        ),
        "cancelled": (
            "no longer needed",
            request("B", HelpStatus.CANCELLED, 2, waiting, None, outcome="cancelled"),
        ),
        "expired": ("nobody came in time", request("C", HelpStatus.EXPIRED, 3, waiting, None, escalation=3)),
        "late": (
            "late: the coordinator is told",
            request("C", waiting, 2, waiting, soon, escalation=1),
        ),
        "merged": (
            "asks for the same as another",
            request("D", HelpStatus.CANCELLED, 2, waiting, None, outcome="merged", merged_into=_id("help A")),
        ),
    }
