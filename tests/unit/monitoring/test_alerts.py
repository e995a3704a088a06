"""Every alert fires and ends when it should: Prometheus' own tool evaluates the rules over made-up series."""

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from deploy.monitoring.objectives import PACES
from deploy.monitoring.prometheus import RULES
from tests.unit.monitoring.cases import CASES, OBJECTIVE_CASES, Case
from tests.unit.monitoring.test_catalogue import alerts

PROMTOOL = shutil.which("promtool")
needs_promtool = pytest.mark.skipif(PROMTOOL is None, reason="promtool (Debian's package prometheus) is not installed")
FILES = sorted(str(path) for path in RULES.glob("*.yml"))


def run(*arguments: str) -> None:
    """Prometheus' tool has to be content."""
    done = subprocess.run([str(PROMTOOL), *arguments], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def trial(name: str, case: Case) -> dict[str, object]:
    """One alert's series, and when it has to be there."""

    def firing(place: int, present: bool) -> dict[str, object]:
        found = [{"labels": "{}", "value": 1}] if present else []
        query = f'max(ALERTS{{alertname="{name}",alertstate="firing"}})'
        return {"expr": query, "eval_time": f"{place * case.step}m", "exp_samples": found}

    return {
        "name": name,
        "interval": f"{case.step}m",
        "input_series": [{"series": series, "values": values} for series, values in case.series.items()],
        "promql_expr_test": [firing(2, False), firing(case.fires, True), firing(case.ends, False)],
    }


def test_every_alert_has_a_case() -> None:
    assert {name for name, _ in alerts()} == set(CASES).union(*OBJECTIVE_CASES)


@needs_promtool
def test_the_rules_are_well_formed() -> None:
    run("check", "rules", *FILES)


@needs_promtool
@pytest.mark.parametrize(
    ("rules", "cases"),
    [("alerts", CASES), *(("objectives", cases) for cases in OBJECTIVE_CASES)],
    ids=["alerts", *(f"objectives-{pace.long}" for pace in PACES)],
)
def test_each_alert_fires_and_ends(rules: str, cases: Mapping[str, Case], tmp_path: Path) -> None:
    [step] = {case.step for case in cases.values()}
    trials = {
        "rule_files": [str(RULES / f"{rules}.yml")],
        "evaluation_interval": f"{step}m",
        "tests": [trial(name, case) for name, case in cases.items()],
    }
    file = tmp_path / "trials.yml"
    file.write_text(yaml.safe_dump(trials))
    run("test", "rules", str(file))
