"""Prints docs/rights.md: `python -m deploy.rights > docs/rights.md`. A test holds the file to the code."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Final

from fastapi import FastAPI

from services.facilities.http import ROUTERS as FACILITIES
from services.registration.http.routes import ROUTERS as REGISTRATION
from services.reporting.http import ROUTERS as REPORTING
from services.survey.http import add_routes as add_survey
from shared.contracts.events import Role
from shared.security.rights import MEANINGS, RIGHTS, Right
from shared.web.access import Access, access_of
from shared.web.app import create_app

_EVERYWHERE: Final = {
    "GET /healthz": "says that the process answers",
    "GET /readyz": "says whether it can work",
    "GET /metrics": "counts and times, nothing of persons; 404 through a proxy",
    "GET /docs": "this interface's description, as a page",
    "GET /docs/start.js": "what the page is made of",
    "GET /docs/{name}": "the same",
    "GET /openapi.json": "this interface's description",
}
OPEN: Final[Mapping[str, Mapping[str, str]]] = {
    "registration": {
        **_EVERYWHERE,
        "GET /.well-known/jwks.json": "public keys, with which everybody checks tokens",
        "POST /v1/codes": "whoever wants to sign in has no token yet; bounded by phone and address",
        "POST /v1/tokens": "here a token is got; failures are bounded by address, phone and system",
        "POST /v1/tokens/revocation": "the token that is sent is the proof, and may have expired (RFC 7009)",
        "POST /v1/volunteers": "whoever signs up has no account yet; a group code is needed, and attempts are bounded",
        "POST /v1/volunteers/{volunteer_id}/phone-confirmation": "nor has who proves his phone; attempts are bounded",
        "POST /v1/phone-proofs": "a citizen has no account, and needs none; bounded by phone and address",
        "POST /v1/phone-proofs/{proof_id}/token": "the code is the proof; attempts are bounded",
        "GET /v1/notices/current": "what everybody is told before he signs up",
        "GET /v1/notices": "the same, with earlier versions",
        "POST /v1/registration-help": "who could sign in would not need help; bounded by phone and address",
        "GET /v1/areas": "the public register of areas",
        "GET /v1/known-problems": "written for everybody, and who cannot sign in needs it most",
        "GET /v1/sms-sink": "for who sits at a machine without an SMS provider; exists nowhere else",
        "GET /v1/trainings": "the public is an audience; a token shows the others' sessions",
        "GET /v1/trainings/courses": "the same",
        "GET /v1/trainings/courses/{course_id}/materials": "the same",
        "GET /v1/trainings/courses/{course_id}/materials/{material_id}/versions/{version}/file": "the same",
        "GET /v1/trainings/sessions/{session_id}": "the same",
        "POST /v1/trainings/sessions/{session_id}/sign-ups": "by name and phone for the public's; bounded",
        "DELETE /v1/trainings/sessions/{session_id}/sign-ups/{sign_up_id}": "the id is what only the guest was told",
        "POST /v1/trainings/sessions/{session_id}/attendance": "a guest attends by his phone and the code; bounded",
    },
    "survey": {
        **_EVERYWHERE,
        "GET /v1/notices/current": "what everybody is told before being asked",
        "GET /v1/notices": "the same, with earlier versions",
        "GET /v1/help-requests/kinds": "which help can be asked for",
        "POST /v1/help-requests/district": "in which district a position lies; the borders are public",
        "GET /v1/help-requests/public": "how many ask for help: counts alone, and none of few persons",
        "GET /v1/openrosa/{key}/formList": "a device's key, in the path, is the proof; failures are bounded by address",
        "GET /v1/openrosa/{key}/forms/jitasa_household.xml": "the same",
        "GET /v1/openrosa/{key}/forms/jitasa_household/manifest": "the same",
        "GET /v1/openrosa/{key}/forms/jitasa_household/areas.csv": "the same",
        "GET /v1/openrosa/{key}/settings.png": "the same",
        "GET /v1/openrosa/{key}/settings.svg": "the same",
        "POST /v1/openrosa/{key}/submission": "the same",
    },
    "facilities": {
        **_EVERYWHERE,
        "GET /v1/facilities": "places are for the public, with institutions' contacts alone",
        "GET /v1/facilities.geojson": "the same for maps",
        "GET /v1/facilities.csv": "the same as a list for spreadsheets",
        "GET /v1/facilities.xlsx": "the same as a workbook",
        "GET /v1/facilities/{facility_id}": "the same, one place",
        "GET /v1/facility-kinds": "which kinds of place there are",
        "GET /v1/holidays": "the public holidays",
        "GET /v1/public/places": "what is open near me: only what a sign at the door would say; bounded by address",
        "GET /v1/public/places.geojson": "the same for maps; bounded by address",
        "GET /v1/public/places/{facility_id}": "the same, one place; bounded by address",
        "GET /fhir/metadata": "what the FHIR interface can do; bounded by address, as all below /fhir and /dhis2",
        "GET /fhir/CodeSystem/{code_system_id}": "the kinds of place, as FHIR has them",
        "GET /fhir/StructureDefinition/{definition_id}": "what is ours in the FHIR answers",
        "GET /fhir/Location": "places for health systems: only what a sign at the door would say",
        "GET /fhir/Location/{location_id}": "the same, one place",
        "GET /fhir/Organization": "institutions by their official codes, with their public contacts",
        "GET /fhir/Organization/{organization_id}": "the same, one institution",
        "GET /dhis2/metadata.json": "what the daily values are",
        "GET /dhis2/organisationUnits.json": "areas and places for DHIS2: only what a sign at the door would say",
        "GET /dhis2/dataValueSets.json": "beds by day, which the public sees too",
    },
    "reporting": {
        **_EVERYWHERE,
        "GET /v1/coverage": "figures are for the public; of few persons only with `figures.exact`",
        "GET /v1/progress": "the same",
        "GET /v1/quality": "the same",
        "GET /v1/history": "the same, by day",
        "GET /v1/coverage.geojson": "the same for maps",
        "GET /dhis2/metadata.json": "what the monthly values are",
        "GET /dhis2/dataValueSets.json": "the same figures by month, for DHIS2",
        "GET /fhir/metadata": "what the FHIR interface can do",
        "GET /fhir/CodeSystem/{code_system_id}": "what the figures are, as FHIR has it",
        "GET /fhir/Measure/{measure_id}": "what is measured",
        "GET /fhir/MeasureReport": "the same figures by month, for health systems",
        "GET /fhir/MeasureReport/{report_id}": "the same, of one area",
        "GET /v1/freshness": "how old the data about places is, nothing of persons",
        "GET /v1/help": "how many ask for help, and how soon it is accepted; of few only with `figures.exact`",
        "GET /v1/volunteers": "how many volunteers there are, nothing of persons",
        "GET /v1/places": "places are for the public",
        "GET /v1/performance": "which months there are, and which are closed",
        "GET /v1/performance/{month}": "sums for the public; of subdistricts and organisations with `figures.exact`, "
        "of volunteers with `volunteer.read`, and all for an organisation's own people",
        "GET /v1/trust": "how the figures agree with the owners' counts, nothing of persons",
        "GET /v1/performance/{month}.csv": "as the month itself",
        "GET /v1/performance/{month}.xlsx": "the same",
        "GET /v1/performance/{month}.pdf": "the same",
        "GET /v1/documents/{document_id}": "the id, which cannot be guessed, was told to whoever ordered it",
        "GET /v1/documents/{document_id}/content": "the same",
        "GET /v1/picture": "the same figures, without those of few persons",
        "GET /v1/live": "the same figures as they change, without those of few persons",
        "GET /v1/schemas": "what events look like, for whoever builds on them; nothing of persons",
        "GET /v1/schemas/{stream}": "the same, of one stream",
        "GET /v1/schemas/{stream}/versions/{version}": "the same, as it was published",
        "GET /v1/schemas/{stream}/examples": "made-up events",
        "GET /v1/asyncapi.json": "the same as an AsyncAPI document",
    },
}
"""Routes that demand no right, by service, and why. A route that is neither here nor demands one fails a test."""

ABSENT: Final = "·"
PRESENT: Final = "●"


def applications() -> Mapping[str, FastAPI]:
    """The routes of the four services, without anything behind them."""
    apps = {name: create_app(title=name, lifespan=_nothing, ready=list) for name in OPEN}
    for router in REGISTRATION:
        apps["registration"].include_router(router)
    add_survey(apps["survey"])
    for router in FACILITIES:
        apps["facilities"].include_router(router)
    for router in REPORTING:
        apps["reporting"].include_router(router)
    return apps


@asynccontextmanager
async def _nothing(_: FastAPI) -> AsyncIterator[None]:
    yield


def document() -> str:
    """The whole file."""
    return "\n".join([HEAD, *_roles(), *_rights(), *_routes()]) + "\n"


HEAD: Final = """\
# Rights

