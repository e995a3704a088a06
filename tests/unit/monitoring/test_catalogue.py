"""Metrics: code, catalogue and document say the same, and rules and dashboards ask for nothing else."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from prometheus_client import REGISTRY

from deploy.monitoring import generate
from deploy.monitoring.metrics import ROOT, modules, told_by
from deploy.monitoring.objectives import OBJECTIVES
from deploy.monitoring.prometheus import FOLDER, RULES
from shared.observability.metrics import CATALOGUE, LABELS

OTHERS = {
    "up",
    "process_start_time_seconds",
    "process_open_fds",
    "process_max_fds",
    "process_cpu_seconds_total",
}
"""What Prometheus and its client tell by themselves, and our rules use."""
SEVERITIES = ("page", "ticket")


def queries() -> Iterator[tuple[str, str]]:
    """Every query of a rule or a panel, with where it stands."""
    for path in sorted(RULES.glob("*.yml")):
        for group in yaml.safe_load(path.read_text())["groups"]:
            for rule in group["rules"]:
                yield f"{path.name} {rule.get('alert', rule.get('record'))}", rule["expr"]
    for path in sorted((FOLDER / "dashboards").glob("*.json")):
        for panel in json.loads(path.read_text())["panels"]:
            for target in panel["targets"]:
                yield f"{path.name} {panel['title']}", target["expr"]


def alerts() -> Iterator[tuple[str, dict[str, object]]]:
    for path in sorted(RULES.glob("*.yml")):
        for group in yaml.safe_load(path.read_text())["groups"]:
            for rule in group["rules"]:
                if "alert" in rule:
                    yield rule["alert"], rule


def test_what_is_made_from_tables_is_up_to_date() -> None:
    assert generate.out_of_date() == [], "run `python -m deploy.monitoring.generate`"


def test_every_metric_of_the_catalogue_is_told_by_code() -> None:
    told = told_by()
    assert [name for name in CATALOGUE if name not in told] == []
    assert set(told) == set(CATALOGUE)


def test_no_code_makes_metrics_of_its_own() -> None:
    """Only the catalogue does; else nobody would find it."""
    makers = {"Counter", "Gauge", "Histogram", "Summary", "Info", "Enum"}
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        and (node.module or "").startswith("prometheus_client")
        and makers & {alias.name for alias in node.names}
    ]
    assert found == []


def test_what_the_client_knows_is_what_the_catalogue_says() -> None:
    known = {
        f"{family.name}_total" if family.type == "counter" else family.name: (family.type, family.documentation)
        for family in REGISTRY.collect()
        if family.name.startswith("jitasa_")
    }
    assert known == {one.name: (one.type, one.meaning) for one in CATALOGUE.values()}


def test_labels_are_few_and_each_is_explained() -> None:
    assert {label for one in CATALOGUE.values() for label in one.labels} == set(LABELS)
    for one in CATALOGUE.values():
        assert one.unit, one.name
        assert one.meaning.endswith("."), one.name
        assert len(one.labels) <= 3, one.name


def test_rules_and_dashboards_ask_for_what_there_is() -> None:
    series = {
        f"{one.name}{ending}"
        for one in CATALOGUE.values()
        for ending in (("_bucket", "_sum", "_count") if one.type == "histogram" else ("",))
    }
    recorded = {
        rule["record"]
        for path in RULES.glob("*.yml")
        for group in yaml.safe_load(path.read_text())["groups"]
        for rule in group["rules"]
        if "record" in rule
    }
    labels = {*LABELS, "le", "job", "service", "process"}
    for where, query in queries():
        for name in re.findall(
            r"\b(?:jitasa|process|up|python)[a-z0-9_:]*\b", re.sub(r'"[^"]*"|by \([^)]*\)', "", query)
        ):
            assert name in series | recorded | OTHERS, f"{where}: {name}"
        for label in re.findall(r'(\w+)(?:=~|!~|!=|=)"', query):
            assert label in labels, f"{where}: {label}"
        for grouped in re.findall(r"by \(([^)]*)\)", query):
            assert set(re.split(r",\s*", grouped)) <= labels, where


def test_every_alert_says_how_urgent_it_is_in_both_languages_and_has_a_runbook() -> None:
    runbooks = (ROOT / "docs" / "runbooks.md").read_text()
    sections = dict(re.findall(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", runbooks, re.MULTILINE | re.DOTALL))
    anchors = {title.lower().replace(" ", "-"): text for title, text in sections.items()}
    used = set()
    for name, rule in alerts():
        assert rule["labels"]["severity"] in SEVERITIES, name  # type: ignore[index]
        notes = rule["annotations"]
        assert isinstance(notes, dict)
        assert re.search("[ก-๙]", notes["summary_th"]), name
        assert not re.search("[ก-๙]", notes["summary"]), name
        path, _, anchor = notes["runbook"].partition("#")
        assert Path(path) == Path("docs/runbooks.md"), name
        assert anchor in anchors, f"{name}: docs/runbooks.md has no section {anchor}"
        for part in ("**Means.**", "**Look.**", "**Do.**", "**Call.**"):
            assert part in anchors[anchor], f"{anchor} lacks {part}"
        used.add(anchor)
    assert used == set(anchors), "a section of no alert"


@pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda one: one.name)
def test_an_objective_is_a_share(objective: object) -> None:
    assert 0.9 < objective.target < 1  # type: ignore[attr-defined]
