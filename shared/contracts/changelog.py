"""What changed in the events from one publication to the next: made from what was published, and from nothing else."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from shared.contracts.compatibility import Schema, additions, resolved
from shared.contracts.publications import Publications, Version

HEAD = """\
# Changes of the events

Made from the published schemas by `python -m shared.contracts.generate`; a test holds it to them. Newest first. Within
a major version there is nothing but additions ([events.md](events.md#compatibility)): whoever ignores what he does not
know has nothing to do.
"""


def changelog(publications: Publications) -> str:
    """The whole file."""
    schemas, rules = publications.schemas(), publications.rules()
    parts = [HEAD]
    for publication in reversed(publications.listed):
        parts.append(f"## Publication {publication['number']}, {publication['date']}\n")
        for stream, versions in schemas.items():
            for version in versions:
                if _is_of(version, publication):
                    parts.append(f"### {stream}, version {version.number}\n")
                    parts += _of_version(versions[: version.number])
        parts += [
            "### Envelope\n\n" + _of_rules(rules[: version.number]) for version in rules if _is_of(version, publication)
        ]
    return "\n".join(parts)


def changes(versions: Sequence[Version]) -> list[dict[str, str]]:
    """What the last of these versions of a stream added to the one before it: `path`, `type` and `meaning` of each."""
    if len(versions) < 2:
        return []
    before, after = versions[-2].document, versions[-1].document
    return [
        {"path": path, "type": _type(schema, after), "meaning": str(schema.get("description", ""))}
        for path, schema in additions(before, after).items()
    ]


def _is_of(version: Version, publication: Mapping[str, Any]) -> bool:
    return version.sha256 in publication["files"].values()


def _of_version(versions: Sequence[Version]) -> Iterator[str]:
    if len(versions) == 1:
        document = versions[0].document
        yield f"New. {str(document.get('description', '')).partition(chr(10))[0]}\n"
        return
    added = changes(versions)
    if not added:
        yield "Said better; nothing that an event may hold has changed.\n"
        return
    yield "| added, optional | type | meaning |\n|---|---|---|"
    for each in added:
        yield f"| `{each['path']}` | {each['type']} | {each['meaning'].replace('|', chr(92) + '|')} |"
    yield ""


def _of_rules(versions: Sequence[Version]) -> str:
    told = versions[-1].document
    if len(versions) > 1:
        before = versions[-2].document
        added = [f"**{name}**: {told[name]['says']}\n" for name in told if name not in before]
        return "\n".join(["More of the rules is stated; what was stated before holds.\n", *added])
    names = ", ".join(f"`{name}`" for name in told if name != "examples")
    return f"The rules are published as data, with examples, and held like the schemas: {names}.\n"


def _type(schema: Schema, root: Schema) -> str:
    """The type as a reader would say it."""
    schema = resolved(schema, root)
    if "anyOf" in schema:
        return " or ".join(_type(each, root) for each in schema["anyOf"])
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}), root)}"
    if schema.get("type") == "object" and "title" in schema:
        return f"object ({', '.join(schema.get('properties', {}))})"
    return str(schema.get("format") or schema.get("type", "anything"))
