"""A real Prometheus over the real stack: it finds every process, and no panel of a dashboard is empty."""

import asyncio
import json
import re
import shutil
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from deploy import catalogue
from deploy.catalogue import PROMETHEUS
from deploy.local.stack import Stack
from deploy.monitoring.prometheus import FOLDER
from deploy.scale import ONE_OF_EACH
from shared.observability.metrics import CATALOGUE
from tests.e2e.volunteers import found, signed_in

AREA = "850101"  # Ranong: where no other test submits
DEADLINE_SECONDS = 60.0
WINDOW = "30s"

pytestmark = pytest.mark.skipif(
    shutil.which("prometheus") is None, reason="prometheus (Debian's package of that name) is not installed"
)


class Prometheus:
    """What it answers."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http

    def ask(self, path: str, **parameters: str) -> Any:
        """The data of an answer."""
        answer = self._http.get(path, params=parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    def empty(self, queries: dict[str, str]) -> list[str]:
        """Which queries find nothing now."""
        return [where for where, query in queries.items() if not self.ask("/query", query=query)["result"]]


@pytest.fixture(scope="module")
def prometheus(stack: Stack) -> Iterator[Prometheus]:
    stack.start_monitoring(seconds=1)
    address = f"http://127.0.0.1:{stack.process(PROMETHEUS).program.port}/api/v1"
    with httpx.Client(base_url=address, trust_env=False, timeout=20) as http:
        yield Prometheus(http)
    stack.stop_services([PROMETHEUS])


def panels() -> dict[str, str]:
    """Every query of every dashboard, by where it stands."""
    found = {}
    for path in sorted((FOLDER / "dashboards").glob("*.json")):
        for panel in json.loads(path.read_text())["panels"]:
            for target in panel["targets"]:
                query = target["expr"].replace("$__rate_interval", WINDOW)
                found[f"{path.stem}: {panel['title']} ({target['refId']})"] = query
    return found


def send(stack: Stack) -> None:
    """A batch of households, of which one is not accepted, and a look at the map."""
    addresses = stack.addresses()
    households = [found(AREA, [{"age": 40}], ahead=timedelta(days=days)) for days in (3, *[0] * 19)]
    with httpx.Client(trust_env=False, timeout=30, headers=signed_in(stack, 96, AREA)) as http:
        answer = http.post(f"{addresses.survey}/v1/submissions:batch", json={"submissions": households})
        assert {each["status"] for each in answer.json()["results"]} == {202, 400}
        assert http.get(f"{addresses.reporting}/v1/picture").status_code == 200


async def test_no_panel_is_empty_once_something_came_in(stack: Stack, prometheus: Prometheus) -> None:
    queries = panels()
    deadline = time.monotonic() + DEADLINE_SECONDS
    while queries:
        await asyncio.to_thread(send, stack)
        queries = {where: queries[where] for where in await asyncio.to_thread(prometheus.empty, queries)}
        assert time.monotonic() < deadline, f"these stay empty: {sorted(queries)}"


def test_every_process_is_watched(prometheus: Prometheus) -> None:
    targets = prometheus.ask("/targets", state="active")["activeTargets"]
    assert {one["labels"]["process"] for one in targets} == {
        process.name for _, process in catalogue.processes(ONE_OF_EACH)
    }
    assert {one["health"] for one in targets} == {"up"}, [one["lastError"] for one in targets]


def test_every_rule_can_be_evaluated(prometheus: Prometheus) -> None:
    rules = [rule for group in prometheus.ask("/rules")["groups"] for rule in group["rules"]]
    assert len(rules) > 40
    assert [(rule["name"], rule.get("lastError")) for rule in rules if rule["health"] == "err"] == []


def test_what_is_told_is_in_the_catalogue_as_what_it_is(prometheus: Prometheus) -> None:
    told = {name: one[0]["type"] for name, one in prometheus.ask("/metadata").items() if name.startswith("jitasa")}
    # OpenMetrics names a counter without its ending.
    known = {re.sub("_total$", "", name): one.type for name, one in CATALOGUE.items()}
    assert {re.sub("_total$", "", name): kind for name, kind in told.items()}.items() <= known.items()
    assert len(told) > 30


def test_routes_are_templates(prometheus: Prometheus) -> None:
    """An id in a label would be personal, and without end."""
    routes = prometheus.ask("/label/route/values")
    assert "/v1/submissions:batch" in routes
    assert [route for route in routes if re.search(r"[0-9a-f]{8}-[0-9a-f]{4}|\d{4,}", route)] == []
