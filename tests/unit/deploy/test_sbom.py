"""What everything is made of: the list says what the locks say, and what is installed is what they say."""

import importlib.metadata
import json
import re
from pathlib import Path

import pytest
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from deploy.local.jars import read
from deploy.sbom import bill, npm_packages, python_packages
from deploy.setup import JAR_LIST, RUNTIME_LOCK, TEST_LOCK, WEB_FILES


def normal(name: str) -> str:
    """A package's name as indexes compare them."""
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.parametrize("tests", [False, True])
def test_the_list_is_valid_and_names_every_part_once_with_its_hash(tests: bool) -> None:
    text = JsonV1Dot6(bill(tests=tests)).output_as_string()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    components = json.loads(text)["components"]
    lock = TEST_LOCK if tests else RUNTIME_LOCK
    expected = {f"pkg:pypi/{normal(name)}" for name in re.findall(r"^([\w.-]+)==", lock.read_text(), re.MULTILINE)}
    expected |= {
        "pkg:npm/" + path.removeprefix("node_modules/").replace("@", "%40")
        for path in json.loads(WEB_FILES[1].read_text())["packages"]
        if path
    }
    expected |= {"pkg:maven/" + "/".join(jar.coordinate.split(":")[:2]) for jar in read(JAR_LIST)}
    assert {each["purl"].rpartition("@")[0] for each in components} == expected
    assert len(expected) > 100
    assert [each["purl"] for each in components if not each.get("hashes")] == []
    excluded = {each["name"] for each in components if each.get("scope") == "excluded"}
    assert ("pytest" in excluded) is tests
    assert "fastapi" not in excluded


def test_a_line_without_version_or_hash_and_a_weak_hash_are_refused(tmp_path: Path) -> None:
    lock = tmp_path / "requirements.lock"
    for line in ("httpx>=1 \\", "httpx @ https://example/httpx.whl", "    --hash=md5:d41d8cd98f00b204e9800998ecf8427e"):
        lock.write_text(f"{line}\n")
        with pytest.raises(ValueError, match="neither a package nor a hash"):
            list(python_packages(lock))
    lock.write_text(json.dumps({"packages": {"node_modules/x": {"version": "1", "integrity": "sha1-x"}}}))
    with pytest.raises(ValueError, match="no SHA-512"):
        list(npm_packages(lock))


def test_nothing_is_installed_that_the_locks_do_not_name() -> None:
    locked = {(normal(each.name), each.version) for each in python_packages(TEST_LOCK)}
    installed = {(normal(each.name), each.version) for each in importlib.metadata.distributions()}
    assert {each for each in installed - locked if each[0] not in ("pip", "setuptools")} == set()
