"""Every rendered document is what its API server or its operator takes: nothing unknown, nothing missing."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from deploy.local.home import Home
from tests.contract.deploy import charts, schemas
from tests.contract.deploy.charts import VALUES


@pytest.fixture(scope="session")
def of_operators(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of the schemas of what the operators know."""
    charts.program("kubeconform")
    folder = tmp_path_factory.mktemp("operators")
    schemas.operators(Home.from_environment().tools, folder)
    return folder


@pytest.fixture(scope="session", params=schemas.KUBERNETES)
def known(request: pytest.FixtureRequest, of_operators: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The same, and a folder of the schemas of a version of Kubernetes."""
    folder = tmp_path_factory.mktemp("kubernetes")
    schemas.kubernetes(request.param, {each["kind"] for values in VALUES for each in charts.documents(values)}, folder)
    return [folder, of_operators]


def _judge(known: list[Path], text: str) -> dict[str, list[str]]:
    """What kubeconform says: documents by status."""
    command = [charts.program("kubeconform"), "-strict", "-verbose", "-output", "json"]
    done = subprocess.run(
        [*command, *(word for folder in known for word in ("-schema-location", f"{folder}/{schemas.LOCATION}"))],
        input=text,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    found: dict[str, list[str]] = {}
    for each in json.loads(done.stdout)["resources"]:
        found.setdefault(each["status"], []).append(f"{each['kind']} {each['name']}: {each['msg']}")
    return found


@pytest.mark.parametrize("values", VALUES)
def test_documents_are_valid(known: list[Path], values: str) -> None:
    judged = _judge(known, charts.text(values))
    assert set(judged) == {"statusValid"}, judged
    assert len(judged["statusValid"]) == len(charts.documents(values))


def test_what_is_wrong_is_found(known: list[Path]) -> None:
    """In a document of every kind: the test above would be worth nothing for one that is not looked at."""
    documents = {each["kind"]: each for values in VALUES for each in charts.documents(values)}
    wrong = [{**each, "spec": {**each.get("spec", {}), "sepc": 1}} for each in documents.values()]
    judged = _judge(known, "\n---\n".join(map(json.dumps, wrong)))
    assert set(judged) == {"statusInvalid"}, judged
    assert len(judged["statusInvalid"]) == len(documents) >= 12
