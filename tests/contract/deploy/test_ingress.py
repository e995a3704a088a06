"""Every route of every service, and every file of its pages, is led to the service that has it; what operators look at
is not led anywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from deploy.catalogue import REGISTRATION, SERVICES
from deploy.cluster.description import served
from deploy.local.home import Home
from deploy.local.tools import Tools
from deploy.rights import applications
from services.facilities.pages import page_routes as facilities_pages
from services.registration.pages import page_routes as registration_pages
from services.registration.settings import PageSettings
from services.reporting.pages import page_routes as reporting_pages
from services.survey.pages import page_routes as survey_pages
from services.survey.settings import SurveySettings
from tests.contract.deploy import charts
from tests.contract.deploy.charts import RELEASE, VALUES

NOT_LED = ("/metrics", "/healthz", "/readyz")


def _paths() -> dict[str, set[str]]:
    """By service."""
    assets = Tools(Home.from_environment().tools).assets
    nothing = Path("nothing")
    survey = SurveySettings(
        jwks_url="",
        token_issuer="",
        sealing_keys_file=nothing,
        household_key_file=nothing,
        blind_index_key_file=nothing,
        assets=assets,
    )
    pages = {
        "registration": registration_pages(PageSettings(assets=assets), sms_sink=False),
        "survey": survey_pages(survey),
        "facilities": facilities_pages(assets),
        "reporting": reporting_pages(assets),
    }
    return {
        name: {*app.openapi()["paths"], "/openapi.json", "/docs", *(route.path for route in pages[name])}
        for name, app in applications().items()
    }


def _led_to(rules: list[dict[str, Any]], host: str, path: str) -> str:
    """As the Ingress specification has it: an exact path before prefixes, of these the longest by its parts."""
    (rule,) = (rule for rule in rules if rule["host"] == host)
    best = ""
    length = -1
    for each in rule["http"]["paths"]:
        parts = [part for part in each["path"].split("/") if part]
        if each["pathType"] == "Exact" and each["path"] == path:
            return str(each["backend"]["service"]["name"])
        fits = [part for part in path.split("/") if part][: len(parts)] == parts
        if each["pathType"] == "Prefix" and fits and len(parts) > length:
            best, length = each["backend"]["service"]["name"], len(parts)
    return best


@pytest.mark.parametrize("values", VALUES)
def test_routes_land_at_their_service(values: str) -> None:
    (ingress,) = charts.of_kind(values, "Ingress").values()
    services = charts.of_kind(values, "Service")
    deployments = charts.of_kind(values, "Deployment")
    rules = ingress["spec"]["rules"]
    told = charts.variables(deployments[served(REGISTRATION).name]["spec"]["template"])
    told["JITASA_REGISTRATION_URL"] = told["JITASA_TOKEN_ISSUER"]
    paths = _paths()
    assert set(paths) == {service.name for service in SERVICES}
    assert all(len(found) > 20 for found in paths.values())
    for service in SERVICES:
        process = served(service).name
        host = told[f"JITASA_{service.name.upper()}_URL"].removeprefix("https://")
        assert {_led_to(rules, host, path) for path in paths[service.name]} == {f"{RELEASE}-{process}"}
        assert {_led_to(rules, host, path) for path in NOT_LED} == {f"{RELEASE}-nowhere"}
        selector = services[process]["spec"]["selector"]
        chosen = [
            name for name, template in charts.pods(values) if selector.items() <= template["metadata"]["labels"].items()
        ]
        assert chosen == [process]
    assert "selector" not in services["nowhere"]["spec"], "nothing answers there"
