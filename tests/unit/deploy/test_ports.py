"""A port that is taken is named, with who holds it."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator

import pytest

from deploy.local import ports
from deploy.local.home import HIGHEST_OFFSET, port_base_from_environment
from deploy.trouble import Trouble


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_taken_port_is_named_with_its_process_and_the_way_out(taken: int) -> None:
    with pytest.raises(Trouble) as caught:
        ports.check_free({"survey-http": taken})
    assert f"port {taken} (for survey-http): process {os.getpid()}" in caught.value.en
    assert "JITASA_PORT_BASE" in caught.value.en
    assert "JITASA_PORT_BASE" in caught.value.th


def test_free_ports_are_no_trouble() -> None:
    ports.check_free(ports.of_stack(ports.free_base()))


def test_the_ports_of_a_stack_are_distinct_and_as_documented() -> None:
    offsets = ports.of_stack(0)
    assert len(set(offsets.values())) == len(offsets)
    assert max(offsets.values()) == HIGHEST_OFFSET
    assert {
        name: offsets[name] for name in ("registration-http", "survey-http", "facilities-http", "reporting-http")
    } == {
        "registration-http": 1,
        "survey-http": 2,
        "facilities-http": 3,
        "reporting-http": 4,
    }
    assert (offsets["kafka"], offsets["kafka external"], offsets["postgres"]) == (50, 51, 60)


@pytest.mark.parametrize("text", ["eighty", "80", "65500", "-1", "๘๑๐๐"])
def test_a_bad_port_base_is_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JITASA_PORT_BASE", text)
    with pytest.raises(Trouble, match="JITASA_PORT_BASE"):
        port_base_from_environment()
