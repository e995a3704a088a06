"""Every route of every service, called as every role, in every relation of areas: what the table of rights says.

The routes are read from the applications, so that a new one is covered by itself. Allowed is every answer but 401 and
403: most of these requests name things that do not exist. For the same reason nobody here is one of those who need not
carry a route's right, such as the contacts of an organisation.
"""

import os
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from deploy.rights import OPEN, applications
from services.registration.settings import RegistrationSettings
from shared.contracts.events import Role
from shared.security.citizen_tokens import sign_citizen
from shared.security.rights import RIGHTS, Right
from shared.security.tokens import TokenSigner
from shared.web.access import Demand, access_of
from tests.integration.conftest import HOME, NOW, SUSPENDED, Services, each, status_of

INSIDE = {"": ["50", "5001", "500101"], "50": ["5001", "500101"], "5001": ["500101", "500102"], "500101": []}
OUTSIDE = {"": [], "50": ["51", "5101", "510101"], "5001": ["51", "5003", "500203"], "500101": ["500102", "510101"]}
ABOVE = {"": [], "50": [""], "5001": ["50", ""], "500101": ["5001", "50", ""]}


async def test_the_applications_have_the_routes_that_are_documented(services: Services) -> None:
    for name, app in applications().items():
        assert list(services[name].routes.values()) == list(access_of(app)), name


BY_THING: Mapping[str, Right] = {
    "GET /v1/organisations/{organisation_id}": Right.ORGANISATION_READ,
    "GET /v1/organisations/{organisation_id}/contacts": Right.ORGANISATION_READ,
    "GET /v1/organisations/{organisation_id}/group-codes": Right.GROUP_CODE_WRITE,
    "POST /v1/organisations/{organisation_id}/group-codes": Right.GROUP_CODE_WRITE,
    "DELETE /v1/organisations/{organisation_id}/group-codes/{code}": Right.GROUP_CODE_WRITE,
    "GET /v1/organisations/{organisation_id}/volunteers": Right.VOLUNTEER_READ,
    "GET /v1/organisations/{organisation_id}/volunteer-imports": Right.VOLUNTEER_DECIDE,
    "POST /v1/organisations/{organisation_id}/volunteer-imports": Right.VOLUNTEER_DECIDE,
    "GET /v1/volunteers/{volunteer_id}": Right.VOLUNTEER_READ,
    "POST /v1/volunteers/{volunteer_id}/withdrawal": Right.VOLUNTEER_DECIDE,
}
"""Routes for whoever acts for the organisation or is the person named, and for who has the right: these callers are
neither."""


async def test_every_route_lets_in_whom_the_table_lets_in(services: Services, token_of: Callable[..., str]) -> None:
    wrong, asked = [], 0
    for name, service, key, route in each(services):
        if not isinstance(route.demand, Right) and route.demand is not Demand.SIGNED_IN:
            continue
        for role in Role:
            demand = BY_THING.get(key, route.demand)
            allowed = demand is Demand.SIGNED_IN or demand in RIGHTS[role]
            status = await status_of(service, route, token_of(role))
            asked += 1
            if (status not in (401, 403)) if allowed else (status == 403):
                continue
            wrong.append(f"{name} {key} as {role}: {status}, {'allowed' if allowed else 'forbidden'} by the table")
    assert wrong == []
    assert asked >= 7 * 20


async def test_no_route_lets_in_who_proves_nothing_or_is_suspended(
    services: Services, token_of: Callable[..., str]
) -> None:
    for name, service, key, route in each(services):
        if route.demand in (Demand.NOTHING, Demand.OPTIONAL):
            assert key in OPEN[name], f"{name} {key} demands nothing, and nobody says why (deploy/rights.py)"
            # A guest says who he is in the body; without one it is a token that is missing.
            body: Any = None if route.method == "GET" else {}
            assert await status_of(service, route, None, body=body) not in (401, 403), key
            continue
        for role in Role:
            assert await status_of(service, route, token_of(role, subject=SUSPENDED)) == 401, (key, role)
        assert await status_of(service, route, None) == 401, key
        assert await status_of(service, route, "x.y.z") == 401, key


