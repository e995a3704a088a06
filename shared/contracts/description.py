"""The AsyncAPI document: what is made of the models, the topics, the rules and the golden examples, and what is said of
servers, guarantees and compatibility."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from faststream.kafka import KafkaBroker
from faststream.specification import AsyncAPI
from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from shared.contracts.golden import Example
from shared.contracts.publications import Publications
from shared.contracts.rules import rules
from shared.contracts.topics import PUBLIC, Topic

Document = dict[str, Any]

DESCRIPTION: Final = """\
The public events of Jitasa. No personal data: the subdistrict is the smallest place that is told of.

## Order and sequence
- `ce_sequence`: {sequence}
- `ce_previous`: {previous}
- The key is the event's subject. {partition}
- {growth}

A subscriber keeps, per topic and partition and in the transaction of its effects, the last sequence that it applied:

{judging}

## Delivery
{delivery} {event}

## Compatibility
Full and transitive within a major version: every reader understands every event, older or newer. A field may be added \
if it is optional; none is removed, renamed, narrowed, widened or made required, no enumeration grows or shrinks, and \
the rules above keep their meaning. Values with a pattern instead of an enumeration may grow: keep what you do not \
know. Ignore fields and headers that you do not know. Every published version of every schema is at `/v1/schemas`.

## Deprecation
A field that has been replaced is marked `deprecated`, says by what, and goes on being filled for the life of its \
major version. A new major version is a new event type in a topic of its own. The old one goes on beside it for at \
least twelve months after the first event of the new one, and its whole history stays.
"""


class WithoutFieldTitles(GenerateJsonSchema):
    """Leaves out the titles that pydantic derives from field names: they repeat the name and say nothing."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        """Never."""
        return False


def model_of(topic: Topic) -> type[BaseModel]:
    """The model of a public topic's events."""
    if topic.model is None:
        raise ValueError(f"{topic.name} is not a public topic")
    return topic.model


def asyncapi(golden: Sequence[Example], publications: Publications) -> Document:
    """The document: FastStream's channels, completed by what it cannot know."""
    broker = KafkaBroker("kafka:9092")
    for topic in PUBLIC:
        broker.publisher(topic.name, schema=model_of(topic), title=topic.name, description=_summary(topic))
    made: Document = AsyncAPI(broker, schema_version="3.0.0").to_specification().to_jsonable()
    channels = {topic.name: _channel(topic, made["channels"][topic.name]) for topic in PUBLIC}
    operations = {topic.name: _operation(topic, made["operations"][topic.name]) for topic in PUBLIC}
    return {
        "asyncapi": made["asyncapi"],
        "info": _info(publications),
        "defaultContentType": "application/json",
        "servers": _servers(),
        "channels": {**channels, "replay": _replay_channel()},
        "operations": {**operations, "replay": _replay_operation()},
        "components": {
            "messages": {
                **{topic.name: _message(topic, golden) for topic in PUBLIC},
                **{f"{topic.name}.replayed": _replayed(topic, golden) for topic in PUBLIC},
                "notice": _notice(),
            },
            "schemas": _components(),
            "securitySchemes": _security(),
        },
        "x-jitasa-rules": {name: rule for name, rule in rules().items() if name != "examples"},
    }


def _info(publications: Publications) -> Document:
    told = {name: rule["says"] for name, rule in rules().items() if "says" in rule}
    judging = "\n".join(
        f"{number}. {step['when']}: **{step['verdict']}**"
        for number, step in enumerate(rules()["judging"]["in_order"], start=1)
    )
    return {
        "title": "Jitasa",
        # Of the contract: a publication only ever adds.
        "version": f"1.{max(0, len(publications.listed) - 1)}.0",
        "description": DESCRIPTION.format(**told | {"judging": f"{judging}\n\n{told['judging']}"}),
        "tags": [{"name": "cloudevents", "description": "CloudEvents 1.0, Kafka's binary mode"}],
    }


