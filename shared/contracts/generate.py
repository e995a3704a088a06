"""Write the generated half of the contract: `python -m shared.contracts.generate [--check | --publish]`.

| file | is |
|---|---|
| `schemas/<topic>.json` | JSON Schema 2020-12 of the event's body |
| `asyncapi.json` | AsyncAPI 3.0: topics, keys, headers, bodies, examples, rules |
| `examples/<topic>/<name>.json` | golden examples: headers, key, body |
| `docs/changelog-events.md` | what changed from one publication to the next |
| `published/...` | every schema and all rules that went out; only `--publish` adds to these |

Nothing is written when a schema or a rule breaks what was published (`compatibility.py`, `rules.py`) or a published
file was changed. `--check` writes nothing, and leaves with 1 also when a file is stale or something is not published
yet. `--publish` adds what differs from its last publication; it goes with the change itself, since events of a version
that nobody can look up would go out.
"""

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from shared.contracts import compatibility, publications, rules
from shared.contracts.changelog import changelog
from shared.contracts.description import WithoutFieldTitles, asyncapi, model_of
from shared.contracts.golden import examples
from shared.contracts.publications import Publications, as_text
from shared.contracts.topics import PUBLIC, Topic

ROOT = Path(__file__).parent
DOCS = ROOT.parents[1] / "docs"
PUBLISHED = publications.PUBLISHED

CHANGELOG = Path("docs", "changelog-events.md")


def rendered(published: Publications | None = None) -> dict[Path, str]:
    """Make every generated file, by its path below this folder (the changelog: below the checkout). The same models and
    publications always give the same text."""
    published = published or Publications(PUBLISHED)
    golden = list(examples())
    files = {Path("schemas", f"{topic.name}.json"): as_text(schema) for topic, schema in schemas().items()}
    files[Path("asyncapi.json")] = as_text(asyncapi(golden, published))
    for example in golden:
        files[Path("examples", example.topic.name, f"{example.name}.json")] = as_text(example.as_json())
    files[CHANGELOG] = changelog(published)
    return files


def schemas() -> dict[Topic, dict[str, Any]]:
    """The JSON Schema of every public event."""
    made: dict[Topic, dict[str, Any]] = {}
    for topic in PUBLIC:
        schema = model_of(topic).model_json_schema(schema_generator=WithoutFieldTitles)
        made[topic] = {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "$id": topic.dataschema,
            **schema,
        }
    return made


def breaks(current: dict[str, dict[str, Any]], told: dict[str, Any], published: Publications) -> list[str]:
    """The gate: hold schemas and rules against everything that was published; return one line for each break."""
    if spoiled := published.spoiled():
        return spoiled  # what the rest would be held against is not what was published
    earlier = {stream: [each.document for each in versions] for stream, versions in published.schemas().items()}
    found = compatibility.breaks(current, earlier)
    return found + rules.breaks(told, [each.document for each in published.rules()])


def stale(files: dict[Path, str]) -> list[str]:
    """Say what lies in this folder and should not, or should and does not, as one line for each file."""
    found = [f"{path}: nothing generates it any more" for path in sorted(_present() - files.keys())]
    for path, text in files.items():
        if not _place(path).exists():
            found.append(f"{path}: missing")
        elif _place(path).read_text(encoding="utf-8") != text:
            found.append(f"{path}: differs from the models")
    return found


def _present() -> set[Path]:
    folders = (ROOT / "schemas", ROOT / "examples")
    return {path.relative_to(ROOT) for folder in folders for path in folder.rglob("*.json")}


def _place(path: Path) -> Path:
    return DOCS / path.name if path == CHANGELOG else ROOT / path


def _write(files: dict[Path, str]) -> None:
    for path in _present() - files.keys():
        (ROOT / path).unlink()
    for path, text in files.items():
        _place(path).parent.mkdir(parents=True, exist_ok=True)
        _place(path).write_text(text, encoding="utf-8", newline="\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m shared.contracts.generate", description=__doc__.partition("\n")[0])
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--check", action="store_true", help="write nothing; leave with 1 when something is stale")
    mode.add_argument("--publish", action="store_true", help="publish what differs from its last publication")
    chosen = parser.parse_args(arguments)

    current = {topic.name: schema for topic, schema in schemas().items()}
    told = rules.rules()
    published = Publications(PUBLISHED)
    found = breaks(current, told, published)
    if not found and chosen.check:
        found = stale(rendered(published))
        found += [f"published/{name}: not published yet" for name in published.unpublished(current, told)]
    if found:
        print("\n".join(found), file=sys.stderr)
        return 1
    if chosen.publish:
        published = published.publish(published.unpublished(current, told), datetime.now(UTC).date())
    if not chosen.check:
        _write(rendered(published))
    return 0


if __name__ == "__main__":
    sys.exit(main())