async def test_citizens_are_let_in_where_the_table_says_so_and_nowhere_else(
    services: Services, signing: tuple[RegistrationSettings, TokenSigner], token_of: Callable[..., str]
) -> None:
    token = sign_citizen(signing[1], uuid4(), issued_at=NOW, expires_at=NOW + timedelta(hours=1))
    for _, service, key, route in each(services):
        if route.demand is Demand.CITIZEN:
            assert await status_of(service, route, token) not in (401, 403), key
            for role in Role:
                assert await status_of(service, route, token_of(role)) == 401, (key, role)
        elif route.demand is not Demand.NOTHING:
            assert await status_of(service, route, token) == 401, key


def subdistrict(area: str) -> str:
    """A subdistrict in `area`."""
    return {"": "500101", "50": "500101", "51": "510101", "5001": "500101", "5003": "500301", "5101": "510101"}.get(
        area, area
    )


def place(area: str) -> dict[str, Any]:
    return {"kind": "hospital", "name": "โรงพยาบาล", "area": subdistrict(area)}


BODIES: Mapping[str, Callable[[str, UUID], Any]] = {
    "POST /v1/organisations": lambda area, _: {"name": "อบต.", "kind": "agency", "area": area},
    "POST /v1/appointments": lambda area, organisation: {
        "name": "สมหญิง ใจดี",
        "phone": f"08{int.from_bytes(os.urandom(3)) % 10**8:08}",
        "role": "volunteer" if len(area) == 6 else "place_officer",
        "area": area,
        "organisation_id": str(organisation),
    },
    "POST /v1/systems": lambda area, _: {"name": "HIS", "area": area},
    "POST /v1/trainings/courses": lambda area, _: {
        "title_th": "การสำรวจ",
        "title_en": "Surveying",
        "audience": "public",
        "area": area,
    },
    "POST /v1/trainings/sessions": lambda area, _: {
        "course_id": str(uuid4()),
        "place": "ที่ว่าการอำเภอ",
        "begins_at": "2022-03-01T09:00:00+07:00",
        "ends_at": "2022-03-01T12:00:00+07:00",
        "capacity": 30,
        "area": area,
    },
    "POST /v1/directives": lambda area, _: {
        "reference": str(uuid4()),
        "title_th": "เร่งรัดการสำรวจ",
        "text_th": "โปรดดำเนินการ",
        "roles": ["volunteer"],
        "area": area,
    },
    "POST /v1/volunteers/assisted": lambda area, organisation: {
        "organisation_id": str(organisation),
        "name": "สมหญิง ใจดี",
        "phone": f"08{int.from_bytes(os.urandom(3)) % 10**8:08}",
        "area": area,
    },
    "POST /v1/facilities": lambda area, _: place(area),
    "POST /v1/subscriptions": lambda area, _: {
        "url": "https://hospital.example/hook",
        "streams": ["help-updated"],
        "area": area,
    },
    "PUT /v1/facilities/{facility_id}": lambda area, _: place(area),
    "POST /v1/need-to-reach/search": lambda area, _: {"area": area, "phone": "0812345678"},
    "POST /v1/houses": lambda area, _: {"area": subdistrict(area), "house": "99/1"},
    "POST /v1/subject-requests": lambda area, _: {
        "request_id": str(uuid4()),
        "kind": "access",
        "area": subdistrict(area),
        "house": "99/1",
        "identity": "card",
    },
    "POST /v1/submissions": lambda area, _: {
        "submission_id": str(uuid4()),
        "captured_at": "2022-01-15T09:30:00+07:00",
        "address": {"area": subdistrict(area), "house": "99/1"},
        "persons": [{"age": 71}],
    },
    "POST /v1/follow-ups": lambda area, _: {
        "follow_up_id": str(uuid4()),
        "captured_at": "2022-01-15T09:30:00+07:00",
        "household_id": f"{subdistrict(area)}00-0000-8000-8000-000000000001",
        "person_id": str(uuid4()),
        "outcome": "no_answer",
        "contact": "phone",
    },
}
"""Good bodies by route, for an area. One that can only be in a subdistrict is put into one."""
ONLY_SUBDISTRICTS = frozenset(
    {
        "POST /v1/facilities",
        "PUT /v1/facilities/{facility_id}",
        "POST /v1/houses",
        "POST /v1/subject-requests",
        "POST /v1/submissions",
        "POST /v1/follow-ups",
        "POST /v1/appointments",
    }
)
"""What is not held or done in wider areas: there above is no answer to be had."""


