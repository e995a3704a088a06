"""What was published stays as it was, and what breaks it is neither written nor published."""

import json
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from shared.contracts import generate, rules
from shared.contracts.changelog import changelog, changes
from shared.contracts.publications import Publications
from shared.contracts.topics import Topic

SCHEMAS = {topic.name: schema for topic, schema in generate.schemas().items()}
TODAY = date(2022, 2, 7)


@dataclass
class Folders:
    """A contract of its own, whose generated half may be written."""

    monkeypatch: pytest.MonkeyPatch
    root: Path
    published: Path

    def change(self, change: Callable[[str, dict[str, Any]], object]) -> None:
        """Let the models give other schemas."""
        made: dict[Topic, dict[str, Any]] = deepcopy(generate.schemas())
        for topic, schema in made.items():
            change(topic.name, schema)
        self.monkeypatch.setattr(generate, "schemas", lambda: deepcopy(made))

    def files(self) -> dict[str, str]:
        """Everything that was written."""
        return {str(path): path.read_text() for path in self.root.parent.rglob("*") if path.is_file()}


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folders:
    """Folders of its own, where the contract of now was published."""
    monkeypatch.setattr(generate, "ROOT", tmp_path / "contracts")
    monkeypatch.setattr(generate, "DOCS", tmp_path / "docs")
    monkeypatch.setattr(generate, "PUBLISHED", tmp_path / "published")
    assert generate.main(["--publish"]) == 0
    assert generate.main(["--check"]) == 0
    return Folders(monkeypatch, tmp_path / "contracts", tmp_path / "published")


def remove(_: str, schema: dict[str, Any]) -> None:
    schema["properties"].pop("revision")


def narrow(_: str, schema: dict[str, Any]) -> None:
    schema["properties"]["revision"]["maximum"] = 9


def widen(_: str, schema: dict[str, Any]) -> None:
    for part in schema["$defs"].values():
        if "enum" in part:
            part["enum"].append("another")


def grow(_: str, schema: dict[str, Any]) -> None:
    schema["properties"]["later"] = {"type": "null", "default": None, "description": "nobody knows | yet"}


def test_the_contract_keeps_to_everything_that_was_published() -> None:
    published = Publications()
    assert published.spoiled() == []
    assert generate.breaks(SCHEMAS, rules.rules(), published) == []
    assert published.schemas().keys() == SCHEMAS.keys()


def test_everything_that_goes_out_is_published() -> None:
    unpublished = Publications().unpublished(SCHEMAS, rules.rules())
    assert unpublished.keys() == set(), "run: python -m shared.contracts.generate --publish"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (remove, "/revision: removed"),
        (narrow, "/revision: maximum was 2147483647 and is 9"),
        (widen, "enumerated values added: ['another']"),
    ],
)
def test_what_breaks_is_neither_written_nor_published(
    folders: Folders, capsys: pytest.CaptureFixture[str], change: Callable[[str, dict[str, Any]], None], said: str
) -> None:
    before = folders.files()
    folders.change(change)
    for arguments in ([], ["--check"], ["--publish"]):
        assert generate.main(arguments) == 1
        assert said in capsys.readouterr().err
    assert folders.files() == before


def test_every_publication_counts_and_not_just_the_last(folders: Folders, capsys: pytest.CaptureFixture[str]) -> None:
    folders.change(grow)
    assert generate.main(["--publish"]) == 0
    current = {topic.name: schema for topic, schema in generate.schemas().items()}
    # A third version without the property, put there past the gate: the fourth must still agree with the second.
    third = {stream: deepcopy(schema) for stream, schema in current.items()}
    for schema in third.values():
        schema["properties"].pop("later")
    published = Publications(folders.published)
    published.publish(published.unpublished(third, rules.rules()), TODAY)
    folders.change(lambda _, schema: schema["properties"].pop("later"))
    capsys.readouterr()
    assert generate.main(["--check"]) == 1
    assert "survey-submitted, against publication 2: /later: removed" in capsys.readouterr().err


def test_publishing_adds_and_never_overwrites(folders: Folders) -> None:
    first = folders.files()
    assert generate.main(["--publish"]) == 0
    assert folders.files() == first
    folders.change(grow)
    assert generate.main([]) == 0
    assert generate.main(["--check"]) == 1  # written, and not published
    assert generate.main(["--publish"]) == 0
    assert generate.main(["--check"]) == 0
    published = Publications(folders.published)
    for stream, versions in published.schemas().items():
        assert [version.number for version in versions] == [1, 2], stream
        assert versions[0].document == SCHEMAS[stream]
    assert [each["number"] for each in published.listed] == [1, 2]
    assert json.loads((folders.root / "asyncapi.json").read_text())["info"]["version"] == "1.1.0"


@pytest.mark.parametrize("spoil", ["changed", "removed", "added"])
def test_a_published_file_that_was_touched_is_noticed(
    folders: Folders, capsys: pytest.CaptureFixture[str], spoil: str
) -> None:
    path = folders.published / "v1" / "survey-submitted.1.json"
    if spoil == "changed":
        path.write_text(path.read_text().replace('"maximum": 2147483647', '"maximum": 9'))
        said = "published/v1/survey-submitted.1.json: was changed after it was published"
    elif spoil == "removed":
        path.unlink()
        said = "published/v1/survey-submitted.1.json: was published and is gone"
    else:
        path.with_name("survey-submitted.2.json").write_text(path.read_text())
        said = "published/v1/survey-submitted.2.json: is in no publication"
    for arguments in ([], ["--check"], ["--publish"]):
        capsys.readouterr()
        assert generate.main(arguments) == 1
        assert capsys.readouterr().err.splitlines() == [said]


def test_the_changelog_tells_each_addition_once_and_newest_first(folders: Folders) -> None:
    folders.change(grow)
    assert generate.main(["--publish"]) == 0
    published = Publications(folders.published)
    text = changelog(published)
    assert (folders.root.parent / "docs" / "changelog-events.md").read_text() == text
    assert text.index("## Publication 2") < text.index("## Publication 1")
    assert text.count(r"| `/later` | null | nobody knows \| yet |") == len(SCHEMAS)
    assert text.count("\nNew. ") == len(SCHEMAS)
    versions = published.schemas()["help-updated"]
    assert changes(versions) == [{"path": "/later", "type": "null", "meaning": "nobody knows | yet"}]
    assert changes(versions[:1]) == []


def test_better_words_are_published_as_such(folders: Folders) -> None:
    folders.change(lambda _, schema: schema.update(description="Said better."))
    assert generate.main(["--publish"]) == 0
    assert changelog(Publications(folders.published)).count("nothing that an event may hold has changed") == len(
        SCHEMAS
    )
