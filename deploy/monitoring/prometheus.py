"""How Prometheus finds the processes of a stack on one machine: its configuration, made from the catalogue."""

from pathlib import Path
from typing import Any, Final

import yaml

from deploy import catalogue
from deploy.local.ports import HOST
from deploy.scale import ONE_OF_EACH, Scale

FOLDER: Final = Path(__file__).resolve().parent
RULES: Final = FOLDER / "rules"
SCRAPE_SECONDS: Final = 5
"""As often as the slowest measured figures are looked up; a scrape of a process takes 2 to 5 ms of its time."""


def configuration(base: int, scale: Scale = ONE_OF_EACH, *, seconds: int = SCRAPE_SECONDS) -> str:
    """prometheus.yml for a stack whose ports begin at `base`."""
    jobs: list[dict[str, Any]] = [
        {
            "targets": [f"{HOST}:{base + process.port_offset}"],
            "labels": {"service": service.name, "process": process.name},
        }
        for service, process in catalogue.processes(scale)
    ]
    return yaml.safe_dump(
        {
            "global": {"scrape_interval": f"{seconds}s", "evaluation_interval": f"{max(seconds, 5)}s"},
            "rule_files": [str(path) for path in sorted(RULES.glob("*.yml"))],
            "scrape_configs": [{"job_name": "jitasa", "static_configs": jobs}],
        },
        sort_keys=False,
    )
