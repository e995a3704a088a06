"""Write the generated half of the contract: `python -m shared.contracts.generate [--check | --publish]`.

| file | is |
|---|---|
| `schemas/<topic>.json` | JSON Schema 2020-12 of the event's body |
| `asyncapi.json` | AsyncAPI 3.0: topics, keys, headers, bodies, examples |
| `examples/<topic>/<name>.json` | golden examples: headers, key, body |
| `published/v1/<topic>.<number>.json` | every schema that went out; only `--publish` adds to these |

`--check` writes nothing and leaves with 1 when a file is stale or a schema breaks what was published. `--publish` adds
the current schemas to the published ones where they differ from the last; it is part of a release.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from faststream.kafka import KafkaBroker
from faststream.specification import AsyncAPI
from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from shared.contracts import compatibility
from shared.contracts.golden import Example, examples
from shared.contracts.topics import PUBLIC, Topic

ROOT = Path(__file__).parent


class _WithoutFieldTitles(GenerateJsonSchema):
    """Leaves out the titles that pydantic derives from field names: they repeat the name and say nothing."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        """Never."""
        return False


def rendered() -> dict[Path, str]:
    """Make every generated file, by its path below this folder. The same models always give the same text."""
    golden = list(examples())
    files = {Path("schemas", f"{topic.name}.json"): _text(schema) for topic, schema in schemas().items()}
    files[Path("asyncapi.json")] = _text(asyncapi(golden))
    for example in golden:
        files[Path("examples", example.topic.name, f"{example.name}.json")] = _text(example.as_json())
    return files


def schemas() -> dict[Topic, dict[str, Any]]:
    """The JSON Schema of every public event."""
    made: dict[Topic, dict[str, Any]] = {}
    for topic in PUBLIC:
        schema = _model(topic).model_json_schema(schema_generator=_WithoutFieldTitles)
        made[topic] = {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$id": topic.dataschema,
            **schema,
        }
    return made


def asyncapi(golden: Sequence[Example]) -> dict[str, Any]:
    """The AsyncAPI document: FastStream's, completed by what it cannot know (key, headers, examples, servers)."""
    broker = KafkaBroker("kafka:9092")
    for topic in PUBLIC:
        broker.publisher(topic.name, schema=_model(topic), title=topic.name, description=_summary(topic))
    specification = AsyncAPI(
        broker,
        schema_version="3.0.0",
        title="Jitasa",
        version="1.0.0",
        description="Public events. Each carries `ce_sequence` and `ce_previous`: a subscriber that keeps the last "
        "sequence of each partition drops what it has seen and notices what is missing.",
    )
    document: dict[str, Any] = specification.to_specification().to_jsonable()
    document["servers"] = {
        "kafka": {
            "host": "{host}",
            "protocol": "kafka",
            "description": "The external listener of the installation; each subscriber has its own user.",
            "variables": {"host": {"default": "127.0.0.1:8151", "description": "host and port"}},
            "security": [{"$ref": "#/components/securitySchemes/scram"}],
        }
    }
    # FastStream keeps publishers in a set: the order is given here, so that the file does not change from run to run.
    for section in ("channels", "operations"):
        document[section] = {topic.name: document[section][topic.name] for topic in PUBLIC}
    for topic in PUBLIC:
        channel = document["channels"][topic.name]
        channel["servers"] = [{"$ref": "#/servers/kafka"}]
        channel["messages"] = {"event": {"$ref": f"#/components/messages/{topic.name}"}}
        channel["bindings"] = {
            "kafka": {
                "topic": topic.name,
                "partitions": topic.partitions,
                "topicConfiguration": {"cleanup.policy": ["delete"], "retention.ms": topic.retention_ms},
                "bindingVersion": "0.5.0",
            }
        }
        document["operations"][topic.name]["messages"] = [{"$ref": f"#/channels/{topic.name}/messages/event"}]
    document["components"] = {
        "messages": {topic.name: _message(topic, golden) for topic in PUBLIC},
        "schemas": _components(),
        "securitySchemes": {"scram": {"type": "scramSha512", "description": "SASL SCRAM-SHA-512"}},
    }
    return document


