"""FHIR's bulk files: whole or not at all, and what is in them stands up to an outside validator."""

import asyncio
import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from deploy.subscriber.adapters.fhir_resources import location, measure_report
from deploy.subscriber.adapters.monthly import FIGURES, Standing
from deploy.subscriber.sandbox import Sandbox
from services.facilities.domain.kinds import STANDARD
from services.facilities.http.fhir.definitions import EXTENSIONS
from services.facilities.http.fhir.definitions import code_system as kinds_system
from services.reporting.interchange.fhir.measures import MEASURES, code_system, measure_resource
from shared.contracts.golden import examples
from shared.contracts.topics import FACILITY_UPDATED
from tests.integration.facilities.fhir.test_validator import KNOWN, hapi, judged
from tests.integration.subscriber.adapters.conftest import begin, run

__all__ = ["hapi"]

TODAY = "2022-02-07"
PLACES = {example.key: example.event for example in examples() if example.topic == FACILITY_UPDATED}


def lines(path: Path) -> list[dict[str, Any]]:
    """The resources of a file."""
    return [json.loads(line) for line in path.read_text().split("\n")[:-1]]


def exports(folder: Path) -> dict[str, set[str]]:
    """Which exports there are, and of which files."""
    found = [path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")]
    return {path.name: {file.name for file in path.iterdir()} for path in found}


def manifest_of(folder: Path) -> Any:
    """Of an export."""
    return json.loads((folder / "manifest.json").read_text())


FILES = {"Location.ndjson", "MeasureReport.ndjson", "manifest.json"}


async def test_an_export_has_every_place_once_and_the_sums(
    sandbox: Sandbox, environment: Mapping[str, str], tmp_path: Path
) -> None:
    """Places as they are last, sums as the sandbox knows them; a day's export is made once."""
    asked = ("--into", tmp_path, "--today", TODAY, "--base", "https://files.example.go.th/bulk/")
    assert await run("fhir_bulk", environment, *asked) == (0, "Done\n")
    assert exports(tmp_path) == {TODAY: FILES}
    places, reports = (lines(tmp_path / TODAY / name) for name in ("Location.ndjson", "MeasureReport.ndjson"))
    newest: dict[str, int] = {}
    for example in examples():
        if example.topic == FACILITY_UPDATED:
            revision = example.event.model_dump()["revision"]
            newest[example.key] = max(newest.get(example.key, 0), revision)
    assert {each["id"]: int(each["meta"]["versionId"]) for each in places} == newest
    assert len(places) == len(newest)
    february = {each["subject"]["identifier"]["value"]: each for each in reports if each["id"].endswith(".2022-02")}
    # Other tests write campaigns into the other areas.
    whole = february["830101"]["group"][0]["population"][1]["count"]
    assert whole == sandbox.surveys.sums["830101"][1]
    manifest = manifest_of(tmp_path / TODAY)
    base = f"https://files.example.go.th/bulk/{TODAY}"
    assert manifest["output"] == [
        {"type": "Location", "url": f"{base}/Location.ndjson", "count": len(places)},
        {"type": "MeasureReport", "url": f"{base}/MeasureReport.ndjson", "count": len(reports)},
    ]
    assert set(manifest) == {"transactionTime", "request", "requiresAccessToken", "output", "error"}
    assert await run("fhir_bulk", environment, *asked) == (0, "It is there already\n")


async def test_killed_at_any_time_an_export_is_whole_or_not_there(
    sandbox: Sandbox, environment: Mapping[str, str], tmp_path: Path
) -> None:
    """And sums are those of the events, each counted once."""
    for number in range(12):
        process = await begin("fhir_bulk", environment, "--into", tmp_path, "--today", TODAY, "--name", f"n{number}")
        await sandbox.survey(10)
        await asyncio.sleep(0.25 + number * 0.05)  # another moment each time, from before it reads until it has written
        if process.returncode is None:
            process.kill()
        await process.communicate()
    assert all(files == FILES for files in exports(tmp_path).values())
    assert (await run("fhir_bulk", environment, "--into", tmp_path, "--today", TODAY))[0] == 0
    report = next(
        each for each in lines(tmp_path / TODAY / "MeasureReport.ndjson") if each["id"].endswith(".830101.2022-02")
    )
    assert report["group"][0]["population"][0]["count"] == sandbox.surveys.sums["830101"][1]


async def test_a_name_stays_in_its_folder(environment: Mapping[str, str], tmp_path: Path) -> None:
    """No export is put elsewhere."""
    for name in ("../x", ".x", "a/b"):
        assert (await run("fhir_bulk", environment, "--into", tmp_path, "--name", name))[0] == 2


def spoiled(place: dict[str, Any], report: dict[str, Any]) -> dict[str, Any]:
    """Mistakes that a mapping can make, which the validator has to see."""
    return {
        "place": place | {"status": "open"},
        "kind": place | {"type": [{"coding": [place["type"][0]["coding"][-1] | {"code": "temple"}]}]},
        "report": report | {"status": "open"},
        "subject": report | {"subject": "50"},
    }


async def test_an_outside_validator_accepts_every_resource(hapi: Path) -> None:
    """Every golden place; reports of somebody and of nobody, of a month that is over and one that is not."""
    resources: dict[str, Any] = {f"place {key}": location(each.model_dump(mode="json")) for key, each in PLACES.items()}
    for persons in (0, 30):
        standing = Standing("500101", "202202", (2, 1, persons, persons, *(0 for _ in FIGURES[4:])))
        for today in (date(2022, 2, 7), date(2022, 3, 1)):
            resources[f"report {persons} {today}"] = measure_report(standing, today)
    place = next(each for name, each in resources.items() if name.startswith("place"))
    bad = {f"spoiled {name}": each for name, each in spoiled(place, resources["report 30 2022-02-07"]).items()}
    definitions = [
        kinds_system(STANDARD),
        *EXTENSIONS.values(),
        code_system(),
        *(measure_resource(each) for each in MEASURES.values()),
    ]
    found = await judged(hapi, resources | bad, definitions)
    remarks = [one for one in found if one[0] not in bad and one[1] != "INFORMATION"]
    assert [one for one in remarks if not any(known in one[3] for known in KNOWN)] == []
    assert {one[0] for one in found if one[0] in bad and one[1] == "ERROR"} == set(bad)
