"""Every jar is the one of the list, or it is refused."""

from __future__ import annotations

import hashlib
import io
import socket
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from deploy.local import jars
from deploy.local.jars import Jar
from deploy.progress import Step
from deploy.setup import JAR_LIST
from deploy.trouble import Trouble

COORDINATE = "care.jitasa:example:1.0"


class _Silent(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A Maven repository with one jar, and the jar's path."""
    jar = tmp_path / "repository/care/jitasa/example/1.0/example-1.0.jar"
    jar.parent.mkdir(parents=True)
    jar.write_bytes(b"the right content")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Silent, directory=tmp_path / "repository")) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setattr(jars, "_repositories", lambda: {"here": f"http://127.0.0.1:{server.server_port}"})
        yield jar
        server.shutdown()


def _step() -> Step:
    return Step("jars", io.StringIO())


def test_the_right_file_is_taken(repository: Path, tmp_path: Path) -> None:
    jar = Jar(COORDINATE, hashlib.sha256(b"the right content").hexdigest())
    (path,) = jars.fetch([jar], tmp_path / "jars", _step())
    assert path.read_bytes() == b"the right content"
    assert list(path.parent.iterdir()) == [path]


def test_a_file_of_another_checksum_is_refused_and_not_kept(repository: Path, tmp_path: Path) -> None:
    jar = Jar(COORDINATE, hashlib.sha256(b"what was pinned").hexdigest())
    with pytest.raises(Trouble, match="not the file it should be"):
        jars.fetch([jar], tmp_path / "jars", _step())
    assert list((tmp_path / "jars").iterdir()) == []


def test_a_file_that_was_cut_off_is_fetched_again(repository: Path, tmp_path: Path) -> None:
    jar = Jar(COORDINATE, hashlib.sha256(b"the right content").hexdigest())
    (tmp_path / "jars").mkdir()
    (tmp_path / "jars" / jar.name).write_bytes(b"the right")
    (path,) = jars.fetch([jar], tmp_path / "jars", _step())
    assert path.read_bytes() == b"the right content"


def test_no_network_is_one_clear_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound but not listening: connections are refused
        monkeypatch.setattr(jars, "_repositories", lambda: {"here": f"http://127.0.0.1:{closed.getsockname()[1]}"})
        with pytest.raises(Trouble, match="No network"):
            jars.fetch([Jar(COORDINATE, "0" * 64)], tmp_path / "jars", _step())


def test_the_list_pins_one_kafka() -> None:
    names = [jar.name for jar in jars.read()]
    assert f"kafka_2.13-{jars.KAFKA_VERSION}.jar" in names
    assert f"kafka-clients-{jars.KAFKA_VERSION}.jar" in names, (
        "another version of the client breaks the broker at start"
    )
    assert len({name.rpartition("-")[0] for name in names}) == len(names)


def test_the_list_names_no_host() -> None:
    assert "://" not in JAR_LIST.read_text()