def _message(topic: Topic, golden: Sequence[Example]) -> dict[str, Any]:
    fixed = {"ce_specversion": "1.0", "ce_source": topic.source, "ce_type": topic.event_type}
    fixed |= {"ce_dataschema": topic.dataschema, "content-type": "application/json"}
    headers: dict[str, Any] = {name: {"type": "string", "const": value} for name, value in fixed.items()}
    headers |= {
        "ce_id": {"type": "string", "minLength": 1, "description": "the event's own id"},
        "ce_subject": {"type": "string", "format": "uuid", "description": "the entity's id; also the record's key"},
        "ce_time": {"type": "string", "format": "date-time"},
        "ce_sequence": {
            "type": "string",
            "pattern": "^[0-9]{20}$",
            "description": "strictly increasing within the partition",
        },
        "ce_previous": {
            "type": "string",
            "pattern": "^([0-9]{20}|-)$",
            "description": "the sequence before it in the partition; - for the first",
        },
    }
    return {
        "name": topic.event_type,
        "title": topic.name,
        "summary": _summary(topic),
        "contentType": "application/json",
        "headers": {"type": "object", "required": sorted(headers), "properties": dict(sorted(headers.items()))},
        "payload": {"$ref": f"#/components/schemas/{_model(topic).__name__}"},
        "bindings": {
            "kafka": {
                "key": {"type": "string", "format": "uuid", "description": f"the subject; {_partition(topic)}"},
                "bindingVersion": "0.5.0",
            }
        },
        "examples": [
            {
                "name": example.name,
                "summary": example.summary,
                "headers": example.as_json()["headers"],
                "payload": example.as_json()["body"],
            }
            for example in golden
            if example.topic is topic
        ],
    }


def _components() -> dict[str, Any]:
    _, made = models_json_schema(
        [(_model(topic), "validation") for topic in PUBLIC],
        ref_template="#/components/schemas/{model}",
        schema_generator=_WithoutFieldTitles,
    )
    return dict(sorted(made["$defs"].items()))


def _model(topic: Topic) -> type[BaseModel]:
    if topic.model is None:
        raise ValueError(f"{topic.name} is not a public topic")
    return topic.model


def _summary(topic: Topic) -> str:
    return (_model(topic).__doc__ or "").partition("\n")[0]


def _partition(topic: Topic) -> str:
    key = "key" if topic.deciding is None else f"first {topic.deciding} characters of key"
    return f"partition = crc32({key}) mod n"


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def _present() -> set[Path]:
    folders = (ROOT / "schemas", ROOT / "examples")
    return {path.relative_to(ROOT) for folder in folders for path in folder.rglob("*.json")}


def stale(files: dict[Path, str]) -> list[str]:
    """Say what lies in this folder and should not, or should and does not, as one line for each file."""
    found = [f"{path}: nothing generates it any more" for path in sorted(_present() - files.keys())]
    for path, text in files.items():
        if not (ROOT / path).exists():
            found.append(f"{path}: missing")
        elif (ROOT / path).read_text(encoding="utf-8") != text:
            found.append(f"{path}: differs from the models")
    return found


def _write(files: dict[Path, str]) -> None:
    for path in _present() - files.keys():
        (ROOT / path).unlink()
    for path, text in files.items():
        (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / path).write_text(text, encoding="utf-8", newline="\n")


def _publish(current: dict[str, dict[str, Any]]) -> None:
    earlier = compatibility.published()
    compatibility.PUBLISHED.mkdir(parents=True, exist_ok=True)
    for topic, schema in current.items():
        before = earlier.get(topic, [])
        if not before or before[-1] != schema:
            path = compatibility.PUBLISHED / f"{topic}.{len(before) + 1}.json"
            path.write_text(_text(schema), encoding="utf-8", newline="\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m shared.contracts.generate", description=__doc__.partition("\n")[0])
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--check", action="store_true", help="write nothing; leave with 1 when something is stale")
    mode.add_argument("--publish", action="store_true", help="add the current schemas to the published ones")
    chosen = parser.parse_args(arguments)

    current = {topic.name: schema for topic, schema in schemas().items()}
    files = rendered()
    found = compatibility.breaks(current, compatibility.published())
    if chosen.check:
        found += stale(files)
    if found:
        print("\n".join(found), file=sys.stderr)
        return 1
    if not chosen.check:
        _write(files)
    if chosen.publish:
        _publish(current)
    return 0


if __name__ == "__main__":
    sys.exit(main())
