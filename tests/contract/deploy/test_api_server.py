"""What the chart makes is taken by a real API server: its own checks, its admission, and the operators' definitions.
Left out where nobody has built one (`api_server.py`): its build is too dear for every run."""

from __future__ import annotations

import copy
import re
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.local.home import Home
from tests.contract.deploy import charts, schemas
from tests.contract.deploy.api_server import ApiServer, api_server
from tests.contract.deploy.charts import CHART, VALUES, Document

CHANGED = re.compile(r"^[+-](?![+-]{2} )\s*(.*)$", re.MULTILINE)
"""A line of a difference, without its sign."""
NEXT = "0.2.0"
"""The version to which the chart goes up."""


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """One that knows what the operators know, with a namespace for each values file."""
    charts.program("helm")
    with api_server(tmp_path_factory.mktemp("api-server")) as running:
        running.define(schemas.definitions(Home.from_environment().tools))
        for values in VALUES:
            running.namespace(values)
        yield running


def _named(documents: Iterable[Document]) -> set[str]:
    return {f"{each['kind'].lower()}/{each['metadata']['name']}" for each in documents}


def _taken(output: str) -> set[str]:
    """What kubectl says was applied, without the groups of its kinds."""
    said = re.findall(r"^(\w+)(?:\.[\w.]+)?/(\S+) serverside-applied", output, re.MULTILINE)
    return {f"{kind}/{name}" for kind, name in said}


def _in(values: str, documents: Iterable[Document]) -> list[Document]:
    """The same in the namespace of a values file."""
    return [_moved(each, values) for each in documents]


def _moved(document: Document, namespace: str) -> Document:
    moved = copy.deepcopy(document)
    moved["metadata"]["namespace"] = namespace
    return moved


@pytest.mark.parametrize("values", VALUES)
def test_every_object_is_taken(server: ApiServer, values: str) -> None:
    documents = _in(values, charts.documents(values))
    for dry in (True, False):
        done = server.apply(documents, values, dry=dry)
        assert done.code == 0, done.errors
        assert done.warnings == [], "also those of Pod Security's restricted level"
        assert _taken(done.output) == _named(documents)


@pytest.mark.parametrize("values", VALUES)
def test_every_pod_is_let_in_at_the_restricted_level(server: ApiServer, values: str) -> None:
    """A Deployment is only warned of; the pods that it makes are refused. Nobody makes them here but the test."""
    accounts = [each for each in charts.documents(values) if each["kind"] == "ServiceAccount"]
    assert server.apply(_in(values, accounts), values).code == 0
    made = [_pod(name, template) for name, template in charts.pods(values)]
    done = server.apply(made, values, dry=True)
    assert (done.code, done.warnings) == (0, []), done.errors
    assert _taken(done.output) == _named(made)


def _pod(name: str, template: Document) -> Document:
    metadata = {**template["metadata"], "name": name}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}


def test_what_is_wrong_is_refused(server: ApiServer) -> None:
    """The tests above would be worth nothing if everything were taken: a field of every kind, and what the restricted
    level forbids."""
    one_of_each = {each["kind"]: each for values in VALUES for each in charts.documents(values)}
    for kind, document in one_of_each.items():
        wrong = _moved(document, "small")
        wrong.get("spec", wrong)["sepc"] = 1
        done = server.apply([wrong], "small", dry=True)
        assert (done.code, "sepc" in done.errors) == (1, True), (kind, done.errors)
    name, template = next(iter(charts.pods("small")))
    for change in (
        {"hostNetwork": True},
        {"securityContext": {"runAsUser": 0}},
        {"volumes": [*template["spec"]["volumes"], {"name": "host", "hostPath": {"path": "/"}}]},
    ):
        pod = _pod(name, template)
        done = server.apply([{**pod, "spec": {**pod["spec"], **change}}], "small", dry=True)
        assert (done.code, 'violates PodSecurity "restricted' in done.errors) == (1, True), (change, done.errors)


def test_an_upgrade_changes_what_it_says(server: ApiServer, tmp_path: Path) -> None:
    """The next version over this one: the image of every process and the version of everything, and nothing else."""
    if shutil.which("diff") is None:
        pytest.skip("diff is not here, by which kubectl shows what changes")
    former = _in("small", _without_jobs(charts.documents("small")))
    assert server.apply(former, "small").code == 0
    assert server.ask("diff", "--server-side", "--field-manager=chart", "-f", "-", documents=former).code == 0
    following = _in("small", _without_jobs(_of_version(NEXT, tmp_path / "chart")))
    assert _named(following) == _named(former)
    found = server.ask("diff", "--server-side", "--field-manager=chart", "-f", "-", documents=following)
    assert found.code == 1, found.errors
    changed = {re.sub(r"\d+\.\d+\.\d+|\d+$", "N", line) for line in CHANGED.findall(found.output)}
    assert changed == {"image: jitasa:N", "app.kubernetes.io/version: N", "generation: N"}
    done = server.apply(following, "small")
    assert (done.code, _taken(done.output)) == (0, _named(following)), done.errors


def _without_jobs(documents: Iterable[Document]) -> list[Document]:
    """Helm deletes them before it makes them anew: what a Job is about never changes."""
    return [each for each in documents if each["kind"] != "Job"]


def _of_version(version: str, folder: Path) -> tuple[Any, ...]:
    shutil.copytree(CHART, folder)
    about = yaml.safe_load((folder / "Chart.yaml").read_text())
    (folder / "Chart.yaml").write_text(yaml.safe_dump({**about, "version": version, "appVersion": version}))
    done = charts.helm("small", chart=folder)
    assert done.returncode == 0, done.stderr
    return tuple(each for each in yaml.load_all(done.stdout, yaml.CSafeLoader) if each)
