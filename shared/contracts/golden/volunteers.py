"""Volunteers and coordinators: by name, what the record is about and the event."""

from pydantic import BaseModel

from shared.contracts.events import OrganisationKind, Role, VolunteerBefore, VolunteerRegistered, VolunteerStatus
from shared.contracts.golden.identity import START, id_of


def volunteers() -> dict[str, tuple[str, BaseModel]]:
    """In the order in which they happened."""

    def volunteer(status: VolunteerStatus, revision: int, before: VolunteerBefore | None, area: str) -> BaseModel:
        return VolunteerRegistered(
            volunteer_id=id_of("volunteer of Si Phum"),
            organisation_id=id_of("health volunteers of Mueang Chiang Mai"),
            organisation_kind=OrganisationKind.AGENCY,
            area=area,
            role=Role.VOLUNTEER,
            status=status,
            registered_at=START,
            revision=revision,
            before=before,
        )

    def was(status: VolunteerStatus, area: str = "500101") -> VolunteerBefore:
        return VolunteerBefore(
            status=status,
            area=area,
            role=Role.VOLUNTEER,
            organisation_id=id_of("health volunteers of Mueang Chiang Mai"),
            organisation_kind=OrganisationKind.AGENCY,
        )

    def appointed(name: str, role: Role, area: str, partner: str | None = None) -> BaseModel:
        return VolunteerRegistered(
            volunteer_id=id_of(name),
            organisation_id=id_of(partner) if partner else None,
            organisation_kind=OrganisationKind.NETWORK_PARTNER if partner else None,
            area=area,
            role=role,
            status=VolunteerStatus.APPROVED,
            registered_at=START,
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
