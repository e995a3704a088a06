"""Writes what is made from tables: docs/metrics.md, the objectives' rules, and Grafana's dashboards.

`python -m deploy.monitoring.generate`; `--check` writes nothing and says what is out of date.
"""

import sys
from collections.abc import Mapping
from pathlib import Path

from deploy.monitoring import metrics, objectives
from deploy.monitoring.dashboards import grafana
from deploy.monitoring.dashboards.pages import PAGES
from deploy.monitoring.prometheus import FOLDER, RULES


def documents() -> Mapping[Path, str]:
    """Every file, with what belongs in it."""
    return {
        metrics.ROOT / "docs" / "metrics.md": metrics.document(),
        RULES / "objectives.yml": objectives.document(),
        **{FOLDER / "dashboards" / f"{page.name}.json": grafana.document(page) for page in PAGES},
    }


def out_of_date() -> list[Path]:
    """Files that are not what they should be."""
    return [path for path, text in documents().items() if not path.exists() or path.read_text() != text]


def main(arguments: list[str]) -> int:
    """The exit code."""
    stale = out_of_date()
    if arguments == ["--check"]:
        for path in stale:
            print(f"{path.relative_to(metrics.ROOT)} is out of date: python -m deploy.monitoring.generate")
        return 1 if stale else 0
    for path, text in documents().items():
        path.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
