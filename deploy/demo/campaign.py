"""A believable national campaign, made from a seed: who takes part, where, and what is sent.

The same seed, run number, size and moment give the same plan, byte for byte. Where the campaign goes (provinces,
districts, targets) depends on the seed alone; who takes part and what is sent depends on the run number too, so that
a second run on the same stack goes to the same districts but knocks at other doors: the run number is part of every
house number and phone number. A run claims its number by entering the place that `opening` describes.
"""

from dataclasses import dataclass
from datetime import datetime
from itertools import count
from random import Random
from typing import Final
from uuid import UUID, uuid5

from deploy.demo.help import calls_of
from deploy.demo.names import family_name, partner_name, person_name
from deploy.demo.people import with_check_digit
from deploy.demo.places import places_of
from deploy.demo.plan import Coordinator, Json, Organisation, Plan, Volunteer
from deploy.demo.visits import Round, waves_of
from shared.areas.register import area, children, provinces
from shared.contracts.events import FacilityKind, OrganisationKind, Role, VolunteerStatus

QUIET_PROVINCES: Final = 10
"""So many provinces stay without results; half of them have volunteers all the same."""
PENDING_SHARE: Final = 0.05
SUSPENDED_SHARE: Final = 0.03
LOCAL_AGENCIES: Final = 0.35
PARTNERS: Final = 0.3
"""Volunteers of the other districts join through the province's health office."""
DISTRICT_COORDINATORS: Final = 0.2
HOUSEHOLDS_PER_VOLUNTEER: Final = 80
MOST_DISTRICTS: Final = 8
"""In one province: beyond about 40,000 households each volunteer visits more, rather than more volunteers."""
MOST_PEOPLE: Final = 5_000
"""Phone numbers set aside for one run: a run has some hundred people."""

_BANGKOK: Final = "10"
_MINISTRY: Final = "100101"
"""The subdistrict of the Ministry of Interior."""
_NAMESPACE: Final = UUID("0d0f8a30-8b8f-5d0c-9a57-5d3a2c6f1e42")


@dataclass(frozen=True, slots=True)
class District:
    """Where the campaign goes: a district, its chosen subdistricts with their targets, and how it does there."""

    code: str
    targets: dict[str, int]
    progress: float
    vaccinated: float


def opening(run: int) -> Json:
    """The place that opens a run: who enters it as a new one, under this id, has claimed the run number."""
    return {
        "facility_id": str(uuid5(_NAMESPACE, f"run {run}")),
        "kind": str(FacilityKind.VACCINATION_POINT),
        "name": f"ศูนย์ประสานงานการสำรวจวัคซีนแห่งชาติ รอบที่ {run}",
        "area": _MINISTRY,
    }


