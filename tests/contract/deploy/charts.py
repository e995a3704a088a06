"""The chart as Helm renders it, with the tools that look at it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

CHART: Final = Path(__file__).resolve().parents[3] / "deploy" / "helm"
RELEASE: Final = "jitasa"
VALUES: Final = ("small", "province", "country")
Document = dict[str, Any]


def program(name: str, otherwise: str = "with Go on the machine `.ci/run` installs it") -> str:
    """A program that CI installs with Go; skips where it is not here, and says how it comes here otherwise."""
    found = shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", os.defpath), go_programs()]))
    if found is None:
        pytest.skip(f"{name} is not here; {otherwise}")
    return found


@cache
def go_programs() -> str:
    """The folder into which Go installs programs."""
    go = shutil.which("go")
    if go is None:
        return ""
    told = subprocess.run([go, "env", "GOPATH"], capture_output=True, text=True, timeout=60, check=True)
    return str(Path(told.stdout.strip()) / "bin")


def helm(values: str, *arguments: str, chart: Path = CHART) -> subprocess.CompletedProcess[str]:
    """Render the chart with one of its values files and further arguments."""
    command = [program("helm"), "template", RELEASE, str(chart), "--namespace", "jitasa"]
    return subprocess.run(
        [*command, "--values", str(CHART / "values" / f"{values}.yaml"), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@cache
def text(values: str) -> str:
    """The rendered chart."""
    done = helm(values)
    assert done.returncode == 0, done.stderr
    return done.stdout


@cache
def documents(values: str) -> tuple[Document, ...]:
    """The same, read."""
    return tuple(document for document in yaml.load_all(text(values), yaml.CSafeLoader) if document)


def of_kind(values: str, kind: str) -> dict[str, Document]:
    """The documents of a kind, by name without the release's."""
    return {
        each["metadata"]["name"].removeprefix(f"{RELEASE}-"): each for each in documents(values) if each["kind"] == kind
    }


def pods(values: str) -> Iterator[tuple[str, Document]]:
    """The template of every pod of ours, by the name of what makes it."""
    for kind in ("Deployment", "Job"):
        for name, document in of_kind(values, kind).items():
            yield name, document["spec"]["template"]


def variables(template: Document) -> dict[str, str]:
    """What a pod's one container is told."""
    (container,) = template["spec"]["containers"]
    return {each["name"]: each["value"] for each in container["env"]}


def files(template: Document) -> dict[str, tuple[str, str]]:
    """The files that a pod is given: by name, the Secret and its key."""
    (volume,) = (each for each in template["spec"]["volumes"] if each["name"] == "secrets")
    return {
        item["path"]: (source["secret"]["name"], item["key"])
        for source in volume["projected"]["sources"]
        for item in source["secret"]["items"]
    }