def _servers() -> Document:
    host = {"default": "127.0.0.1:8151", "description": "host and port of the installation's external listener"}
    inside = {"default": "127.0.0.1:8150", "description": "host and port of the listener inside the installation"}
    http = {"default": "127.0.0.1:8104", "description": "host and port of the installation's reporting service"}
    return {
        "kafka": {
            "host": "{host}",
            "protocol": "kafka-secure",
            "description": "For subscribers: TLS, and a user of its own for each, who reads what it was granted and "
            "commits in groups that begin with its name.",
            "variables": {"host": host},
            "security": [{"$ref": "#/components/securitySchemes/external"}],
            "bindings": {"kafka": {"bindingVersion": "0.5.0"}},
        },
        "kafka-internal": {
            "host": "{host}",
            "protocol": "kafka",
            "description": "For the installation's own services, on its own network.",
            "variables": {"host": inside},
            "security": [{"$ref": "#/components/securitySchemes/internal"}],
            "bindings": {"kafka": {"bindingVersion": "0.5.0"}},
        },
        "http": {
            "host": "{host}",
            "protocol": "http",
            "description": "The same events by request and answer, for who cannot speak to Kafka; `/v1/schemas` and "
            "this document are there for all, without a token.",
            "variables": {"host": http},
            "security": [{"$ref": "#/components/securitySchemes/token"}],
        },
    }


def _security() -> Document:
    return {
        "external": {"type": "scramSha512", "description": "SASL SCRAM-SHA-512, a user for each subscriber"},
        "internal": {"type": "scramSha256", "description": "SASL SCRAM-SHA-256, a user for each service"},
        "token": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "From registration's `POST /v1/tokens`, by client id and secret",
        },
    }


def _channel(topic: Topic, made: Document) -> Document:
    key = "the key" if topic.deciding is None else f"the key's first {topic.deciding} characters"
    return made | {
        "title": topic.name,
        "description": f"{_summary(topic)}\n\nIn order within a partition; {key} decide{'' if topic.deciding else 's'} "
        "the partition. Keeps everything from the first event."
        + (" It is made with so many partitions and may be given more (rules: growth)." if topic.grows else ""),
        "servers": [{"$ref": "#/servers/kafka"}, {"$ref": "#/servers/kafka-internal"}],
        "messages": {"event": {"$ref": f"#/components/messages/{topic.name}"}},
        "bindings": {
            "kafka": {
                "topic": topic.name,
                "partitions": topic.partitions,
                "topicConfiguration": {"cleanup.policy": ["delete"], "retention.ms": topic.retention_ms},
                "bindingVersion": "0.5.0",
            }
        },
    }


def _operation(topic: Topic, made: Document) -> Document:
    return made | {
        "summary": _summary(topic),
        "messages": [{"$ref": f"#/channels/{topic.name}/messages/event"}],
        "bindings": {"kafka": {"bindingVersion": "0.5.0"}},
    }


def _message(topic: Topic, golden: Sequence[Example]) -> Document:
    fixed = {"ce_specversion": "1.0", "ce_source": topic.source, "ce_type": topic.event_type}
    fixed |= {"ce_dataschema": topic.dataschema, "content-type": "application/json"}
    headers: Document = {name: {"type": "string", "const": value} for name, value in fixed.items()}
    told = rules()
    headers |= {
        "ce_id": {"type": "string", "minLength": 1, "description": "the event's own id"},
        "ce_subject": {"type": "string", "format": "uuid", "description": "the entity's id; also the record's key"},
        "ce_time": {"type": "string", "format": "date-time"},
    }
    for rule in (told["sequence"], told["previous"]):
        headers[rule["header"]] = {"type": "string", "pattern": rule["form"], "description": rule["says"]}
    return {
        "name": topic.event_type,
        "title": topic.name,
        "summary": _summary(topic),
        "contentType": "application/json",
        "headers": {"type": "object", "required": sorted(headers), "properties": dict(sorted(headers.items()))},
        "payload": {"$ref": f"#/components/schemas/{model_of(topic).__name__}"},
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
            for example in _of(topic, golden)
        ],
    }


def _replay_channel() -> Document:
    messages = {topic.name: {"$ref": f"#/components/messages/{topic.name}.replayed"} for topic in PUBLIC}
    return {
        "address": "/v1/streams/{stream}/events",
        "title": "replay",
        "description": "The events of a stream by HTTP, from the beginning, a time or a cursor: those of the token's "
        "area, in order, in lines, as one array, or as server-sent events. `sequence` and `previous` are those of the "
        "feed: of what this area gets from the partition. The same rule holds for them.",
        "servers": [{"$ref": "#/servers/http"}],
        "parameters": {"stream": {"description": "the topic's name", "enum": [topic.name for topic in PUBLIC]}},
        "messages": {**messages, "notice": {"$ref": "#/components/messages/notice"}},
    }


