"""Prometheus beside a stack: found or asked for, and told of every process."""

from pathlib import Path

import pytest
import yaml

from deploy import catalogue
from deploy.local import monitoring
from deploy.local.home import Home
from deploy.monitoring.prometheus import configuration
from deploy.scale import LARGEST, ONE_OF_EACH
from deploy.trouble import Trouble


def test_where_it_is_not_installed_the_message_says_how(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Trouble, match="apt-get install prometheus"):
        monitoring.installed()


def test_every_process_has_a_target_of_its_own_with_its_name() -> None:
    [job] = yaml.safe_load(configuration(8100, LARGEST))["scrape_configs"]
    told = {one["labels"]["process"]: (one["labels"]["service"], one["targets"]) for one in job["static_configs"]}
    assert told == {
        process.name: (service.name, [f"127.0.0.1:{8100 + process.port_offset}"])
        for service, process in catalogue.processes(LARGEST)
    }


def test_it_listens_on_this_machine_alone_and_keeps_within_bounds(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "prometheus").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    home = Home(tmp_path / "home", tmp_path / "tools")
    program = monitoring.program(home, 8100, ONE_OF_EACH, {}, seconds=5)
    program.before()
    command = program.command()
    assert "--web.listen-address=127.0.0.1:8155" in command
    assert any(option.startswith("--storage.tsdb.retention.size=") for option in command)
    written = yaml.safe_load((home.state / "prometheus" / "prometheus.yml").read_text())
    assert all(Path(path).exists() for path in written["rule_files"])
    assert len(written["rule_files"]) == 2
