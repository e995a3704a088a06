"""Which processes of a stack run, and how they are: what the supervisor wrote, compared with what really runs."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from deploy.catalogue import PROMETHEUS
from deploy.local.home import Home
from deploy.local.processes import Identity
from deploy.local.supervisor import http_ready

SERVES_NO_HTTP = ("kafka", "postgres")


def is_ready(process: Mapping[str, Any]) -> bool:
    """Asks the process itself."""
    return http_ready(process["port"], "/-/ready" if process["name"] == PROMETHEUS else "/readyz")()


def describe(home: Home, ready: Callable[[Mapping[str, Any]], bool] = is_ready) -> dict[str, Any]:
    """The stack's state. ready: whether a process that serves HTTP and was ready last still is."""
    written = _written(home)
    if written is None:
        return {"home": str(home.root), "running": False, "ready": False, "processes": []}
    supervisor = Identity(written["supervisor"]["pid"], written["supervisor"]["started"])
    running = supervisor.alive()
    processes = []
    for each in written["processes"]:
        alive = bool(each["pid"]) and Identity(each["pid"], each["started"]).alive()
        state = each["state"] if alive or each["state"] in ("paused", "stopped") else "dead"
        if state == "ready" and each["name"] not in SERVES_NO_HTTP and not ready(each):
            state = "unready"
        shown = {**each, "pid": each["pid"] if alive else None, "state": state, "ready": state == "ready"}
        processes.append({name: value for name, value in shown.items() if name != "started"})
    return {
        "home": str(home.root),
        "running": running,
        "ready": running and bool(processes) and all(process["ready"] for process in processes),
        "supervisor": {"pid": supervisor.pid},
        "port_base": written["port_base"],
        "processes": processes,
    }


def supervisor_of(home: Home) -> Identity | None:
    """The supervisor, if it is alive."""
    written = _written(home)
    if written is None:
        return None
    supervisor = Identity(written["supervisor"]["pid"], written["supervisor"]["started"])
    return supervisor if supervisor.alive() else None


def _written(home: Home) -> dict[str, Any] | None:
    try:
        answer: dict[str, Any] = json.loads(home.stack_file.read_text())
    except (FileNotFoundError, ValueError):
        return None
    return answer
