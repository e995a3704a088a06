"""What was published when: `published/publications.json` and the files that it names, each by its sha256.

| file below `published/` | is |
|---|---|
| `v1/<stream>.<number>.json` | a version of an event's schema |
| `v1/rules/<number>.json` | a version of the envelope's rules |
| `publications.json` | the publications in order, each with its date and its files |

Files are added here, never changed and never taken away: the digests show when one was.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any, Final

PUBLISHED: Final = Path(__file__).with_name("published")
ASYNCAPI: Final = Path(__file__).with_name("asyncapi.json")
"""The AsyncAPI document of now, as `generate.py` writes it."""

_LISTING: Final = "publications.json"
_SCHEMAS: Final = "v1"
_RULES: Final = "v1/rules"


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a stream's schema (or of the rules, whose `stream` is "rules"), and when it went out."""

    stream: str
    number: int
    published: date
    content: bytes
    sha256: str

    @property
    def document(self) -> dict[str, Any]:
        """The schema, or the rules."""
        parsed: dict[str, Any] = json.loads(self.content)
        return parsed


@dataclass(frozen=True)
class Publications:
    """All that was published, in order, below a folder."""

    folder: Path = PUBLISHED

    @cached_property
    def listed(self) -> list[dict[str, Any]]:
        """The publications: `number`, `date` and `files`, the sha256 of each by its path below the folder."""
        path = self.folder / _LISTING
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else []

    def schemas(self) -> dict[str, list[Version]]:
        """Every version of every stream's schema, by stream, oldest first."""
        found: dict[str, list[Version]] = {}
        for version in self._versions():
            if version.stream != "rules":
                found.setdefault(version.stream, []).append(version)
        return found

    def rules(self) -> list[Version]:
        """Every version of the rules, oldest first."""
        return [version for version in self._versions() if version.stream == "rules"]

    def spoiled(self) -> list[str]:
        """Say which files are not what was published, one line for each."""
        listed = {name: digest for each in self.listed for name, digest in each["files"].items()}
        present = {
            path.relative_to(self.folder).as_posix(): path
            for path in sorted(self.folder.rglob("*.json"))
            if path.name != _LISTING
        }
        found = [f"published/{name}: was published and is gone" for name in listed if name not in present]
        found += [f"published/{name}: is in no publication" for name in present if name not in listed]
        return found + [
            f"published/{name}: was changed after it was published"
            for name, path in present.items()
            if name in listed and _digest(path.read_bytes()) != listed[name]
        ]

    def unpublished(self, schemas: Mapping[str, Any], rules: Mapping[str, Any]) -> dict[str, str]:
        """What differs from its last publication, as the files that would publish it: text by path."""
        earlier = self.schemas()
        files: dict[str, str] = {}
        for stream, schema in schemas.items():
            before = earlier.get(stream, [])
            if not before or before[-1].document != schema:
                files[f"{_SCHEMAS}/{stream}.{len(before) + 1}.json"] = as_text(schema)
        told = self.rules()
        if not told or told[-1].document != rules:
            files[f"{_RULES}/{len(told) + 1}.json"] = as_text(rules)
        return files

    def publish(self, files: Mapping[str, str], today: date) -> "Publications":
        """Add one publication, unless there is nothing to publish. Returns the publications that there are now."""
        if not files:
            return self
        for name, text in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8", newline="\n") as file:
                file.write(text)
        digests = {name: _digest(text.encode()) for name, text in files.items()}
        added = {"number": len(self.listed) + 1, "date": today.isoformat(), "files": digests}
        (self.folder / _LISTING).write_text(as_text([*self.listed, added]), encoding="utf-8", newline="\n")
        return Publications(self.folder)

    def _versions(self) -> Sequence[Version]:
        found = []
        for publication in self.listed:
            for name, digest in publication["files"].items():
                path = self.folder / name
                stream, _, number = path.stem.rpartition(".")
                when = date.fromisoformat(publication["date"])
                found.append(Version(stream or "rules", int(number), when, path.read_bytes(), digest))
        return sorted(found, key=lambda version: (version.stream, version.number))


def as_text(value: object) -> str:
    """JSON as all generated files have it."""
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
