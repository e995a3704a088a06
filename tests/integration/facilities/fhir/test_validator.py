"""Every kind of answer, judged by a validator that others have written."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from deploy.local import jars
from deploy.local.home import CHECKOUT, Home
from deploy.progress import Progress
from services.facilities.http.fhir.definitions import EXTENSIONS
from services.facilities.http.fhir.locations import ROLES, coding
from services.facilities.http.fhir.names import ROLE

JARS: Final = Path(__file__).with_name("hapi.sha256")
PATIENCE_SECONDS: Final = 200.0
"""It takes 15 s to begin, on a busy machine three times as long."""
BESIDE_OURS: Final = "None of the codings provided are in the value set 'V3 Value SetServiceDeliveryLocationRoleType'"
"""Without a terminology server it sees this of every type with two codings; so HL7's are judged alone, too."""
KNOWN: Final = (
    BESIDE_OURS,
    "dom-6",  # a resource should also tell itself as a page of HTML: who reads these makes his own pages
    "Unable to resolve package id hl7.fhir.r4.core",  # of definitions: it would fetch what it has
)

ASKED: Final = (
    "metadata",
    "Location?_count=3",
    "Location?_summary=count",
    "Location?near=18.79|98.98|5|km&_count=2",
    "Location?name=ไม่มีชื่อนี้",
    "Organization",
    "Organization/10713",
    "Organization/1AB000123",
    "Organization?address-state=เชียงใหม่&active=true&_count=1",
    "Location/unknown",
    "Location?near=nowhere&_lastUpdated=yesterday",
    "Location?status:above=active",
    "Patient",
    "CodeSystem/facility-kind",
    *(f"StructureDefinition/{name}" for name in EXTENSIONS),
)


@pytest.fixture(scope="module")
def hapi() -> Path:
    """The folder of the validator's jars. In CI they are fetched; elsewhere they are for who has asked for them."""
    folder = Home.from_environment().tools / "fhir-validator"
    wanted = jars.read(JARS)
    if os.environ.get("CI") != "true" and not all((folder / jar.name).exists() for jar in wanted):
        pytest.skip("HAPI's FHIR validator is not here (90 MB of Java); CI=true fetches it, as CI does")
    with Progress(1).step("FHIR validator") as step:
        jars.fetch(wanted, folder, step)
    return folder


async def judged(folder: Path, resources: dict[str, Any], definitions: list[Any]) -> list[list[str]]:
    """What the validator has to say: name, severity, where, message."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.integration.facilities.fhir.hapi", str(folder)),
        cwd=CHECKOUT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    question = json.dumps({"definitions": definitions, "resources": resources}).encode()
    try:
        answer, errors = await asyncio.wait_for(process.communicate(question), PATIENCE_SECONDS)
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode == 0, errors.decode()
    found: list[list[str]] = json.loads(answer)
    return found


def spoiled(location: dict[str, Any]) -> dict[str, Any]:
    """Mistakes that a mapping can make, which the validator has to see."""
    beds = [
        {"url": "https://jitasa.care/fhir/StructureDefinition/beds", "extension": [{"url": "free", "valueString": "3"}]}
    ]
    return {
        "status": location | {"status": "open"},
        "operational status": location | {"operationalStatus": location["operationalStatus"] | {"code": "X"}},
        "time": location
        | {"hoursOfOperation": [{"daysOfWeek": ["mon"], "openingTime": "08:30", "closingTime": "24:00:00"}]},
        "kind": location | {"type": [{"coding": [location["type"][0]["coding"][-1] | {"code": "temple"}]}]},
        "extension": location | {"extension": beds},
    }


async def test_an_outside_validator_accepts_every_answer(
    client: httpx.AsyncClient, register: dict[str, str], hapi: Path
) -> None:
    resources: dict[str, Any] = {}
    for path in (*ASKED, *(f"Location/{each}" for each in register.values())):
        answer = await client.get(f"/fhir/{path}")
        assert answer.headers["content-type"] == "application/fhir+json"
        resources[path] = answer.json()
        following = [link["url"] for link in resources[path].get("link", ()) if link["relation"] == "next"]
        if following:
            resources[f"{path}, next page"] = (await client.get(following[0])).json()
    full = resources[f"Location/{register['โรงพยาบาลสนาม เต็ม']}"]
    bad = {f"spoiled {name}": each for name, each in spoiled(full).items()}
    roles = {
        f"{code} alone": full | {"type": [{"coding": [coding(ROLE, code, name)]}]} for code, name in ROLES.values()
    }
    definitions = [
        resources["CodeSystem/facility-kind"],
        *(resources[f"StructureDefinition/{one}"] for one in EXTENSIONS),
    ]

    found = await judged(hapi, resources | roles | bad, definitions)
    remarks = [one for one in found if one[0] not in bad and one[1] != "INFORMATION"]
    assert [one for one in remarks if not any(known in one[3] for known in KNOWN)] == []
    assert not any(one[0] in roles and BESIDE_OURS in one[3] for one in remarks)
    assert {one[0] for one in found if one[0] in bad and one[1] == "ERROR"} == set(bad)
