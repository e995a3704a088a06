"""The AsyncAPI document: whole, true to the topics and rules, and read by the official parser."""

import asyncio
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from shared.contracts import generate
from shared.contracts.golden import examples
from shared.contracts.rules import rules
from shared.contracts.topics import PUBLIC, SURVEY_INTAKE, Topic
from tests.contract.conftest import READERS

GOLDEN = list(examples())
ASYNCAPI: dict[str, Any] = json.loads((generate.ROOT / "asyncapi.json").read_text(encoding="utf-8"))
PATIENCE_SECONDS: Final = 60.0
"""The parser takes 4 s on an idle machine."""
KNOWN: Final = "asyncapi-latest-version"
"""It recommends 3.1, which adds bindings for robots and is read by fewer tools."""


def test_asyncapi_describes_every_public_topic_and_no_other() -> None:
    assert ASYNCAPI["asyncapi"] == "3.0.0"
    assert list(ASYNCAPI["channels"]) == [*(topic.name for topic in PUBLIC), "replay"]
    assert SURVEY_INTAKE.name not in json.dumps(ASYNCAPI)
    for topic in PUBLIC:
        channel = ASYNCAPI["channels"][topic.name]
        assert channel["address"] == topic.name
        assert channel["bindings"]["kafka"]["partitions"] == topic.partitions
        assert ASYNCAPI["operations"][topic.name]["action"] == "send"
    references = list(_references(ASYNCAPI))
    assert references
    for reference in references:
        assert _target(reference) is not None, reference


@pytest.mark.parametrize("topic", PUBLIC, ids=lambda topic: topic.name)
def test_asyncapi_examples_fit_their_schemas(topic: Topic) -> None:
    message = ASYNCAPI["components"]["messages"][topic.name]
    headers = Draft202012Validator(message["headers"])
    payload = Draft202012Validator({**message["payload"], "components": ASYNCAPI["components"]})
    assert len(message["examples"]) == sum(example.topic is topic for example in GOLDEN)
    for example in message["examples"]:
        headers.validate(example["headers"])
        payload.validate(example["payload"])


@pytest.mark.parametrize("topic", PUBLIC, ids=lambda topic: topic.name)
def test_asyncapi_examples_of_answers_fit_their_schemas(topic: Topic) -> None:
    message = ASYNCAPI["components"]["messages"][f"{topic.name}.replayed"]
    payload = Draft202012Validator(
        {**message["payload"], "components": ASYNCAPI["components"]}, format_checker=FormatChecker()
    )
    assert message["examples"]
    for example in message["examples"]:
        payload.validate(example["payload"])


def test_asyncapi_tells_the_rules_and_the_guarantees() -> None:
    told = ASYNCAPI["info"]["description"]
    assert all(rule["says"] in told for name, rule in rules().items() if name not in ("examples", "key"))
    for heading in ("Order and sequence", "Delivery", "Compatibility", "Deprecation"):
        assert f"## {heading}\n" in told
    assert ASYNCAPI["x-jitasa-rules"]["judging"]["in_order"] == rules()["judging"]["in_order"]


def test_asyncapi_says_how_each_server_is_entered() -> None:
    entered = {
        name: [
            ASYNCAPI["components"]["securitySchemes"][each["$ref"].rpartition("/")[2]]["type"]
            for each in server["security"]
        ]
        for name, server in ASYNCAPI["servers"].items()
    }
    assert entered == {"kafka": ["scramSha512"], "kafka-internal": ["scramSha256"], "http": ["http"]}
    assert ASYNCAPI["servers"]["kafka"]["protocol"] == "kafka-secure"


async def parsed(document: dict[str, Any], node_readers: Path) -> dict[str, Any]:
    """What the official parser found."""
    process = await asyncio.create_subprocess_exec(
        *(str(Path(sys.executable).with_name("node")), str(READERS / "asyncapi.cjs")),
        env={**os.environ, "NODE_PATH": str(node_readers)},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        answer, errors = await asyncio.wait_for(process.communicate(json.dumps(document).encode()), PATIENCE_SECONDS)
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode == 0, errors.decode()
    found: dict[str, Any] = json.loads(answer)
    return found


async def test_the_official_parser_finds_nothing(node_readers: Path) -> None:
    found = await parsed(ASYNCAPI, node_readers)
    assert [each for each in found["said"] if each["code"] != KNOWN] == []
    assert {topic.name for topic in PUBLIC} <= set(found["messages"])


async def test_the_official_parser_sees_what_is_wrong(node_readers: Path) -> None:
    spoiled = json.loads(json.dumps(ASYNCAPI))
    spoiled["operations"]["help-updated"]["action"] = "shout"
    found = await parsed(spoiled, node_readers)
    assert any(each["path"].startswith("operations/help-updated") and each["severity"] == 0 for each in found["said"])


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, each in value.items():
            if key == "$ref":
                yield each
            else:
                yield from _references(each)
    elif isinstance(value, list):
        for each in value:
            yield from _references(each)


def _target(reference: str) -> Any:
    found: Any = ASYNCAPI
    for part in reference.removeprefix("#/").split("/"):
        found = found.get(part) if isinstance(found, dict) else None
    return found