def _replay_operation() -> Document:
    query = {
        "cursor": {"type": "string", "description": "goes on behind it"},
        "from": {"type": "string", "description": "`start`, `end`, or an RFC 3339 time"},
        "area": {"type": "string", "pattern": "^([0-9]{2}){0,3}$", "description": "inside the token's"},
        "limit": {"type": "integer", "minimum": 1},
        "wait": {"type": "number", "minimum": 0, "description": "seconds, when there is nothing yet"},
    }
    return {
        "action": "send",
        "channel": {"$ref": "#/channels/replay"},
        "summary": "Events as an answer",
        "messages": [{"$ref": f"#/channels/replay/messages/{name}"} for name in (*(t.name for t in PUBLIC), "notice")],
        "bindings": {
            "http": {"method": "GET", "query": {"type": "object", "properties": query}, "bindingVersion": "0.3.0"}
        },
    }


def _replayed(topic: Topic, golden: Sequence[Example]) -> Document:
    fixed = {"specversion": "1.0", "source": topic.source, "type": topic.event_type}
    fixed |= {"dataschema": topic.dataschema, "datacontenttype": "application/json"}
    attributes: Document = {name: {"type": "string", "const": value} for name, value in fixed.items()}
    told = rules()
    attributes |= {
        "id": {"type": "string", "minLength": 1},
        "subject": {"type": "string", "format": "uuid"},
        "time": {"type": "string", "format": "date-time"},
        "partition": {"type": "integer", "minimum": 0, "description": "in which sequence and previous hold"},
        "number": {"type": "string", "pattern": told["sequence"]["form"], "description": "1, 2, 3 through the feed"},
        "sequence": {"type": "string", "pattern": told["sequence"]["form"]},
        "previous": {"type": "string", "pattern": told["previous"]["form"]},
        "data": {"$ref": f"#/components/schemas/{model_of(topic).__name__}"},
    }
    example = next(_of(topic, golden))
    payload = {**example.as_cloudevent(), "partition": example.partition, "number": f"{1:020d}"}
    return {
        "name": f"{topic.event_type}, structured",
        "title": f"{topic.name}, by HTTP",
        "summary": f"The same event in CloudEvents' structured mode. {_summary(topic)}",
        "contentType": "application/cloudevents+json",
        "payload": {"type": "object", "required": sorted(attributes), "properties": dict(sorted(attributes.items()))},
        "examples": [{"name": example.name, "summary": example.summary, "payload": payload}],
    }


def _notice() -> Document:
    data = {
        "cursor": {"type": "string", "description": "where to go on"},
        "number": {"type": "string", "pattern": "^[0-9]{20}$", "description": "of the last event before this"},
        "reason": {"type": "string", "description": "of a gap"},
        "partition": {"type": "integer", "minimum": 0, "description": "of a gap"},
    }
    attributes: Document = {
        "specversion": {"type": "string", "const": "1.0"},
        "id": {"type": "string", "minLength": 1},
        "source": {"type": "string", "pattern": "^/jitasa/reporting/streams/"},
        "type": {"type": "string", "pattern": "^care\\.jitasa\\.stream\\.(position|end|gap|heartbeat)\\.v1$"},
        "time": {"type": "string", "format": "date-time"},
        "data": {"type": "object", "required": ["cursor", "number"], "properties": data},
    }
    return {
        "name": "care.jitasa.stream",
        "title": "what the feed itself says",
        "summary": "Where to go on; that there is nothing more now; that something is missing; that it still lives.",
        "contentType": "application/cloudevents+json",
        "payload": {"type": "object", "required": sorted(attributes), "properties": attributes},
    }


def _components() -> Document:
    _, made = models_json_schema(
        [(model_of(topic), "validation") for topic in PUBLIC],
        ref_template="#/components/schemas/{model}",
        schema_generator=WithoutFieldTitles,
    )
    return dict(sorted(made["$defs"].items()))


def _of(topic: Topic, golden: Sequence[Example]) -> Iterator[Example]:
    return (example for example in golden if example.topic is topic)


def _summary(topic: Topic) -> str:
    return (model_of(topic).__doc__ or "").partition("\n")[0]


def _partition(topic: Topic) -> str:
    key = "key" if topic.deciding is None else f"first {topic.deciding} characters of key"
    return f"partition = crc32({key}) mod n"
