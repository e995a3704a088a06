"""More of a kind: their names, ports and arguments, and that one of each is as it always was."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from deploy import catalogue
from deploy.__main__ import parse
from deploy.local import ports
from deploy.local.home import Home
from deploy.local.stack import Stack
from deploy.scale import LARGEST, MOST, ONE_OF_EACH, Scale
from deploy.trouble import Trouble
from shared.contracts.topics import ALL


def _offsets(scale: Scale) -> dict[str, int]:
    return {process.name: process.port_offset for _, process in catalogue.processes(scale)}


def test_one_of_each_is_the_catalogue_itself() -> None:
    plain = [(service, process) for service in catalogue.SERVICES for process in service.processes]
    assert catalogue.processes(ONE_OF_EACH) == plain


def test_further_ones_are_numbered_and_the_first_keeps_its_name() -> None:
    offsets = _offsets(Scale(recorders=3, intakes=2, projectors=2))
    assert len(offsets) == 14 + 2 + 1 + 1
    assert {name: offset for name, offset in offsets.items() if offset >= 20} == {
        "survey-http": 20,
        "survey-http-2": 21,
        "survey-recorder-2": 31,
        "survey-recorder-3": 32,
        "reporting-projector-2": 41,
    }
    assert (offsets["survey-recorder"], offsets["reporting-projector"]) == (12, 14)


def test_several_intakes_share_the_surveys_port_and_one_does_not() -> None:
    def shared(scale: Scale) -> list[int | None]:
        found = [process for _, process in catalogue.processes(scale) if process.name.startswith("survey-http")]
        return [process.shared_port_offset for process in found]

    assert shared(Scale(intakes=3)) == [2, 2, 2]
    assert shared(ONE_OF_EACH) == [None]


def test_the_largest_stack_has_a_port_for_everybody() -> None:
    offsets = _offsets(LARGEST)
    assert len(offsets) == 11 + 3 * MOST
    fixed = [
        catalogue.OPERATIONS_PORT_OFFSET,
        catalogue.KAFKA_PORT_OFFSET,
        catalogue.KAFKA_CONTROLLER_PORT_OFFSET,
        catalogue.PROMETHEUS_PORT_OFFSET,
        catalogue.POSTGRES_PORT_OFFSET,
    ]
    every = [*offsets.values(), *fixed, 2]
    assert len(set(every)) == len(every)
    further = {catalogue.KAFKA_EXTERNAL_PORT_OFFSET, catalogue.PROMETHEUS_PORT_OFFSET}
    assert set(ports.of_stack(0, LARGEST).values()) == {*every, *further}


def test_the_most_of_a_kind_share_the_partitions_evenly() -> None:
    assert {topic.partitions % MOST for topic in ALL} == {0}


@pytest.mark.parametrize("command", ["up", "demo"])
def test_the_numbers_are_read(command: str) -> None:
    chosen = parse([command, "--recorders", "4", "--projectors=2"])
    assert (chosen.recorders, chosen.intakes, chosen.projectors) == (4, 1, 2)


@pytest.mark.parametrize("number", ["0", "9", "-1", "many", "1.5"])
def test_other_numbers_are_refused_with_what_is_possible(number: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        parse(["up", f"--intakes={number}"])
    assert refused.value.code == 2
    assert "--intakes" in capsys.readouterr().err


def test_a_process_is_told_its_name_and_its_ports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    stack = Stack(Home(tmp_path, tmp_path / "tools"), 9000, scale=Scale(intakes=2))
    told = stack.environment("survey-http-2")
    assert (told["JITASA_HTTP_PORT"], told["JITASA_HTTP_OWN_PORT"]) == ("9002", "9021")
    assert told["JITASA_PROCESS_NAME"] == "survey-http-2"
    # A recorder may be added to a stack that was started with one.
    assert stack.environment("survey-recorder-2")["JITASA_HTTP_PORT"] == "9031"
    alone = Stack(stack.home, 9000).environment("survey-http")
    assert (alone["JITASA_HTTP_PORT"], "JITASA_HTTP_OWN_PORT" in alone) == ("9002", False)


def test_several_intakes_need_linux(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    home = Home(tmp_path, tmp_path / "tools")
    with pytest.raises(Trouble, match="only Linux"):
        Stack(home, 9000, scale=Scale(intakes=2))
    Stack(home, 9000, scale=Scale(recorders=2, projectors=2))
