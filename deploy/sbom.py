"""`./jitasa sbom`: what everything is made of, as CycloneDX 1.6, read from the locks.

The locks name every package of Python and npm and every file of Maven by version and hash, and nothing else is ever
installed; so the list is complete without looking at a machine.
"""

from __future__ import annotations

import argparse
import base64
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentScope, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from deploy.local import jars
from deploy.setup import JAR_LIST, RUNTIME_LOCK, TEST_LOCK, WEB_FILES

PINNED: Final = re.compile(r"^(?P<name>[\w.-]+)==(?P<version>[^\s;]+)(?: ; (?P<where>[^\\]+?))? \\$")
HASH: Final = re.compile(r"^    --hash=sha256:(?P<hash>[0-9a-f]{64})(?: \\)?$")
PLATFORMS: Final = "jitasa:needed-where"
"""The property of a package that only some platforms or versions of Python need: the lock's own condition."""


def bill(*, tests: bool) -> Bom:
    """The list. tests: also what only tests need, marked as excluded from what runs."""
    whole = Bom()
    ourselves = Component(name="jitasa", type=ComponentType.APPLICATION)
    whole.metadata.component = ourselves
    running = list(python_packages(RUNTIME_LOCK))
    whole.components.update(running, npm_packages(WEB_FILES[1]), maven_files(JAR_LIST))
    if tests:
        known = {(each.name, each.version) for each in running}
        for each in python_packages(TEST_LOCK):
            if (each.name, each.version) not in known:
                each.scope = ComponentScope.EXCLUDED
                whole.components.add(each)
    # All of them at once: a lock does not say which of its packages wants which.
    whole.register_dependency(ourselves, whole.components)
    return whole


def python_packages(lock: Path) -> Iterator[Component]:
    """The packages of a lock, each with the hashes of all its files: which is installed depends on the platform.

    Raises `ValueError` for a line that neither pins a package nor gives its hash.
    """
    package: Component | None = None
    for line in lock.read_text().splitlines():
        if pinned := PINNED.match(line):
            if package is not None:
                yield package
            package = _library("pypi", "", pinned["name"], pinned["version"])
            if pinned["where"]:
                package.properties.add(Property(name=PLATFORMS, value=pinned["where"]))
        elif (found := HASH.match(line)) and package is not None:
            package.hashes.add(HashType(alg=HashAlgorithm.SHA_256, content=found["hash"]))
        else:
            raise ValueError(f"{lock.name}: neither a package nor a hash: {line}")
    if package is not None:
        yield package


def npm_packages(lock: Path) -> Iterator[Component]:
    """The packages of package-lock.json."""
    for path, told in json.loads(lock.read_text())["packages"].items():
        if not path:
            continue  # ourselves
        group, _, name = path.removeprefix("node_modules/").rpartition("/")
        package = _library("npm", group, name, told["version"])
        algorithm, _, digest = told["integrity"].partition("-")
        if algorithm != "sha512":
            raise ValueError(f"{lock.name}: {path} has no SHA-512")
        package.hashes.add(HashType(alg=HashAlgorithm.SHA_512, content=base64.b64decode(digest).hex()))
        yield package


def maven_files(listing: Path) -> Iterator[Component]:
    """Kafka's files."""
    for jar in jars.read(listing):
        group, name, *others = jar.coordinate.split(":")
        package = _library("maven", group, name, others[-1])
        package.hashes.add(HashType(alg=HashAlgorithm.SHA_256, content=jar.sha256))
        yield package


def _library(kind: str, group: str, name: str, version: str) -> Component:
    url = PackageURL(kind, group or None, name, version)
    return Component(
        name=name, version=version, group=group or None, type=ComponentType.LIBRARY, purl=url, bom_ref=str(url)
    )


def main(arguments: list[str]) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="jitasa sbom", description="What everything is made of, as CycloneDX 1.6.")
    parser.add_argument("--tests", action="store_true", help="also what only tests need")
    chosen = parser.parse_args(arguments)
    print(JsonV1Dot6(bill(tests=chosen.tests)).output_as_string(indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
