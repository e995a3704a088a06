"""The document of the metrics, made from their catalogue and from the code that tells them."""

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from shared.observability import metrics
from shared.observability.metrics import CATALOGUE, LABELS

ROOT: Final = Path(__file__).resolve().parents[2]
_MODULE: Final = "shared.observability.metrics"
_INTRODUCTION: Final = """\
# Metrics

Made from the catalogue (`shared/observability/metrics.py`) by `python -m deploy.monitoring.generate`;
`tests/unit/monitoring` holds catalogue, code and this page together. Every process answers `/metrics` with those that
it tells, and with Python's and its own process's (`process_*`, `python_*`). What is made of them:
[observability.md](observability.md).
"""


def document() -> str:
    """docs/metrics.md."""
    lines = [_INTRODUCTION, "| metric | type | unit | labels | meaning | told by |", "|---|---|---|---|---|---|"]
    told = told_by()
    for one in CATALOGUE.values():
        labels = ", ".join(f"`{label}`" for label in one.labels) or "-"
        where = ", ".join(f"`{place}`" for place in told.get(one.name, ()))
        lines.append(f"| `{one.name}` | {one.type} | {one.unit} | {labels} | {one.meaning} | {where} |")
    lines += ["", "## Labels", "", "| label | is |", "|---|---|"]
    lines += [f"| `{label}` | {meaning} |" for label, meaning in LABELS.items()]
    lines += [
        "| `service`, `process` | added by the scrape: the service, and the process as `./jitasa status` names it |",
        "",
        "No label holds an id of a person, a household, a volunteer or an organisation, an address, or a path.",
        "",
    ]
    return "\n".join(lines)


def told_by() -> Mapping[str, list[str]]:
    """By metric, the modules that import it from the catalogue to tell it."""
    names = _names()
    found: defaultdict[str, list[str]] = defaultdict(list)
    for path, tree in modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module == _MODULE:
                for alias in node.names:
                    if alias.name in names:
                        found[names[alias.name]].append(str(path.relative_to(ROOT)))
    return found


def modules() -> Iterator[tuple[Path, ast.Module]]:
    """Every module of what runs, but the catalogue itself."""
    for folder in ("services", "shared"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            if path != Path(metrics.__file__):
                yield path, ast.parse(path.read_text())


def _names() -> Mapping[str, str]:
    """By the name in the catalogue's module, the metric's own: Prometheus' client keeps a counter without `_total`."""
    found = {}
    for name, value in vars(metrics).items():
        if name.isupper() and hasattr(value, "describe"):
            [family] = value.describe()
            found[name] = f"{family.name}_total" if family.type == "counter" else family.name
    return found