def plan(seed: int, *, run: int, now: datetime, households: int) -> Plan:
    """Plan a campaign of so many households, which ends at the moment `now` (aware)."""
    country = Random(f"{seed}/{households}")
    active, quiet = _provinces(country)
    per_province = max(1, min(MOST_DISTRICTS, round(households / HOUSEHOLDS_PER_VOLUNTEER / len(active))))
    districts = {code: _districts(country, code, per_province, households, quiet) for code in (*active, *quiet)}

    random = Random(f"{seed}/{households}/{run}")
    people = _People(random, run)
    rounds = []
    for province in sorted(districts):
        office, coordinator = people.province(province)
        if province in quiet[len(quiet) // 2 :]:
            continue  # nobody has signed up here yet
        team = people.volunteer(office, coordinator, province, VolunteerStatus.APPROVED)
        for district in districts[province]:
            volunteer = people.district(district.code, office, coordinator)
            if province in active:
                rounds += [
                    Round(volunteer, team, code, target * district.progress, district.vaccinated)
                    for code, target in district.targets.items()
                ]
    return Plan(
        seed=seed,
        run=run,
        now=now,
        organisations=tuple(people.organisations),
        coordinators=tuple(people.coordinators),
        volunteers=tuple(people.volunteers),
        places=places_of(random, people.coordinators, [d.code for p in active for d in districts[p]]),
        waves=waves_of(random, rounds, run=run, now=now, households=households),
        targets={c: t * run for found in districts.values() for d in found for c, t in d.targets.items()},
        residents={c: t * run * 3 for found in districts.values() for d in found for c, t in d.targets.items()},
        quiet_provinces=tuple(sorted(quiet)),
        calls=tuple(calls_of(Random(f"{seed}/{households}/{run}/help"), people.volunteers, run)),
    )


def _provinces(random: Random) -> tuple[list[str], list[str]]:
    """The provinces with results and those without."""
    codes = [province.code for province in provinces()]
    quiet = random.sample([code for code in codes if code != _BANGKOK], QUIET_PROVINCES)
    return [code for code in codes if code not in quiet], quiet


def _districts(random: Random, province: str, number: int, households: int, quiet: list[str]) -> list[District]:
    """Choose the districts of a province, with targets such that progress varies from a little to more than all."""
    progress = 0.0 if province in quiet else random.triangular(0.08, 1.35, 0.6)
    vaccinated = random.uniform(0.5, 0.93)
    chosen = random.sample([district.code for district in children(province)], min(number, len(children(province))))
    share = households / (77 * number)
    found = []
    for code in sorted(chosen):
        here = children(code)
        subdistricts = random.sample([subdistrict.code for subdistrict in here], min(len(here), random.randint(2, 4)))
        found.append(
            District(
                code,
                {c: max(3, round(random.uniform(0.8, 2.4) * share / len(subdistricts))) for c in sorted(subdistricts)},
                progress * random.lognormvariate(0, 0.25),
                min(0.97, vaccinated * random.uniform(0.85, 1.1)),
            )
        )
    return found


class _People:
    """Organisations, coordinators and volunteers as they are found, each known by its place in its list."""

    def __init__(self, random: Random, run: int) -> None:
        self._random = random
        self._numbers = count(run * MOST_PEOPLE)
        self.organisations: list[Organisation] = []
        self.coordinators: list[Coordinator] = []
        self.volunteers: list[Volunteer] = []

    def province(self, code: str) -> tuple[int, int]:
        """A province's health office and its coordinator."""
        name = area(code).name_th
        office = self._organisation(
            "สำนักอนามัยกรุงเทพมหานคร" if code == _BANGKOK else f"สำนักงานสาธารณสุขจังหวัด{name}",
            OrganisationKind.AGENCY,
            code,
        )
        return office, self._coordinator(office, Role.PROVINCE_ADMINISTRATOR, code)

    def district(self, code: str, office: int, province_coordinator: int) -> int:
        """A district's organisation and volunteers, some of whom do not get as far as visiting. Gives the visitor."""
        random = self._random
        name = area(code).name_th
        organisation = office
        kind = random.random()
        if kind < LOCAL_AGENCIES:
            title = f"สำนักงาน{name}" if code.startswith(_BANGKOK) else f"ที่ว่าการอำเภอ{name}"
            organisation = self._organisation(title, OrganisationKind.AGENCY, code)
        elif kind < LOCAL_AGENCIES + PARTNERS:
            organisation = self._organisation(partner_name(random, name), OrganisationKind.NETWORK_PARTNER, code)
        coordinator = province_coordinator
        if organisation != office and random.random() < DISTRICT_COORDINATORS:
            coordinator = self._coordinator(organisation, Role.DISTRICT_COORDINATOR, code)
        status = VolunteerStatus.SUSPENDED if random.random() < SUSPENDED_SHARE else VolunteerStatus.APPROVED
        visitor = self.volunteer(organisation, coordinator, code, status)
        if random.random() < PENDING_SHARE:
            self.volunteer(organisation, coordinator, code, VolunteerStatus.PENDING)
        return visitor

    def volunteer(self, organisation: int, coordinator: int, code: str, status: VolunteerStatus) -> int:
        """One more volunteer, who ends with this status."""
        phone, national_id = self._numbered()
        self.volunteers.append(
            Volunteer(
                organisation,
                coordinator,
                self._name(),
                phone,
                national_id if self._random.random() < 0.5 else None,
                code,
                status,
            )
        )
        return len(self.volunteers) - 1

    def _organisation(self, name: str, kind: OrganisationKind, code: str) -> int:
        self.organisations.append(Organisation(name, kind, code))
        return len(self.organisations) - 1

    def _coordinator(self, organisation: int, role: Role, code: str) -> int:
        phone, _ = self._numbered()
        self.coordinators.append(Coordinator(organisation, self._name(), phone, role, code))
        return len(self.coordinators) - 1

    def _name(self) -> str:
        sex = self._random.choice("mf")
        return person_name(self._random, sex, self._random.randint(22, 64), family_name(self._random))

    def _numbered(self) -> tuple[str, str]:
        """A phone number and a national id that nobody else in any run has: both are one-to-one images of a counter."""
        number = next(self._numbers)
        phone = f"08{number * 7_368_787 % 10**8:08d}"
        return phone, with_check_digit(f"3{number * 7_368_787_409 % 10**11:011d}")
