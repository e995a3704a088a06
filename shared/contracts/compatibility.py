"""The gate: a schema must agree with every one that was ever published of the same major version, both ways.

Both ways (*full*) means that a new reader reads every old event and an old reader every new one; *transitive* means
that this holds against all published schemas and not just the last, since public topics keep their whole history and
subscribers update when they please.

The rules, stricter than the wording of JSON Schema needs, so that nobody has to work out what a change implies:

1. An optional property may be added to an object, as long as that object allows properties it does not know.
2. A property is never removed or renamed; it neither becomes required nor stops being so.
3. Everything else that constrains a value stays exactly as it was: type, null or not, enumerated values (no fewer: an
   old event would be refused; no more: an old reader would meet a value it cannot count), limits, pattern, format, and
   the default that stands for a missing value.
4. Titles, descriptions, examples, what is marked as deprecated, and the names under `$defs` say nothing about values
   and may change.
5. An event that was published keeps being described.

Whatever these forbid needs a new major version: a new event type beside the old one.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

Schema = Mapping[str, Any]

_SAYS_NOTHING: Final = frozenset({"$schema", "$id", "$defs", "title", "description", "examples", "deprecated"})
_OF_OBJECTS: Final = frozenset({"properties", "required"})
_SCHEMA_VALUED: Final = frozenset({"items", "additionalProperties"})
_SCHEMA_LISTS: Final = frozenset({"anyOf", "oneOf", "allOf", "prefixItems"})


def breaks(current: Mapping[str, Schema], earlier: Mapping[str, Sequence[Schema]]) -> list[str]:
    """Hold every current schema, by topic, against all earlier ones; return one line for each break."""
    found: list[str] = []
    for topic, schemas in earlier.items():
        if topic not in current:
            found.append(f"{topic}: was published and is no longer described")
            continue
        for number, schema in enumerate(schemas, start=1):
            found += [f"{topic}, against publication {number}: {each}" for each in differences(schema, current[topic])]
    return found


def differences(old: Schema, new: Schema) -> list[str]:
    """Compare two schemas of one event by the rules above; return one line for each break, with its path."""
    return list(_compare(old, new, old, new, ""))


def additions(old: Schema, new: Schema) -> dict[str, Schema]:
    """What may be in an event of `new` that `old` did not know: the property's schema by its path."""
    return dict(_additions(old, new, old, new, ""))


def _additions(old: Schema, new: Schema, old_root: Schema, new_root: Schema, path: str) -> Iterator[tuple[str, Schema]]:
    old, new = resolved(old, old_root), resolved(new, new_root)
    before, after = old.get("properties", {}), new.get("properties", {})
    for name, schema in after.items():
        if name not in before:
            yield f"{path}/{name}", resolved(schema, new_root)
        else:
            yield from _additions(before[name], schema, old_root, new_root, f"{path}/{name}")
    if isinstance(old.get("items"), Mapping) and isinstance(new.get("items"), Mapping):
        yield from _additions(old["items"], new["items"], old_root, new_root, f"{path}/items")
    for one, other in zip(old.get("anyOf", ()), new.get("anyOf", ()), strict=False):
        yield from _additions(one, other, old_root, new_root, path)


def _compare(old: Schema, new: Schema, old_root: Schema, new_root: Schema, path: str) -> Iterator[str]:
    old, new = resolved(old, old_root), resolved(new, new_root)
    at = path or "the event"
    yield from _compare_properties(old, new, old_root, new_root, path)
    for keyword in sorted((old.keys() | new.keys()) - _SAYS_NOTHING - _OF_OBJECTS):
        before, after = old.get(keyword), new.get(keyword)
        if keyword in _SCHEMA_VALUED and isinstance(before, Mapping) and isinstance(after, Mapping):
            yield from _compare(before, after, old_root, new_root, f"{path}/{keyword}")
        elif (
            keyword == "patternProperties"
            and before is not None
            and after is not None
            and before.keys() == after.keys()
        ):
            for pattern in before:
                yield from _compare(before[pattern], after[pattern], old_root, new_root, f"{path}/{pattern}")
        elif keyword in _SCHEMA_LISTS and before is not None and after is not None and len(before) == len(after):
            for index, (one, other) in enumerate(zip(before, after, strict=True)):
                # The usual list is "this or null": its members keep the property's own path.
                yield from _compare(one, other, old_root, new_root, path if keyword == "anyOf" else f"{path}/{index}")
        elif keyword == "enum" and before is not None and after is not None:
            if removed := [value for value in before if value not in after]:
                yield f"{at}: enumerated values removed: {removed}"
            if added := [value for value in after if value not in before]:
                yield f"{at}: enumerated values added: {added}"
        elif before != after or (keyword in old) != (keyword in new):
            yield f"{at}: {keyword} was {_shown(old, keyword)} and is {_shown(new, keyword)}"


def _compare_properties(old: Schema, new: Schema, old_root: Schema, new_root: Schema, path: str) -> Iterator[str]:
    before, after = old.get("properties", {}), new.get("properties", {})
    old_required, new_required = set(old.get("required", ())), set(new.get("required", ()))
    for name in before:
        at = f"{path}/{name}"
        if name not in after:
            yield f"{at}: removed"
            continue
        if name in new_required and name not in old_required:
            yield f"{at}: made required"
        if name in old_required and name not in new_required:
            yield f"{at}: no longer required"
        yield from _compare(before[name], after[name], old_root, new_root, at)
    for name in sorted(after.keys() - before.keys()):
        if name in new_required:
            yield f"{path}/{name}: added as required"
        elif old.get("additionalProperties", True) is False:
            yield f"{path}/{name}: added to an object that allows nothing unknown"


def resolved(schema: Schema, root: Schema) -> Schema:
    """Follow a reference into `$defs` of the root; what stands beside it is a constraint too and is kept."""
    while "$ref" in schema:
        name = str(schema["$ref"]).removeprefix("#/$defs/")
        schema = {**root["$defs"][name], **{key: value for key, value in schema.items() if key != "$ref"}}
    return schema


def _shown(schema: Schema, keyword: str) -> str:
    return json.dumps(schema[keyword], ensure_ascii=False, sort_keys=True) if keyword in schema else "absent"