Made by `python -m deploy.rights > docs/rights.md` from `shared/security/rights.py` and the services' routes; do not
edit.

A right says what a role may do, the area of the role where. Both have to hold: a token carries one role and one area
code, and covers the codes that begin with it. A role without the right is answered 403; so is an area that is named and
lies outside (`other_area`). A thing in another area is answered 404: who may not see it is not told that it exists.
Nobody decides about those of his own rank or above (`not_below`), nor appoints them.

`tests/integration/test_rights.py` calls every route below as every role, without a token and as somebody suspended;
and, where an area is named, with the own area and with one inside, outside and above it.
"""


def _roles() -> Iterator[str]:
    yield "## Roles and rights"
    yield ""
    yield f"| right | {' | '.join(role.replace('_', ' ') for role in Role)} |"
    yield "|---|" + ":-:|" * len(Role)
    for right in Right:
        yield f"| `{right}` | {' | '.join(PRESENT if right in RIGHTS[role] else ABSENT for role in Role)} |"
    yield ""


def _rights() -> Iterator[str]:
    yield "| right | to |"
    yield "|---|---|"
    for right in Right:
        yield f"| `{right}` | {MEANINGS[right]} |"
    yield ""


def _routes() -> Iterator[str]:
    yield "## Routes"
    for name, app in applications().items():
        yield ""
        yield f"### {name}"
        yield ""
        yield "| route | demands |"
        yield "|---|---|"
        for one in _own(access_of(app)):
            route = f"{one.method} {one.path}"
            reason = f": {OPEN[name][route]}" if route in OPEN[name] else ""
            demand = f"`{one.demand}`" if isinstance(one.demand, Right) else f"{one.demand}{reason}"
            demand += f", or {one.unless}" if one.unless else ""
            yield f"| `{route}` | {demand} |"
    yield ""
    yield "### every service"
    yield ""
    yield "| route | demands |"
    yield "|---|---|"
    for route, reason in _EVERYWHERE.items():
        yield f"| `{route}` | anybody: {reason} |"
    yield "| a page and its files | anybody: they are in the repository; what a page shows is asked for with a token |"


def _own(routes: Sequence[Access]) -> Iterator[Access]:
    yield from (one for one in routes if f"{one.method} {one.path}" not in _EVERYWHERE)


if __name__ == "__main__":
    print(document(), end="")