ELSEWHERE = frozenset(
    {
        "POST /v1/problems",  # somebody may meet a problem of any area; who answers it is told by its area
        "GET /v1/problems",  # who does not work on problems sees his own, and no area makes them more
        "GET /v1/vaccination-points",  # people are sent across the border of the area too, and points are public
        "POST /v1/volunteers/{volunteer_id}/transfer",  # the person comes first: of an unknown one no area is judged
    }
)
"""Routes whose area is none that the caller has to hold."""
QUERIES = {
    "GET /v1/problems/counts": "month=2022-02",
    "GET /v1/trainings/completions": f"course={UUID(int=1)}",
    "GET /v1/trainings/completions/persons": f"course={UUID(int=1)}",
}
"""What has to be asked along with an area."""


async def test_every_route_that_takes_an_area_keeps_to_the_caller_s(
    services: Services, token_of: Callable[..., str], organisation: UUID
) -> None:
    """The own area and those inside it are allowed; those outside and above it are not."""
    wrong, asked = [], 0
    for name, service, key, route in each(services):
        if not isinstance(route.demand, Right) or key in ELSEWHERE:
            continue
        if "body" in route.area_in:
            assert key in BODIES, f"{name} {key} takes an area: give this test a body for it"
        if "query" not in route.area_in and key not in BODIES:
            continue
        for role in Role:
            if route.demand not in RIGHTS[role]:
                continue
            home = HOME[role]
            token = token_of(role)
            above = [] if key in ONLY_SUBDISTRICTS else ABOVE[home]
            for area, allowed in (
                *((area, True) for area in (home, *INSIDE[home])),
                *((area, False) for area in (*OUTSIDE[home], *above)),
            ):
                if key in BODIES:
                    status = await status_of(
                        service, route, token, body=BODIES[key](area, organisation), match=route.method == "PUT"
                    )
                elif area:
                    status = await status_of(service, route, token, query=f"area={area}&{QUERIES.get(key, '')}")
                else:
                    continue  # a query without an area asks for the caller's own
                asked += 1
                if (status not in (401, 403)) if allowed else (status == 403):
                    continue
                wrong.append(f"{name} {key} as {role} of {home!r} for {area!r}: {status}")
    assert wrong == []
    assert asked > 150


async def test_only_the_whole_country_s_administrator_puts_denominators(
    services: Services, token_of: Callable[..., str]
) -> None:
    reporting = services["reporting"]
    route = reporting.routes["PUT /v1/denominators"]
    table = {"kind": "houses", "source": "x", "dated": "2022-01-01", "rows": [{"area": "500101", "value": 1}]}
    for role in Role:
        expected = 200 if role is Role.CENTRAL_ADMINISTRATOR else 403
        assert await status_of(reporting, route, token_of(role), body=table) == expected, role


async def test_a_token_with_the_right_but_for_another_area_sees_no_more_than_anybody(
    services: Services, token_of: Callable[..., str]
) -> None:
    """Where a token only shows more, none of another place is refused."""
    for name, service, key, route in each(services):
        if route.demand is not Demand.OPTIONAL or route.method != "GET":
            continue
        for role in Role:
            for area in ("", "50", "51"):
                status = await status_of(service, route, token_of(role), query=f"area={area}")
                assert status not in (401, 403), (name, key, role, area)
