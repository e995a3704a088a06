"""The compose file says what the catalogue says, and is one."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Final

import jsonschema
import pytest
import yaml

from deploy import wiring
from deploy.catalogue import SERVICES
from deploy.cluster import compose, description
from deploy.cluster.description import served
from deploy.local import kafka
from tests.contract.deploy import schemas

FOLDER: Final = Path(compose.__file__).parents[1] / "compose"
TEXT: Final = (FOLDER / "compose.yaml").read_text()
WRITTEN: Final[dict[str, Any]] = yaml.load(TEXT, yaml.CSafeLoader)


def test_the_file_is_the_codes() -> None:
    assert compose.document() == TEXT, "python -m deploy.cluster.compose > deploy/compose/compose.yaml"


def test_it_is_valid() -> None:
    module = schemas.module(next(name for name in schemas.MODULES if "compose-go" in name))
    jsonschema.Draft7Validator(json.loads((module / "schema" / "compose-spec.json").read_text())).validate(WRITTEN)


def test_every_process_is_there_with_its_settings() -> None:
    for service, process, told in wiring.of_everything():
        found = WRITTEN["services"][process.name]
        assert found["command"] == ["-m", process.module]
        wanted = {variable.name for variable in told if variable.feature is None} - compose.ENCRYPTING
        assert set(found["environment"]) == wanted
        assert found["environment"]["JITASA_HTTP_PORT"] == str(description.port(process))
        assert found["environment"]["JITASA_KAFKA_USERNAME"] == service.name
        assert f":{description.port(process)}/readyz" in found["healthcheck"]["test"][-1]


def test_containers_may_do_little_and_are_limited() -> None:
    for name, found in WRITTEN["services"].items():
        assert found["security_opt"] == ["no-new-privileges:true"], name
        assert found["mem_limit"]
        assert "privileged" not in found
        assert ("ports" in found) == (name == "proxy"), "from outside by the proxy alone"
        if found["image"].startswith("${JITASA_IMAGE"):
            assert found["read_only"] is True
            assert found["cap_drop"] == ["ALL"]
            assert found["user"] == "10001:10001"
    assert WRITTEN["networks"]["inside"] == {"internal": True}
    for name in ("kafka", "postgres"):
        assert WRITTEN["services"][name]["networks"] == ["inside"], "nothing is encrypted there"


def test_secrets_are_files_and_each_is_used() -> None:
    used = {each["source"] for found in WRITTEN["services"].values() for each in found.get("secrets", ())}
    assert used == set(WRITTEN["secrets"])
    for found in WRITTEN["services"].values():
        targets = {each["target"] for each in found.get("secrets", ())}
        pointed = {
            str(value) for value in found.get("environment", {}).values() if str(value).startswith("/run/secrets")
        }
        assert pointed <= targets


def test_the_proxy_leads_each_host_to_its_service_and_keeps_operators_routes() -> None:
    caddy = (FOLDER / "Caddyfile").read_text()
    led = dict(re.findall(r"\{\$JITASA_(\w+)_HOST\} \{\n\timport service (\S+)\n\}", caddy))
    assert led == {
        service.name.upper(): f"{served(service).name}:{description.port(served(service))}" for service in SERVICES
    }
    assert "@operators path /metrics /healthz /readyz" in caddy
    address = WRITTEN["services"]["proxy"]["networks"]["outside"]["ipv4_address"]
    for service in SERVICES:
        assert WRITTEN["services"][served(service).name]["environment"]["FORWARDED_ALLOW_IPS"] == address


def test_the_example_names_all_that_has_to_be_set() -> None:
    example = (FOLDER / "example.env").read_text()
    needed = set(re.findall(r"\$\{(\w+):\?", TEXT))
    assert needed == set(re.findall(r"^(\w+)=", example, re.MULTILINE))
    optional = set(re.findall(r"\$\{(\w+):-", TEXT))
    assert optional == set(re.findall(r"^# (\w+)=", example, re.MULTILINE))


SAFE_SETTINGS: Final = (
    "authorizer.class.name",
    "super.users",
    "allow.everyone.if.no.acl.found",
    "auto.create.topics.enable",
    "message.max.bytes",
    "offsets.retention.minutes",
    "sasl.mechanism.controller.protocol",
    "min.insync.replicas",
)


@pytest.mark.parametrize("name", SAFE_SETTINGS)
def test_the_broker_is_set_as_on_one_machine(name: str) -> None:
    def value(text: str) -> str:
        (found,) = re.findall(rf"^{re.escape(name)}=(.*)$", text, re.MULTILINE)
        return str(found)

    assert value((FOLDER / "kafka.properties").read_text()) == value(kafka._SERVER)
