"""Grafana's JSON of a dashboard."""

import json
from typing import Any, Final, NamedTuple


class Line(NamedTuple):
    """One query of a panel, and how its lines are called; `{{label}}` is that label's value."""

    query: str
    legend: str


class Panel(NamedTuple):
    """One picture. unit: Grafana's word for it."""

    thai: str
    english: str
    unit: str
    lines: tuple[Line, ...]

    @property
    def title(self) -> str:
        """In both languages."""
        return f"{self.thai} · {self.english}"


class Page(NamedTuple):
    """One dashboard; `name` is its file's."""

    name: str
    thai: str
    english: str
    panels: tuple[Panel, ...]


INTERVAL: Final = "$__rate_interval"
"""Grafana's own: four times the scrape interval, or as wide as a pixel."""
_WIDTH, _HEIGHT, _COLUMNS = 12, 8, 24
_SOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}


def document(page: Page) -> str:
    """The file."""
    dashboard: dict[str, Any] = {
        "uid": f"jitasa-{page.name}",
        "title": f"Jitasa: {page.thai} · {page.english}",
        "tags": ["jitasa"],
        "schemaVersion": 39,
        "version": 1,
        "editable": True,
        "timezone": "Asia/Bangkok",
        "refresh": "30s",
        "time": {"from": "now-1h", "to": "now"},
        "templating": {
            "list": [{"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Prometheus"}]
        },
        "links": [
            {"type": "dashboards", "tags": ["jitasa"], "title": "Jitasa", "asDropdown": True, "includeVars": True}
        ],
        "panels": [_panel(panel, number) for number, panel in enumerate(page.panels)],
    }
    return json.dumps(dashboard, ensure_ascii=False, indent=1) + "\n"


def _panel(panel: Panel, number: int) -> dict[str, Any]:
    offset = number * _WIDTH
    return {
        "id": number + 1,
        "type": "timeseries",
        "title": panel.title,
        "datasource": _SOURCE,
        "gridPos": {"x": offset % _COLUMNS, "y": offset // _COLUMNS * _HEIGHT, "w": _WIDTH, "h": _HEIGHT},
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0, "custom": {"fillOpacity": 10}}, "overrides": []},
        "options": {"tooltip": {"mode": "multi", "sort": "desc"}, "legend": {"displayMode": "list"}},
        "targets": [
            {"refId": chr(ord("A") + place), "datasource": _SOURCE, "expr": line.query, "legendFormat": line.legend}
            for place, line in enumerate(panel.lines)
        ],
    }
